"""A plan that changed within a range, billed by lines: each must be the one that its records predict, with its own range."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.pricing import Discount, Flat, Span
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy, Status, Verdict
from fcb_pipelines.domain.tax import TaxRounding
from fcb_pipelines_tests.builders import APRIL, TORONTO, a_plan, a_subscription, actual, day, evidence
from fcb_pipelines_tests.domain.explained import World, causes

COUPON = evidence("discount", "s1", data={"percent": "10"})
FIXED = evidence("discount", "s1", data={"amount": "10"})


def became(plan: str, since: str, field: str = "plan") -> HistoryEntry:
    return HistoryEntry(subject_kind="subscription", subject_id="s1", field=field, value=plan, valid_from=day(since))


def world(
    *records: Evidence, price: str = "80", at: str = "2026-04-16", history: Sequence[HistoryEntry] = (), **given_now: Any
) -> World:
    """A subscription that went over from 50 a month to another price, in the middle of April."""
    plans = [a_plan(), a_plan(external_plan_id="p2", flat_prices={Interval.MONTHLY: Decimal(price)})]
    told = history or [became("p1", "2026-01-01"), became("p2", at)]
    return World(a_subscription(external_plan_id="p2"), plans=plans, history=told, evidence=records, **given_now)


def lines(*parts: str, since: str = "2026-04-16", until: str = "2026-05-01") -> list[ActualLine]:
    """What was billed at first, and the lines of the change; `2026-04-20: 5` begins on another day."""
    found = [_line(parts[0], 1, charge="flat", kind=LineKind.PLAN)]
    for number, part in enumerate(parts[1:], 2):
        at, _, net = part.rpartition(": ")
        found.append(_line(net, number, service_from=day(at or since), service_to=day(until)))
    return found


def _line(net: str, number: int, **changed: Any) -> ActualLine:
    values = {"kind": LineKind.PRORATION, "charge": None, "ordinal": number, **changed}
    return actual(net, tax_fits=(TaxRounding.LINE, TaxRounding.TOTAL), **values)


@pytest.mark.parametrize(
    ("billed", "verdict"),
    [
        (lines("50", "-25", "40"), Verdict.EXPLAINED),
        (lines("50", "40", "-25"), Verdict.EXPLAINED),
        (lines("65"), Verdict.EXPLAINED),
        (lines("50", "15"), Verdict.EXPLAINED),
        (lines("50", "-24.99", "39.99"), Verdict.UNEXPLAINED),
        (lines("49.99", "-25", "40.01"), Verdict.UNEXPLAINED),
        (lines("50.01", "-25.01", "40"), Verdict.UNEXPLAINED),
        (lines("50", "-10", "25"), Verdict.UNEXPLAINED),
        (lines("25", "20", "20"), Verdict.UNEXPLAINED),
        (lines("50", "-25", "2026-04-15: 40"), Verdict.UNEXPLAINED),
        (lines("50", "-25", "40", until="2026-04-30"), Verdict.UNEXPLAINED),
        (lines("50", "-25", "40", since="2026-04-17"), Verdict.UNEXPLAINED),
        (lines("50", "-25", "20", "20"), Verdict.UNEXPLAINED),
        (lines("50", "-25", "40", "0"), Verdict.EXPLAINED),
    ],
    ids=[
        "the pair",
        "in any order",
        "one line for all",
        "one line for the change",
        "a cent moved between them",
        "a cent moved from what was billed first",
        "a cent moved to the old plan",
        "other parts of the sum",
        "three parts of the sum",
        "another day of one",
        "another end",
        "another day of both",
        "one in two",
        "and a line of nothing",
    ],
)
def test_w_the_sum_may_fit_while_the_lines_do_not(billed: list[ActualLine], verdict: Verdict) -> None:
    assert sum(line.net.amount for line in billed) == Decimal(65)
    instance = world().instance(*billed)
    assert (instance.verdict, causes(instance)) == (verdict, ["plan_change"] if verdict is Verdict.EXPLAINED else [])


@pytest.mark.parametrize("missing", [1, 2])
def test_w_half_of_a_pair_explains_nothing(missing: int) -> None:
    billed = lines("50", "-25", "40")
    assert world().instance(*billed[:missing], *billed[missing + 1 :]).verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    ("billed", "verdict"),
    [(lines("50", "-25", "40"), Verdict.MATCH), (lines("50", "-24", "39"), Verdict.UNEXPLAINED)],
)
def test_lines_that_our_own_rating_predicts_are_a_match(billed: list[ActualLine], verdict: Verdict) -> None:
    instance = world(proration=Proration.CALENDAR_DAYS).instance(*billed)
    assert (instance.status, instance.verdict, causes(instance)) == (Status.MATCH, verdict, [])


def test_each_line_is_rounded_by_itself_and_the_cent_between_is_told() -> None:
    found = world(price="80.01", at="2026-04-12", proration=Proration.CALENDAR_DAYS)
    by_line = found.instance(*lines("50", "-31.67", "50.67", since="2026-04-12"))
    assert (by_line.verdict, causes(by_line), by_line.explanation.remedy) == (
        Verdict.EXPLAINED,
        ["rounding"],
        Remedy.FIX_MODEL,
    )
    assert by_line.explanation.waterfall[-1].residual == money("0 CAD")
    whole = found.instance(*lines("50", "19.01", since="2026-04-12"))
    assert whole.expected is not None
    assert whole.expected.net == money("69.01 CAD")
    assert found.instance(*lines("50", "-31.66", "50.67", since="2026-04-12")).verdict is Verdict.UNEXPLAINED


@pytest.mark.parametrize(
    ("record", "billed", "verdict"),
    [
        (COUPON, lines("45", "-22.50", "36"), Verdict.EXPLAINED),
        (COUPON, lines("45", "-22", "35.50"), Verdict.UNEXPLAINED),
        (FIXED, lines("40", "-25", "40"), Verdict.UNEXPLAINED),
        (FIXED, lines("40", "-25", "30"), Verdict.UNEXPLAINED),
        (FIXED, lines("55"), Verdict.EXPLAINED),
        (COUPON, [*lines("50", "-25", "40"), _line("-6.50", 4, kind=LineKind.DISCOUNT)], Verdict.EXPLAINED),
        (COUPON, [*lines("50", "-24", "39"), _line("-6.50", 4, kind=LineKind.DISCOUNT)], Verdict.UNEXPLAINED),
        (COUPON, [*lines("50", "-25", "40"), _line("-6.49", 4, kind=LineKind.DISCOUNT)], Verdict.UNEXPLAINED),
    ],
    ids=[
        "on each line",
        "other parts",
        "of all at once",
        "of each alone",
        "of all in one line",
        "apart",
        "apart, other parts",
        "apart, a cent",
    ],
)
def test_a_discount_is_on_each_line_or_on_one_of_its_own(record: Evidence, billed: list[ActualLine], verdict: Verdict) -> None:
    instance = world(record).instance(*billed)
    assert instance.verdict is verdict


def test_two_changes_are_two_pairs_and_a_quantity_is_a_change_too() -> None:
    twice = [became("p1", "2026-01-01"), became("p2", "2026-04-11"), became("p1", "2026-04-21")]
    changed = lines("50", "2026-04-11: -33.33", "2026-04-11: 53.33", "2026-04-21: -26.67", "2026-04-21: 16.67")
    assert world(history=twice).instance(*changed).verdict is Verdict.EXPLAINED
    assert world(history=twice).instance(*changed[:3]).verdict is Verdict.UNEXPLAINED
    again = [became("p1", "2026-01-01"), became("p1", "2026-04-08"), became("p2", "2026-04-16")]
    assert world(history=again).instance(*lines("50", "-25", "40")).verdict is Verdict.EXPLAINED
    more = [became("2", "2026-04-16", "quantity"), became("1", "2026-01-01", "quantity"), became("p1", "2026-01-01")]
    quantity = World(a_subscription(), history=more)
    assert causes(quantity.instance(*lines("50", "-25", "50"))) == ["quantity_change"]


MOMENTS = st.lists(st.integers(1, 29), max_size=4, unique=True).map(sorted)


@given(MOMENTS, st.lists(st.integers(0, 9), min_size=5, max_size=5), st.sampled_from(Proration), st.booleans())
def test_lines_come_to_the_exact_amount_whatever_changed(
    days: list[int], prices: list[int], convention: Proration, is_discounted: bool
) -> None:
    whole = Span(service_from=APRIL.start, service_to=APRIL.end, price=Decimal(prices[0]))
    flat = Flat(service_from=APRIL.start, service_to=APRIL.end, zone=TORONTO, convention=convention, spans=(whole,))
    for number, price in zip(days, prices[1:], strict=False):
        flat = flat.changed_at(day(f"2026-04-{number + 1:02d}"), price=Decimal(price))
    flat = replace(flat, discounts=(Discount(percent=Decimal(7)), Discount(factor=Fraction(9, 7))) if is_discounted else ())
    assert sum((part.exact for part in flat.lines()), Fraction(0)) == flat.exact
    assert flat.lines()[0] == (APRIL.start, APRIL.end, flat.recurring)
