"""Which convention bills follow: proposed only where five at distinct amounts say so, else what would decide."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fcb_pipelines.domain.discovery import Discovery, PartlyPaid, discovered, partly_paid
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines_tests.builders import TORONTO, a_plan, a_subscription, day, evidence
from fcb_pipelines_tests.domain.explained import World

MARCH, APRIL = Period("2026-03", TORONTO), Period("2026-04", TORONTO)
DAYS, INCLUSIVE, THIRTY, SECONDS, NONE = (
    Proration.CALENDAR_DAYS,
    Proration.CALENDAR_DAYS_INCLUSIVE,
    Proration.FIXED_30_DAYS,
    Proration.SECONDS,
    Proration.NONE,
)


def part(starts: str, billed: Proration | str | None, *, price: str = "31", ends: str | None = None) -> PartlyPaid:
    """A month that a subscription lived in a part of, and the convention or amount that it was billed by, or None."""
    one = a_subscription(started_at=day(starts), ended_at=None if ends is None else day(ends))
    plan = a_plan(flat_prices={Interval.MONTHLY: Decimal(price)})
    world = World(one, plans=[plan], period=Period(starts[:7], TORONTO))
    case = world.case_of(world.expected()[0])
    assert case is not None
    found = partly_paid(case, f"demo/{starts}/{price}", None, "CAD")
    assert found is not None
    return replace(found, billed=found.predicted[billed] if isinstance(billed, Proration) else _cad(billed))


def _cad(amount: str | None) -> Money | None:
    return None if amount is None else Money(Decimal(amount), "CAD")


def said(*parts: PartlyPaid) -> Discovery:
    return discovered("", NONE, parts)


DISTINCT = ["2026-03-10", "2026-03-12", "2026-03-15", "2026-03-20", "2026-03-25"]
"""Starts after the clocks changed: the same share by days and by seconds of March, but for its hour less."""


def billed_by(convention: Proration, starts: list[str], price: str = "31") -> list[PartlyPaid]:
    """The first with an end; so no other convention than the one that was followed fits all."""
    return [part(each, convention, price=price, ends="2026-03-28" if each == starts[0] else None) for each in starts]


@pytest.mark.parametrize("convention", [DAYS, INCLUSIVE, THIRTY])
def test_five_bills_at_distinct_amounts_that_all_follow_one_convention_propose_it(convention: Proration) -> None:
    found = said(*billed_by(convention, DISTINCT, price="310"))
    assert (found.proposal, found.fitting, found.more_needed, found.misfits) == (convention, (convention,), 0, ())


def test_four_are_not_enough() -> None:
    found = said(*billed_by(DAYS, DISTINCT[:4], price="310"))
    assert (found.proposal, found.fitting, found.more_needed) == (None, (DAYS,), 1)


def test_five_at_equal_amounts_are_not_enough() -> None:
    same = [part("2026-03-15", DAYS, ends="2026-03-28", price="310") for _ in range(5)]
    found = said(*same)
    assert (found.proposal, found.fitting, found.more_needed) == (None, (DAYS,), 4)


def test_where_two_conventions_fit_all_bills_those_parts_would_decide_that_tell_them_apart() -> None:
    bills = [part(each, DAYS, price="310") for each in DISTINCT]
    decides, does_not = part("2026-03-11", None, price="310", ends="2026-03-28"), part("2026-03-11", None, price="311")
    found = said(*bills, decides, does_not)
    assert (found.proposal, found.fitting, found.more_needed) == (None, (DAYS, INCLUSIVE), 0)
    assert found.deciding == (decides,)
    assert decides.predicted[DAYS] != decides.predicted[INCLUSIVE]


def test_without_any_bill_every_part_would_decide() -> None:
    waiting = part("2026-03-15", None)
    found = said(waiting)
    assert (found.proposal, found.fitting, found.more_needed, found.deciding) == (None, (), 5, (waiting,))


def test_a_bill_that_no_convention_makes_is_named_and_nothing_is_proposed() -> None:
    odd = part("2026-03-22", "12.34", price="310")
    found = said(*billed_by(DAYS, DISTINCT, price="310"), odd)
    assert (found.proposal, found.fitting, found.misfits) == (None, (), (odd,))


def test_a_bill_of_a_cent_more_is_such_a_one() -> None:
    bills = billed_by(DAYS, DISTINCT, price="310")
    last = bills[-1]
    assert last.billed is not None
    one = replace(last, billed=last.billed + Money(Decimal("0.01"), "CAD"))
    assert said(*bills[:-1], one).misfits == (one,)


def test_bills_of_different_conventions_propose_neither_and_each_of_them_fits_something() -> None:
    found = said(*billed_by(DAYS, DISTINCT, price="310"), part("2026-03-14", THIRTY, price="310"))
    assert (found.proposal, found.fitting, found.misfits) == (None, (), ())


def test_a_bill_that_every_convention_makes_says_nothing_and_does_not_count() -> None:
    free = part("2026-03-15", DAYS, price="0")
    found = said(*billed_by(DAYS, DISTINCT[:4], price="310"), free)
    assert (len(found.bills), found.more_needed) == (4, 1)


def test_a_whole_range_says_nothing_of_conventions() -> None:
    world = World(period=APRIL)
    case = world.case_of(world.expected()[0])
    assert case is not None
    assert partly_paid(case, "demo/1", _cad("50"), "CAD") is None


def test_what_is_predicted_follows_every_record() -> None:
    """200 a year by instalments, from 15 March on, of which five days were not active."""
    records = [
        evidence("list_interval", "p1", subject_kind="plan", data={"interval": "yearly"}),
        evidence("inactive", "s1", valid_from=day("2026-03-20"), valid_to=day("2026-03-25")),
    ]
    plan = a_plan(flat_prices={Interval.MONTHLY: Decimal(200)})
    world = World(a_subscription(started_at=day("2026-03-15")), plans=[plan], evidence=records, period=MARCH)
    case = world.case_of(world.expected()[0])
    assert case is not None
    found = partly_paid(case, "demo/1", None, "CAD")
    assert found is not None
    assert {each: str(net.amount) for each, net in found.predicted.items()} == {
        NONE: "16.67",
        DAYS: "6.45",
        INCLUSIVE: "6.99",
        THIRTY: "6.67",
        SECONDS: "6.46",
    }
