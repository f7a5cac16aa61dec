"""The sandbox's arithmetic of taxes and places, without a server."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.odoo.sandbox.chart import POSITIONS, TAXES, replaced_by
from fcb_pipelines.odoo.sandbox.partner_rules import normalized_email
from fcb_pipelines.odoo.sandbox.taxes import (
    Amounts,
    Leaf,
    Place,
    Rounding,
    Tax,
    TaxedLine,
    document,
    line_amounts,
    place_of,
    taxes_at,
)
from fcb_pipelines.odoo.sandbox.values import rounded

HST, GST, QST, BOTH, FIXED = 1, 2, 3, 4, 5
RATES = {
    HST: Tax(amount_type="percent", amount=Decimal(13), children=()),
    GST: Tax(amount_type="percent", amount=Decimal(5), children=()),
    QST: Tax(amount_type="percent", amount=Decimal("9.975"), children=()),
    BOTH: Tax(amount_type="group", amount=Decimal(100), children=(GST, QST)),
    FIXED: Tax(amount_type="fixed", amount=Decimal("0.25"), children=()),
}
CENT = Decimal("0.01")
PER_LINE, GLOBALLY = Rounding(is_global=False), Rounding(is_global=True)

PRICES = st.decimals(min_value=0, max_value=1000, places=6)
QUANTITIES = st.decimals(min_value=0, max_value=1000, places=2)


def _line(unit_price: str | Decimal, quantity: str | Decimal = "1", *taxes: int, discount: str = "0") -> TaxedLine:
    return TaxedLine(
        quantity=Decimal(quantity), unit_price=Decimal(unit_price), discount=Decimal(discount), taxes=taxes or (HST,)
    )


LINES = st.lists(st.builds(_line, PRICES, QUANTITIES, st.sampled_from(sorted(RATES))))


def _totals(lines: list[TaxedLine], rounding: Rounding) -> Amounts:
    return document(lines, RATES, rounding).amounts


@pytest.mark.parametrize("rounding", [PER_LINE, GLOBALLY])
@pytest.mark.parametrize(
    ("line", "untaxed", "tax"),
    [
        (_line("100"), "100.00", "13.00"),
        (_line("100", "1", BOTH), "100.00", "14.98"),
        (_line("3", "1", BOTH), "3.00", "0.45"),
        (_line("100", "1", GST, QST), "100.00", "14.98"),
        (_line("100", "1", BOTH, GST), "100.00", "14.98"),
        (_line("100", "2", FIXED), "200.00", "0.50"),
        (_line("-100", "2", FIXED), "-200.00", "-0.50"),
        (_line("100", "2", HST, discount="12.5"), "175.00", "22.75"),
        (_line("-10"), "-10.00", "-1.30"),
    ],
)
def test_a_line(line: TaxedLine, rounding: Rounding, untaxed: str, tax: str) -> None:
    amounts = line_amounts(line, RATES, rounding)
    assert (amounts.untaxed, amounts.tax) == (Decimal(untaxed), Decimal(tax))


@pytest.mark.parametrize(
    ("rounding", "price", "untaxed", "tax"),
    [
        (GLOBALLY, "10.036", "10.04", "1.30"),
        (PER_LINE, "10.036", "10.04", "1.31"),
        (Rounding(is_global=True, decimals=0), "1001.5", "1002", "130"),
        (Rounding(is_global=False, decimals=0), "1011.5", "1012", "132"),
    ],
)
def test_per_line_the_tax_is_of_the_rounded_price(rounding: Rounding, price: str, untaxed: str, tax: str) -> None:
    amounts = line_amounts(_line(price), RATES, rounding)
    assert (amounts.untaxed, amounts.tax) == (Decimal(untaxed), Decimal(tax))


@pytest.mark.parametrize(
    ("value", "shown"), [("1.005", "1.01"), ("-1.005", "-1.01"), ("2.674999", "2.67"), ("0.005", "0.01"), ("0.0049", "0.00")]
)
def test_rounding_is_half_up_away_from_zero(value: str, shown: str) -> None:
    assert rounded(Decimal(value), 2) == Decimal(shown)


@given(lines=LINES)
def test_line_by_line_the_order_is_the_sum_of_its_lines(lines: list[TaxedLine]) -> None:
    parts = [line_amounts(line, RATES, PER_LINE) for line in lines]
    order = _totals(lines, PER_LINE)
    assert order.untaxed == sum((part.untaxed for part in parts), Decimal(0))
    assert order.tax == sum((part.tax for part in parts), Decimal(0))


@given(lines=LINES)
def test_globally_the_order_is_within_half_a_cent_of_the_exact_sum(lines: list[TaxedLine]) -> None:
    exact = sum((line.base for line in lines), Decimal(0))
    assert abs(_totals(lines, GLOBALLY).untaxed - exact) <= CENT / 2


@given(lines=LINES)
def test_no_line_is_booked_more_than_its_share_of_cents_off(lines: list[TaxedLine]) -> None:
    for line, booked in zip(lines, document(lines, RATES, GLOBALLY).bases, strict=True):
        assert abs(booked - rounded(line.base, 2)) <= CENT * (len(lines) // 2 + 1)


@given(lines=LINES, rounding=st.sampled_from([PER_LINE, GLOBALLY]))
def test_the_order_of_lines_does_not_matter(lines: list[TaxedLine], rounding: Rounding) -> None:
    assert _totals(lines[::-1], rounding) == _totals(lines, rounding)


@given(line=st.builds(_line, PRICES, QUANTITIES))
def test_one_line_has_the_same_total_either_way_or_a_cent_of_tax_apart(line: TaxedLine) -> None:
    by_line, by_order = _totals([line], PER_LINE), _totals([line], GLOBALLY)
    assert by_line.untaxed == by_order.untaxed
    assert abs(by_line.tax - by_order.tax) <= CENT


def test_cents_are_laid_on_the_largest_lines_first() -> None:
    lines = [_line("0.004"), _line("0.014"), _line("0.013")]
    assert [str(base) for base in document(lines, RATES, GLOBALLY).bases] == ["0.00", "0.02", "0.01"]


def test_lines_that_come_to_exactly_nothing_are_left_as_they_are() -> None:
    lines = [_line("0.004"), _line("0.004"), _line("-0.008")]
    assert _totals(lines, GLOBALLY).untaxed == Decimal("-0.01")


def test_a_tax_within_and_without_a_group_is_rounded_once_and_booked_twice() -> None:
    found = document([_line("0.3", "1", BOTH), _line("0.3", "1", GST)], RATES, GLOBALLY).taxes
    assert found[Leaf(tax=GST, group=BOTH)] == Decimal("0.01")
    assert found[Leaf(tax=GST, group=None)] == Decimal("0.02")
    assert found[Leaf(tax=QST, group=BOTH)] == Decimal("0.03")


CANADA, STATES, FRANCE = 38, 33, 75
ONTARIO, QUEBEC = 1, 2
PLACES = (
    Place(position=10, country=CANADA, states=(ONTARIO,), replaces={}, has_taxes=True),
    Place(position=11, country=CANADA, states=(QUEBEC,), replaces={HST: (BOTH,)}, has_taxes=True),
    Place(position=12, country=FRANCE, states=(), replaces={}, has_taxes=False),
    Place(position=13, country=None, states=(), replaces={HST: (GST,)}, has_taxes=True),
)


@pytest.mark.parametrize(
    ("country", "state", "position"),
    [
        (CANADA, ONTARIO, 10),
        (CANADA, QUEBEC, 11),
        (CANADA, None, 13),
        (STATES, None, 13),
        (FRANCE, None, 12),
        (None, None, None),
        (None, ONTARIO, None),
    ],
)
def test_the_most_precise_place_is_taken(country: int | None, state: int | None, position: int | None) -> None:
    place = place_of(country, state, PLACES)
    assert (place and place.position) == position


@pytest.mark.parametrize(
    ("place", "taxes", "mapped"),
    [
        (None, [HST], [HST]),
        (PLACES[0], [HST], [HST]),
        (PLACES[1], [HST], [BOTH]),
        (PLACES[1], [HST, BOTH], [BOTH]),
        (PLACES[2], [HST], []),
        (PLACES[3], [HST, QST], [GST, QST]),
        (PLACES[3], [], []),
    ],
)
def test_taxes_are_replaced_where_they_are_sold(place: Place | None, taxes: list[int], mapped: list[int]) -> None:
    assert taxes_at(place, taxes) == mapped


@pytest.mark.parametrize("position", [entry.code for entry in POSITIONS])
def test_every_place_replaces_the_companys_tax_by_one(position: str) -> None:
    replacing = [
        entry.code for entry in TAXES if position in entry.positions and "hst_sale_tax_13" in {entry.code, *replaced_by(entry)}
    ]
    assert len(replacing) == 1


@pytest.mark.parametrize(
    ("email", "normalized"),
    [
        ("A@B.example", "a@b.example"),
        ("Name <a@b.example>", "a@b.example"),
        ("a@b.example, c@d.example", "a@b.example"),
        ("nobody, c@d.example", "c@d.example"),
        ("not an email", None),
        ("@b.example", None),
        ("a@", None),
        ("", None),
        (None, None),
    ],
)
def test_the_first_address_is_the_one(email: str | None, normalized: str | None) -> None:
    assert normalized_email(email) == normalized
