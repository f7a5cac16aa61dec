"""Ranges that follow a stored anchor, that are due at their end, and those of instalments."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.case import NO_RECORDS, Records
from fcb_pipelines.domain.conventions import Billed, Conventions, Families, Family, Months
from fcb_pipelines.domain.expected import RatedLine, rated_lines
from fcb_pipelines.domain.instances import ChargeInstance, covering, flat_instances
from fcb_pipelines.domain.period import Period, periods
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.quotas import NOTHING_USED
from fcb_pipelines.domain.recurring import recurring_price
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines_tests.builders import APRIL, TORONTO, a_plan, a_subscription, day, evidence, the_terms

ANCHORED = Conventions(months=Months.ANCHORED)
ARREARS = Conventions(billed=Billed.IN_ARREARS)


def month(key: str) -> Period:
    return Period(key, TORONTO)


def ranges(subscription: Subscription, first: str, last: str, conventions: Conventions = ANCHORED) -> list[str]:
    """The instances of some months, as `month: first day to first day after`."""
    every = [
        (each, one) for each in periods(month(first), month(last)) for one in flat_instances(subscription, each, conventions)
    ]
    return [f"{each.key}: {one.service_from.date()} to {one.service_to.date()}" for each, one in every]


@pytest.mark.parametrize(
    ("life", "months", "found"),
    [
        (
            {"started_at": day("2026-01-31")},
            ("2025-12", "2026-04"),
            [
                "2026-01: 2026-01-31 to 2026-02-28",
                "2026-02: 2026-02-28 to 2026-03-31",
                "2026-03: 2026-03-31 to 2026-04-30",
                "2026-04: 2026-04-30 to 2026-05-31",
            ],
        ),
        (
            {"started_at": day("2024-01-30")},
            ("2024-01", "2024-03"),
            ["2024-01: 2024-01-30 to 2024-02-29", "2024-02: 2024-02-29 to 2024-03-30", "2024-03: 2024-03-30 to 2024-04-30"],
        ),
        # The anchor is a stored day of its own: what is left of the range that the life starts in, then whole ones.
        (
            {"started_at": day("2026-04-10"), "billing_anchor": day("2026-01-15")},
            ("2026-03", "2026-05"),
            ["2026-04: 2026-04-10 to 2026-04-15", "2026-04: 2026-04-15 to 2026-05-15", "2026-05: 2026-05-15 to 2026-06-15"],
        ),
        # It may lie after the start.
        (
            {"started_at": day("2026-04-20"), "billing_anchor": day("2026-06-01")},
            ("2026-04", "2026-06"),
            ["2026-04: 2026-04-20 to 2026-05-01", "2026-05: 2026-05-01 to 2026-06-01", "2026-06: 2026-06-01 to 2026-07-01"],
        ),
        (
            {"started_at": day("2026-02-10"), "billing_anchor": day("2025-12-31"), "interval": Interval.QUARTERLY},
            ("2026-01", "2026-07"),
            ["2026-02: 2026-02-10 to 2026-03-31", "2026-03: 2026-03-31 to 2026-06-30", "2026-06: 2026-06-30 to 2026-09-30"],
        ),
        (
            {"started_at": day("2026-02-10"), "ended_at": day("2026-04-10")},
            ("2026-02", "2026-05"),
            ["2026-02: 2026-02-10 to 2026-03-10", "2026-03: 2026-03-10 to 2026-04-10"],
        ),
        (
            {"started_at": day("2026-03-31"), "interval": Interval.YEARLY, "instalments": 4},
            ("2026-03", "2027-02"),
            [
                "2026-03: 2026-03-31 to 2026-06-30",
                "2026-06: 2026-06-30 to 2026-09-30",
                "2026-09: 2026-09-30 to 2026-12-31",
                "2026-12: 2026-12-31 to 2027-03-31",
            ],
        ),
    ],
)
def test_ranges_are_counted_from_the_stored_anchor(life: dict[str, Any], months: tuple[str, str], found: list[str]) -> None:
    assert ranges(a_subscription(**life), *months) == found


def test_a_monthly_price_follows_the_calendar_unless_its_family_says_otherwise() -> None:
    subscription = a_subscription(started_at=day("2026-01-31"), billing_anchor=day("2026-01-15"))
    assert ranges(subscription, "2026-03", "2026-03", Conventions()) == ["2026-03: 2026-03-01 to 2026-04-01"]


@pytest.mark.parametrize(
    ("interval", "due"),
    [(Interval.MONTHLY, "2026-05-01"), (Interval.QUARTERLY, "2026-07-10"), (Interval.YEARLY, "2027-04-10")],
)
def test_in_arrears_a_flat_price_is_due_where_its_range_ends_and_stays_in_the_month_it_starts_in(
    interval: Interval, due: str
) -> None:
    subscription = a_subscription(interval=interval, started_at=day("2025-04-10"))
    (advance,), (arrears,) = flat_instances(subscription, APRIL), flat_instances(subscription, APRIL, ARREARS)
    assert (advance.due_at, arrears.due_at) == (advance.service_from, day(due))
    assert (arrears.line_key, arrears.service_from, arrears.service_to) == (
        advance.line_key,
        advance.service_from,
        advance.service_to,
    )


anchors = st.integers(-800, 800).map(lambda days: day("2025-06-15") + timedelta(days=days))


@given(
    start=st.integers(0, 500),
    life=st.none() | st.integers(1, 900),
    anchor=st.none() | anchors,
    interval=st.sampled_from([(each, parts) for each in Interval for parts in range(1, 13) if each.months % parts == 0]),
)
def test_anchored_ranges_lie_in_the_month_they_start_in_and_cover_the_life_without_gap_or_overlap(
    start: int, life: int | None, anchor: Any, interval: tuple[Interval, int]
) -> None:
    begin = day("2025-01-01") + timedelta(days=start)
    ended = None if life is None else begin + timedelta(days=life)
    one = a_subscription(interval=interval[0], instalments=interval[1], started_at=begin, ended_at=ended, billing_anchor=anchor)
    found: list[ChargeInstance] = []
    for each in periods(month("2024-12"), month("2029-12")):
        here = flat_instances(one, each, ANCHORED)
        assert all(instance.service_from in each for instance in here)
        if not here and one.months > 1 and begin < each.start and (ended is None or ended >= each.end):
            assert covering(one, each) == (found[-1].full_from, found[-1].service_to)
        found += here
    assert found[0].service_from == begin
    assert all(before.service_to == after.service_from for before, after in pairwise(found))
    assert len({instance.line_key for instance in found}) == len(found)
    if ended is not None:
        assert found[-1].service_from < ended <= found[-1].service_to


def terms_under(conventions: Conventions, **changes: Any) -> Any:
    return the_terms(families=Families(service=Family(conventions=conventions)), **changes)


def flat(terms: Any, period: Period) -> list[RatedLine]:
    return [line for line in rated_lines(terms, period, NOTHING_USED) if line.charge == "flat"]


def test_what_is_left_of_a_range_before_the_anchor_costs_its_share() -> None:
    conventions = Conventions(months=Months.ANCHORED, proration=Proration.CALENDAR_DAYS)
    subscription = a_subscription(started_at=day("2026-04-10"), billing_anchor=day("2026-01-15"))
    part, whole = flat(terms_under(conventions, subscription=subscription), APRIL)
    assert (part.exact, whole.exact) == (Fraction(50) * 5 / 31, Fraction(50))
    assert part.line_key != whole.line_key


def test_instalments_share_a_price_equally_and_a_year_of_them_is_the_year() -> None:
    plan = a_plan(flat_prices={Interval.YEARLY: Decimal("100")})
    subscription = a_subscription(interval=Interval.YEARLY, instalments=12, started_at=day("2026-01-31"))
    terms = the_terms(plan=plan, subscription=subscription)
    year = [line for each in periods(month("2026-01"), month("2026-12")) for line in flat(terms, each)]
    assert [line.exact for line in year] == [Fraction(100, 12)] * 12
    assert sum(line.exact for line in year if line.exact is not None) == 100


@pytest.mark.parametrize(("parts", "price"), [(1, "100"), (3, "33.33"), (12, "8.33")])
def test_an_order_recurs_at_one_instalment(parts: int, price: str) -> None:
    subscription = a_subscription(interval=Interval.YEARLY, instalments=parts)
    plan = a_plan(flat_prices={Interval.YEARLY: Decimal(100)})
    assert recurring_price(subscription, plan, NO_RECORDS, at=day("2026-04-01"), zone=TORONTO) == Decimal(price)


def test_a_record_of_instalments_does_not_divide_what_the_subscription_divides_already() -> None:
    plan = a_plan(flat_prices={Interval.YEARLY: Decimal(120)})
    agreed = Records([evidence("instalment", "s1", data={"instalments": "12"})])
    subscription = a_subscription(interval=Interval.YEARLY, instalments=12, started_at=day("2026-01-10"))
    (line,) = flat(the_terms(plan=plan, subscription=subscription, adopted=agreed), APRIL)
    assert line.exact == 10


def test_each_family_has_its_own_proration_rounding_and_day_that_it_is_due() -> None:
    legacy = Family(
        name="legacy",
        pattern="^legacy",
        conventions=Conventions(proration=Proration.FIXED_30_DAYS, billed=Billed.IN_ARREARS),
    )
    families = Families(service=Family(conventions=Conventions(proration=Proration.CALENDAR_DAYS)), declared=(legacy,))
    march, subscription = month("2026-03"), a_subscription(started_at=day("2026-03-15"))
    found = {
        name: flat(the_terms(plan=a_plan(name=name), subscription=subscription, families=families), march)[0]
        for name in ("Basic", "Legacy S")
    }
    assert {name: line.exact for name, line in found.items()} == {
        "Basic": Fraction(50) * 17 / 31,
        "Legacy S": Fraction(50) * 17 / 30,
    }
    assert [line.due_at for line in found.values()] == [day("2026-03-15"), day("2026-04-01")]
