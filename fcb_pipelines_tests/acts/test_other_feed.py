"""Months that were closed with one feed while the other is billed now: nothing of them is billed twice, and nothing is lost."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fcb_pipelines.acts.adjustments import adjusted
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.acts.usage_conservation import conservation_now
from fcb_pipelines.domain.usage import PULLED, PUSHED
from fcb_pipelines_tests.acts.desk import Desk
from fcb_pipelines_tests.store.closed import closed

LATE = "363500"


@pytest.fixture
def other(desk: Desk) -> Desk:
    """March was billed by one feed and closed; since then the other is billed, which tells all months, March later too."""
    desk.close("2026-03")
    other = replace(desk, feed=PULLED if desk.feed == PUSHED else PUSHED)
    for at in ("2026-03-20T11:00Z", "2026-04-20T11:00Z", "2026-05-20T11:00Z"):
        other.use(at, LATE, key=f"other {at}")
    return other


def test_what_the_other_feed_tells_of_a_month_that_was_billed_is_on_no_bill(other: Desk) -> None:
    other.dual_run("2026-04")
    assert adjusted(other.work("2026-04")).late == ()
    assert other.adjustments("2026-04") == []


def test_late_usage_is_told_by_the_feed_that_billed_the_month(desk: Desk, other: Desk) -> None:
    desk.use("2026-03-22T00:00Z", LATE, key="late")
    other.dual_run("2026-04")
    (found,) = other.adjustments("2026-04")
    assert (found[0], Decimal(found[2]) - Decimal(found[1])) == ("2026-03", Decimal(LATE))
    with desk.db.transaction() as conn:
        closed(conn, "small", "2026-04", feed=other.feed)
    desk.use("2026-04-22T00:00Z", LATE, key="late, and of a month that the other billed")
    other.use("2026-04-23T00:00Z", "3600", key="late")
    other.dual_run("2026-05")
    (found,) = other.adjustments("2026-05")
    assert (found[0], Decimal(found[2]) - Decimal(found[1])) == ("2026-04", Decimal(3600))


def test_a_closed_month_is_metered_again_by_its_own_feed(desk: Desk, other: Desk) -> None:
    before = usage_totals(desk.work("2026-03"))
    again = usage_totals(other.work("2026-03"))
    assert (again.feed, again.totals, again.late) == (desk.feed, before.totals, ())
    assert conservation_now(other.work("2026-03")).is_conserved
    assert conservation_now(other.work("2026-03")).billed_feed == desk.feed
    assert other.dual_run("2026-03").changes.rows == ()
