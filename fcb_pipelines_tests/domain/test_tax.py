from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import Money, Rounding, money, total
from fcb_pipelines.domain.tax import (
    Taxed,
    TaxRate,
    TaxRounding,
    TaxTable,
    TaxUndecided,
    component_tax,
    line_taxes,
    place_of_supply,
    tax_on,
)

LINE, TOTAL = TaxRounding.LINE, TaxRounding.TOTAL
MAY = date(2026, 5, 1)


def a_rate(text: str) -> TaxRate:
    """`CA-NS HST 15 2010-07-01 2025-04-01`, the last day left out where the rate still holds."""
    place, component, percent, first, *last = text.split()
    valid_to = date.fromisoformat(last[0]) if last else None
    return TaxRate(
        place=place,
        component=component,
        percent=Decimal(percent),
        valid_from=date.fromisoformat(first),
        valid_to=valid_to,
    )


def a_table(*rates: str) -> TaxTable:
    return TaxTable(rates=tuple(a_rate(text) for text in rates))


TABLE = a_table(
    "CA-ON HST 13 2010-07-01",
    "CA-NS HST 15 2010-07-01 2025-04-01",
    "CA-NS HST 14 2025-04-01",
    "CA-QC QST 9.975 2013-01-01",
    "CA-QC GST 5 2008-01-01",
    "CA-AB GST 5 2008-01-01",
)


def taxed(nets: list[str], place: str, on: date = MAY, rounding: TaxRounding = LINE) -> dict[str, str]:
    outcome = tax_on([money(net) for net in nets], place, on, TABLE, rounding)
    assert isinstance(outcome, Taxed), outcome
    assert outcome.tax == total((part.amount for part in outcome.components), outcome.tax.currency)
    return {f"{part.component} {part.percent}": str(part.amount) for part in outcome.components}


def undecided(place: str | None, on: date = MAY, table: TaxTable = TABLE) -> str:
    outcome = tax_on([money("100.00 CAD")], place, on, table, LINE)
    assert isinstance(outcome, TaxUndecided), outcome
    assert line_taxes([money("100.00 CAD")], place, on, table) == outcome
    return outcome.reason


@pytest.mark.parametrize(
    ("nets", "place", "tax"),
    [
        (["100.00 CAD"], "CA-ON", {"HST 13": "13.00 CAD"}),
        (["16.67 CAD"], "CA-QC", {"GST 5": "0.83 CAD", "QST 9.975": "1.66 CAD"}),
        (["100.00 CAD"], "CA-AB", {"GST 5": "5.00 CAD"}),
        (["-16.67 CAD"], "CA-QC", {"GST 5": "-0.83 CAD", "QST 9.975": "-1.66 CAD"}),
        (["0.50 CAD"], "CA-ON", {"HST 13": "0.07 CAD"}),
        (["-0.50 CAD"], "CA-ON", {"HST 13": "-0.07 CAD"}),
        (["0.00 CAD"], "CA-ON", {"HST 13": "0.00 CAD"}),
        (["50 JPY"], "CA-ON", {"HST 13": "7 JPY"}),
    ],
)
def test_each_component_is_rounded_by_itself(nets: list[str], place: str, tax: dict[str, str]) -> None:
    assert taxed(nets, place) == tax
    assert taxed(nets, place, rounding=TOTAL) == tax


def test_components_are_listed_by_name() -> None:
    assert list(taxed(["100.00 CAD"], "CA-QC")) == ["GST 5", "QST 9.975"]


@pytest.mark.parametrize(("rounding", "tax"), [(LINE, "26.04 CAD"), (TOTAL, "26.01 CAD")])
def test_rounding_per_line_and_per_total_differ_by_cents(rounding: TaxRounding, tax: str) -> None:
    assert taxed(["16.67 CAD"] * 12, "CA-ON", rounding=rounding) == {"HST 13": tax}


@pytest.mark.parametrize(
    ("rounding", "mode", "tax"),
    [
        (LINE, Rounding.HALF_UP, "0.15 CAD"),
        (LINE, Rounding.HALF_EVEN, "0.10 CAD"),
        (TOTAL, Rounding.HALF_UP, "0.13 CAD"),
        (TOTAL, Rounding.HALF_EVEN, "0.12 CAD"),
    ],
)
def test_half_a_cent_of_tax_goes_the_declared_way(rounding: TaxRounding, mode: Rounding, tax: str) -> None:
    nets = [money("0.50 CAD")] * 5
    outcome, lines = tax_on(nets, "CA-AB", MAY, TABLE, rounding, mode=mode), line_taxes(nets, "CA-AB", MAY, TABLE, mode=mode)
    assert isinstance(outcome, Taxed)
    assert isinstance(lines, tuple)
    assert outcome.tax == money(tax)
    assert rounding is TOTAL or outcome.tax == total((line.tax for line in lines), "CAD")


@pytest.mark.parametrize(
    ("on", "tax"),
    [
        (date(2010, 7, 1), {"HST 15": "15.00 CAD"}),
        (date(2025, 3, 31), {"HST 15": "15.00 CAD"}),
        (date(2025, 4, 1), {"HST 14": "14.00 CAD"}),
    ],
)
def test_the_rate_is_that_of_the_day(on: date, tax: dict[str, str]) -> None:
    assert taxed(["100.00 CAD"], "CA-NS", on) == tax


@pytest.mark.parametrize("place", ["CA-BC", "CA-SK", "CA-MB", "US-NY", "ca-on"])
def test_a_place_without_rates_is_undecided_and_never_untaxed(place: str) -> None:
    assert f"no tax rates are listed for {place}" in undecided(place)


def test_an_unknown_place_is_undecided() -> None:
    assert "place of supply is unknown" in undecided(None)


def test_a_day_without_a_rate_is_undecided() -> None:
    assert undecided("CA-ON", date(2010, 6, 30)) == "no rate of HST is listed for CA-ON on 2010-06-30: add it to fcb.toml"
    ended = a_table("CA-ON HST 13 2010-07-01 2026-05-01")
    assert "no rate of any tax is listed for CA-ON" in undecided("CA-ON", MAY, ended)


def test_a_component_with_a_gap_is_not_left_out() -> None:
    assert "no rate of QST" in undecided("CA-QC", date(2012, 12, 31))
    gap = a_table("CA-QC GST 5 2008-01-01", "CA-QC QST 9 2013-01-01 2026-01-01", "CA-QC QST 10 2026-06-01")
    assert "no rate of QST" in undecided("CA-QC", MAY, gap)


def test_a_component_that_has_ended_is_no_longer_asked() -> None:
    table = a_table("CA-ON PST 8 1980-01-01 2010-07-01", "CA-ON HST 13 2010-07-01")
    outcome = tax_on([money("100.00 CAD")], "CA-ON", MAY, table, LINE)
    assert isinstance(outcome, Taxed)
    assert [part.component for part in outcome.components] == ["HST"]


@pytest.mark.parametrize(
    "second",
    [
        "CA-NS HST 14 2025-03-31",
        "CA-NS HST 15 2010-07-01 2025-04-01",
        "CA-NS HST 14 2009-01-01 2010-07-02",
        "CA-NS HST 9 2000-01-01",
    ],
)
def test_rates_of_one_component_never_overlap(second: str) -> None:
    first = "CA-NS HST 15 2010-07-01 2025-04-01"
    for rates in ((first, second), (second, first)):
        with pytest.raises(InvalidInput, match=r"tax HST of CA-NS .* overlaps with"):
            a_table(*rates)


def test_rates_of_other_places_and_components_may_overlap() -> None:
    assert len(a_table("CA-QC GST 5 2008-01-01", "CA-QC QST 9.975 2013-01-01", "CA-AB GST 5 2008-01-01").rates) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Ontario HST 13 2010-07-01", "place must be a code"),
        ("CA HST 13 2010-07-01", "place must be a code"),
        ("CA-ON HST 0 2010-07-01", "percent must be .* above 0"),
        ("CA-ON HST -13 2010-07-01", "percent must be .* above 0"),
        ("CA-ON HST NaN 2010-07-01", "percent must be an exact decimal"),
        ("CA-ON HST 100.01 2010-07-01", "at most 100"),
        ("CA-ON HST 13 2010-07-01 2010-07-01", "valid_to must be later"),
    ],
)
def test_a_rate_refuses_what_cannot_be_meant(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        a_rate(text)


def test_a_rate_has_a_name_and_an_exact_percent() -> None:
    inexact: Any = 13.0
    with pytest.raises(InvalidInput, match="component has no name"):
        TaxRate(place="CA-ON", component=" ", percent=Decimal(13), valid_from=MAY)
    with pytest.raises(InvalidInput, match="exact decimal"):
        TaxRate(place="CA-ON", component="HST", percent=inexact, valid_from=MAY)


@pytest.mark.parametrize(
    ("country", "state", "place"),
    [
        ("CA", "ON", "CA-ON"),
        (" ca ", "on", "CA-ON"),
        ("CA", None, None),
        ("CA", " ", None),
        (None, "ON", None),
        ("Canada", "ON", None),
        ("CA", "Ontario", None),
    ],
)
def test_the_place_of_supply_needs_both_codes(country: str | None, state: str | None, place: str | None) -> None:
    assert place_of_supply(country, state) == place


def test_a_component_alone_is_rounded_once_and_as_said() -> None:
    assert component_tax(money("16.67 CAD"), Decimal("9.975")) == money("1.66 CAD")
    assert component_tax(money("0.50 CAD"), Decimal(5)) == money("0.03 CAD")
    assert component_tax(money("0.50 CAD"), Decimal(5), Rounding.HALF_EVEN) == money("0.02 CAD")


def test_lines_of_two_currencies_or_none_are_refused() -> None:
    with pytest.raises(InvalidInput, match="different currencies"):
        tax_on([money("1.00 CAD"), money("1 USD")], "CA-ON", MAY, TABLE, LINE)
    with pytest.raises(InvalidInput, match="no net amount"):
        tax_on([], "CA-ON", MAY, TABLE, LINE)


NETS = st.lists(st.decimals(-1000, 1000, places=2).map(lambda amount: Money(amount, "CAD")), min_size=1, max_size=6)


@given(nets=NETS, place=st.sampled_from(["CA-ON", "CA-QC"]), order=st.randoms(use_true_random=False))
def test_taxes_of_lines_add_up_to_the_tax_of_the_invoice(nets: list[Money], place: str, order: Any) -> None:
    lines = line_taxes(nets, place, MAY, TABLE)
    shuffled = sorted(nets, key=lambda _: order.random())
    invoice = tax_on(shuffled, place, MAY, TABLE, LINE)
    assert isinstance(lines, tuple)
    assert isinstance(invoice, Taxed)
    assert total((line.tax for line in lines), "CAD") == invoice.tax


@given(nets=NETS)
def test_the_two_conventions_differ_by_at_most_half_a_cent_per_line_and_one_more(nets: list[Money]) -> None:
    per_line, per_total = (tax_on(nets, "CA-ON", MAY, TABLE, rounding) for rounding in (LINE, TOTAL))
    assert isinstance(per_line, Taxed)
    assert isinstance(per_total, Taxed)
    assert abs(per_line.tax - per_total.tax).amount <= Decimal("0.005") * (len(nets) + 1)
