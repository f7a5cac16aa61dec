"""A price in equal parts: each rounded by itself, or the last takes what the others left of it."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.acts.quote import quote
from fcb_pipelines.domain.conventions import Conventions, Families, Family, Instalments
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import rated_lines
from fcb_pipelines.domain.money import Rounding, round_to
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.pricing import last_instalment
from fcb_pipelines.domain.quotas import NOTHING_USED
from fcb_pipelines.domain.rows import Verdict
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines_tests.builders import TORONTO, a_plan, a_subscription, actual, day, evidence, the_terms
from fcb_pipelines_tests.domain.explained import World, causes

LAST = Instalments.LAST_TAKES_REST


def families(instalments: Instalments, **changes: Any) -> Families:
    return Families(service=Family(conventions=Conventions(instalments=instalments, **changes)))


@pytest.mark.parametrize(
    ("how", "anchor", "changes", "due"),
    [
        (Instalments.EACH, None, {}, ["33.33", "33.33", "33.33"]),
        (LAST, None, {}, ["33.33", "33.33", "33.34"]),
        (LAST, "2026-05-01", {}, ["33.34", "33.33", "33.33"]),
        (LAST, "2025-09-30", {}, ["33.33", "33.34", "33.33"]),
        (LAST, None, {"discount_percent": Decimal("33.3")}, ["22.23", "22.23", "22.24"]),
    ],
)
def test_the_last_of_the_instalments_takes_the_rest_where_that_is_declared(
    how: Instalments, anchor: str | None, changes: dict[str, Any], due: list[str]
) -> None:
    """W: 100.00 in three is 33.33, 33.33 and 33.34."""
    one = a_subscription(
        interval=Interval.YEARLY, instalments=3, billing_anchor=None if anchor is None else day(anchor), **changes
    )
    plan = a_plan(flat_prices={Interval.YEARLY: Decimal(100)})
    terms = the_terms(subscription=one, plan=plan, families=families(how))
    found = [
        str(round_to(line.exact, 2, line.rounding))
        for month in (f"2026-{number:02d}" for number in range(1, 13))
        for line in rated_lines(terms, Period(month, TORONTO), NOTHING_USED)
        if line.charge == "flat" and line.exact
    ]
    assert found[-3:] == due


@pytest.mark.parametrize(
    ("how", "since", "net", "verdict"),
    [
        (Instalments.EACH, "2026-02-01", "16.67", Verdict.EXPLAINED),
        (Instalments.EACH, "2026-02-01", "16.66", Verdict.UNEXPLAINED),
        (LAST, "2026-02-01", "16.66", Verdict.EXPLAINED),
        (LAST, "2026-02-01", "16.67", Verdict.UNEXPLAINED),
        (LAST, "2026-04-01", "16.67", Verdict.EXPLAINED),
        (LAST, "2026-03-15", "16.67", Verdict.EXPLAINED),
        (LAST, "2025-11-01", "16.66", Verdict.EXPLAINED),
        (LAST, "2026-02-15", "16.67", Verdict.EXPLAINED),
        (LAST, "2026-02-15", "16.66", Verdict.UNEXPLAINED),
        (LAST, "2026-01-31", "16.66", Verdict.EXPLAINED),
        (LAST, None, "16.67", Verdict.UNEXPLAINED),
        (LAST, None, "16.66", Verdict.UNEXPLAINED),
    ],
)
def test_an_agreement_counts_from_its_day(how: Instalments, since: str | None, net: str, verdict: Verdict) -> None:
    begins: datetime | None = None if since is None else day(since)
    world = World(evidence=[evidence("instalment", "s1", data={"instalments": "3"}, valid_from=begins)])
    world.families = families(how)
    instance = world.instance(actual(net, tax_fits=(TaxRounding.LINE,)))
    assert (instance.verdict, causes(instance)) == (verdict, ["instalment"] if verdict is Verdict.EXPLAINED else [])
    if verdict is Verdict.EXPLAINED:
        assert instance.explanation.waterfall[-1].residual.amount == 0


def test_where_nothing_is_left_nobody_needs_to_know_which_is_the_last() -> None:
    world = World(evidence=[evidence("instalment", "s1", data={"instalments": "2"})])
    world.families = families(LAST)
    assert causes(world.instance(actual("25"))) == ["instalment"]


@given(st.integers(0, 10**9), st.integers(1, 366), st.sampled_from([0, 2, 3]), st.sampled_from(Rounding))
def test_instalments_come_to_the_price(cents: int, parts: int, decimals: int, rounding: Rounding) -> None:
    price = Fraction(cents, 100)
    each = round_to(price / parts, decimals, rounding)
    last = last_instalment(price / parts, parts, decimals, rounding)
    assert each * (parts - 1) + last == round_to(price, decimals, rounding)


def asked(**changes: Any) -> dict[str, Any]:
    charge = {"model": "standard", "unit_price": "100"}
    return {"quantity": "1", "currency": "CAD", "charge": charge, "instalments": "3", **changes}


@pytest.mark.parametrize(
    ("how", "shown"), [("each", ["33.33", "33.33", "33.33"]), ("last_takes_rest", ["33.33", "33.33", "33.34"])]
)
def test_a_quote_shows_every_instalment(how: str, shown: list[str]) -> None:
    assert quote(asked(instalment_rounding=how))["instalments"] == shown
    assert "instalments" not in quote(asked())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"instalment_rounding": "first"}, "instalment_rounding"),
        ({"instalments": "367", "instalment_rounding": "each"}, "at most 366"),
    ],
)
def test_a_quote_refuses_what_it_cannot_show(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        quote(asked(**changes))


def test_a_quote_of_no_instalments_has_none_to_round() -> None:
    request = asked(instalment_rounding="each")
    del request["instalments"]
    with pytest.raises(InvalidInput, match="needs instalments"):
        quote(request)
