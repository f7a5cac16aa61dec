"""Ranges of a subscription that was billed in another interval before, as far as snapshots saw since when."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fcb_pipelines.domain.case import NO_RECORDS
from fcb_pipelines.domain.expected import rated_lines
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.domain.quotas import NOTHING_USED
from fcb_pipelines.domain.seen import Seen, changes, covered_until
from fcb_pipelines_tests.builders import TORONTO, a_subscription, day, the_terms

OLD = Decimal(50)
LAST, FIRST = "2026-03-10", "2026-04-10"
"""When the old interval was last seen, and the new one first."""
YEARLY = a_subscription(interval=Interval.YEARLY, started_at=day("2026-01-15"))
MONTHLY_UNTIL_MID_MARCH = ("2026-03-14", "2026-03-15")


@pytest.mark.parametrize(
    ("gap", "anchor", "due"),
    [
        ((LAST, FIRST), "2026-01-15", {"2026-03": [OLD], "2026-04": [None], "2026-05": [None], "2027-01": [Decimal(600)]}),
        (MONTHLY_UNTIL_MID_MARCH, "2026-03-15", {"2026-03": [OLD, Decimal(600)], "2026-04": [], "2027-03": [Decimal(600)]}),
        (MONTHLY_UNTIL_MID_MARCH, "2026-03-10", {"2026-03": [OLD], "2026-04": [None], "2027-03": [Decimal(600)]}),
    ],
    ids=["in a year that nobody paid", "with a year of its own", "after its year had begun"],
)
def test_a_month_that_is_billed_by_the_year_since_then_is_not_taken_for_paid(
    gap: tuple[str, str], anchor: str, due: dict[str, list[Decimal | None]]
) -> None:
    one = replace(YEARLY, billing_anchor=day(anchor))
    found = Seen(subscriptions={"s1": [*changes([(day(gap[0]), replace(one, interval=Interval.MONTHLY)), (day(gap[1]), one)])]})
    terms = the_terms(subscription=one, seen=found)
    of_month = {month: rated_lines(terms, Period(month, TORONTO), NOTHING_USED) for month in due}
    assert {month: [line.exact for line in lines if line.charge == "flat"] for month, lines in of_month.items()} == due


@pytest.mark.parametrize(
    ("was", "is_now", "until"),
    [
        (Interval.YEARLY, Interval.YEARLY, {"2026-02": "2027-01-15", "2026-04": "2027-01-15", "2027-01": None}),
        (Interval.YEARLY, Interval.MONTHLY, {"2026-02": "2027-01-15", "2026-04": None, "2026-05": None}),
        (Interval.MONTHLY, Interval.YEARLY, {"2026-02": None, "2026-04": None, "2026-05": None, "2027-02": "2028-01-15"}),
        (Interval.YEARLY, Interval.QUARTERLY, {"2026-02": "2027-01-15", "2026-04": None, "2026-05": "2026-07-15"}),
    ],
)
def test_a_month_is_covered_by_the_interval_of_its_time(was: Interval, is_now: Interval, until: dict[str, str | None]) -> None:
    one = replace(YEARLY, interval=is_now)
    found = Seen(subscriptions={"s1": [*changes([(day(LAST), replace(one, interval=was)), (day("2026-04-11"), one)])]})
    said = {month: covered_until(one, Period(month, TORONTO), found, NO_RECORDS) for month in until}
    assert {month: None if at is None else at.date().isoformat() for month, at in said.items()} == until
