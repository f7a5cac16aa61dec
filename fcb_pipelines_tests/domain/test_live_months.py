"""Live months: which charge stands on which invoice and for whom, what is claimed for it, what objects to posting."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.claims import Biller, Claim, overlapping
from fcb_pipelines.domain.drafts import Due
from fcb_pipelines.domain.expected import UNRATED, ExpectedLine
from fcb_pipelines.domain.live_months import (
    Places,
    PostingFacts,
    Side,
    Sum,
    claims_for,
    is_on_invoice,
    missed_runs,
    only,
    posting_objections,
    side,
    starts_of_usage,
)
from fcb_pipelines.domain.period import Period
from fcb_pipelines_tests.builders import APRIL, TORONTO, day, expected

MARCH, MAY = APRIL.previous(), APRIL.next()
LIVE = {"s1": {"flat": APRIL.start, "cpu_seconds": MARCH.start}}


def usage(period: Period = APRIL, **changes: object) -> ExpectedLine:
    values = {"charge": "cpu_seconds", "service_from": period.start, "service_to": period.end, "due_at": period.end}
    return expected("12", **values | changes)


QUARTER = {"service_from": day("2026-04-15"), "service_to": day("2026-07-15"), "due_at": day("2026-04-15")}


@pytest.mark.parametrize(
    ("line", "of", "on"),
    [
        (expected("50"), APRIL, APRIL),
        (expected("50", **QUARTER), APRIL, APRIL),
        (expected("50", due_at=MAY.start), APRIL, MAY),
        (expected("600", service_from=day("2025-04-10"), due_at=day("2026-04-10")), Period("2025-04", TORONTO), APRIL),
        (usage(), APRIL, MAY),
        (usage(service_to=day("2026-04-16"), due_at=day("2026-04-16")), APRIL, MAY),
        (usage(MARCH, line_key="s1/cpu_seconds/2026-03-01/adjusted-in-2026-04"), APRIL, MAY),
    ],
    ids=["in advance", "from the 15th", "in arrears", "a year in arrears", "usage", "ended in between", "late usage"],
)
def test_each_charge_is_on_the_invoice_of_one_month(line: ExpectedLine, of: Period, on: Period) -> None:
    months = [Period(f"2026-{month:02}", TORONTO) for month in range(1, 9)]
    assert [month for month in months if is_on_invoice(line, of, month)] == [on]


def test_what_could_not_be_priced_keeps_back_both_invoices_that_it_may_be_on() -> None:
    line = expected(None, charge=UNRATED)
    assert [is_on_invoice(line, APRIL, month) for month in (MARCH, APRIL, MAY, MAY.next())] == [False, True, True, False]


@pytest.mark.parametrize(
    ("line", "who"),
    [
        (expected("50"), Side.LIVE),
        (expected("50", service_from=MARCH.start), Side.SHADOW),
        (usage(MARCH), Side.LIVE),
        (usage(MARCH.previous()), Side.SHADOW),
        (usage(charge="requests"), Side.LIVE),
        (usage(charge="requests", service_from=MARCH.previous().start), Side.SHADOW),
        (expected("50", external_subscription_id="s2"), Side.SHADOW),
    ],
)
def test_odoo_bills_from_the_boundary_of_each_charge_on(line: ExpectedLine, who: Side) -> None:
    assert side(line, LIVE) is who


def test_a_charge_without_a_boundary_follows_the_usage_or_else_the_price() -> None:
    assert side(usage(MARCH, charge="requests"), {"s1": {"flat": APRIL.start}}) is Side.SHADOW
    assert side(usage(charge="requests"), {"s1": {"flat": APRIL.start}}) is Side.LIVE


@pytest.mark.parametrize(
    ("charges", "starts"),
    [
        ({}, set()),
        ({"flat": APRIL.start}, {APRIL.start}),
        ({"flat": APRIL.start, "cpu_seconds": MARCH.start}, {MARCH.start}),
        ({"flat": APRIL.start, "cpu_seconds": MARCH.start, "requests": MAY.start}, {MARCH.start, MAY.start}),
    ],
)
def test_usage_is_odoos_from_the_boundaries_of_usage_or_else_of_the_price(
    charges: dict[str, datetime], starts: set[datetime]
) -> None:
    assert starts_of_usage(charges) == starts


@pytest.mark.parametrize(
    ("places", "price", "of_usage"),
    [
        (Places(live={}), (True, False), (True, True)),
        (Places(live=LIVE), (False, False), (False, False)),
        (Places(live=LIVE, is_closed=True), (False, False), (False, True)),
        (Places(live={"s1": {"flat": MAY.start, "cpu_seconds": MAY.start}}, is_closed=True), (True, False), (True, False)),
        (Places(live={}, on_the_way=frozenset({"s1"})), (True, False), (True, False)),
    ],
    ids=["shadow", "live, month open", "live, month closed", "before its boundary", "on its way"],
)
def test_where_a_charge_stands(places: Places, price: tuple[bool, bool], of_usage: tuple[bool, bool]) -> None:
    """On a draft for comparison, and on the order where Odoo invoices: never what it bills for real on the first."""
    for line, (on_draft, on_order) in ((expected("50"), price), (usage(), of_usage)):
        assert (places.on_shadow_draft(line), places.on_order(line)) == (on_draft, on_order)


def test_a_subscription_of_which_nothing_is_left_stays_so_that_its_draft_goes() -> None:
    due = Due(external_subscription_id="s1", external_plan_id=None, plan_name="Small", lines=((usage(), None),))
    assert only([due], Places(live=LIVE).on_shadow_draft) == (replace(due, lines=()),)


def claim(first: int, end: int, biller: Biller = Biller.ODOO) -> Claim:
    """Of days of April, counted from 0."""
    start = APRIL.start
    return Claim(
        external_subscription_id="s1",
        charge="flat",
        service_from=start + timedelta(days=first),
        service_to=start + timedelta(days=end),
        biller=biller,
        reference="F-0",
    )


@pytest.mark.parametrize(
    ("held", "new"),
    [
        ([], [(0, 30)]),
        ([(0, 30)], []),
        ([(-30, 60)], []),
        ([(0, 15)], [(15, 30)]),
        ([(15, 30)], [(0, 15)]),
        ([(5, 10), (20, 25)], [(0, 5), (10, 20), (25, 30)]),
        ([(-30, 0)], [(0, 30)]),
    ],
)
def test_odoo_claims_what_it_does_not_hold_yet(held: list[tuple[int, int]], new: list[tuple[int, int]]) -> None:
    found = claims_for(expected("50"), [claim(*each) for each in held], "F-1")
    assert [(one.service_from, one.service_to) for one in found] == [
        (one.service_from, one.service_to) for one in (claim(*each) for each in new)
    ]
    assert {(one.biller, one.reference) for one in found} <= {(Biller.ODOO, "F-1")}


def test_what_the_source_holds_is_asked_for_all_the_same_so_that_the_database_refuses_it() -> None:
    assert len(claims_for(expected("50"), [claim(0, 30, Biller.SOURCE)], "F-1")) == 1


@given(cuts=st.lists(st.integers(-10, 40), max_size=8, unique=True))
def test_claims_cover_the_range_exactly_once(cuts: list[int]) -> None:
    days = sorted(cuts)
    held = [claim(*pair) for pair in zip(days[::2], days[1::2], strict=False)]
    every = [*held, *claims_for(expected("50"), held, "F-1")]
    assert not list(overlapping(every))
    for number in range(30):
        moment = APRIL.start + timedelta(days=number, hours=12)
        assert sum(one.service_from <= moment < one.service_to for one in every) == 1


CLEAN = PostingFacts(
    service="demo",
    month="2026-05",
    is_on=True,
    is_stopped=False,
    usage_month="2026-04",
    is_closed=True,
    is_conserved=True,
    read_back=(),
    sums=(Sum(currency="CAD", due=Decimal("11.18"), drafted=Decimal("11.18")),),
    alarms=(),
)


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({}, []),
        ({"is_on": False}, ["posting_off"]),
        ({"is_stopped": True}, ["stopped"]),
        ({"is_closed": False}, ["month_open"]),
        ({"is_conserved": False}, ["usage_not_conserved"]),
        ({"read_back": ["x differs"]}, ["read_back"]),
        ({"sums": [Sum(currency="CAD", due=Decimal(1), drafted=Decimal("1.01"))]}, ["money"]),
        ({"alarms": ["alarm 1"]}, ["open_alarm"]),
        ({"is_on": False, "is_stopped": True, "alarms": ["a"]}, ["posting_off", "stopped", "open_alarm"]),
    ],
)
def test_each_thing_that_is_wrong_objects_to_posting_and_nothing_else_does(wrong: dict[str, object], found: list[str]) -> None:
    told = posting_objections(replace(CLEAN, **wrong))  # type: ignore[arg-type]
    assert [one.id for one in told] == found
    assert all(one.words and one.what_to_do for one in told)


def test_usage_that_is_not_there_when_odoo_runs_is_missed() -> None:
    runs = {"s1": date(2026, 5, 1), "s2": date(2026, 5, 1), "s3": date(2026, 5, 2)}
    today: datetime = day("2026-05-01")
    assert missed_runs(runs, ["s1", "s3", "s4"], today.date()) == ("s1",)
