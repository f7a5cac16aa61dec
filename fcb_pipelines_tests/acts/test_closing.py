"""Closing a month: when it may be done, and what is kept of it."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.closing import close_period, usage_changes
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.rating import expect_period
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines_tests.acts.desk import ONLY_PULLED, ONLY_PUSHED, Desk
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST, SECOND


def test_a_closing_is_kept_with_what_its_bill_was_made_of(desk: Desk) -> None:
    desk.dual_run("2026-03")
    done = close_period(desk.work("2026-03"), closed_by="ada")
    assert (done.closed_by, done.closed_at, len(done.usage_hash)) == ("ada", NOW, 64)
    assert desk.audited() == [("ada", "period_closed", "small", "2026-03")]
    assert all(one.broken is None for one in verify_logs(desk.db))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"now": datetime(2026, 4, 2, 3, 59, tzinfo=UTC)}, "cannot be closed before 2026-04-02T00:00-04:00"),
        ({"settings_hash": "others"}, "settings changed since"),
    ],
)
def test_a_month_is_not_closed_before_its_time_or_under_other_settings(desk: Desk, changes: Any, reason: str) -> None:
    desk.dual_run("2026-03")
    with pytest.raises(RuleViolation, match=reason):
        close_period(desk.work("2026-03", **changes), closed_by="ada")
    assert desk.audited() == []


def test_months_are_closed_in_their_order_and_once(desk: Desk) -> None:
    desk.dual_run("2026-04")
    with pytest.raises(RuleViolation, match="2026-03 of small is still open: close it first"):
        close_period(desk.work("2026-04"), closed_by="ada")
    with pytest.raises(RuleViolation, match="2026-03, 2026-04 of small are still open: close them first, in their order"):
        close_period(desk.work("2026-05"), closed_by="ada")
    desk.close("2026-03", "2026-04")
    with pytest.raises(RuleViolation, match="closed by ada at 2026-06-02T12:00:00-04:00 already"):
        close_period(desk.work("2026-03"), closed_by="bob")


def test_a_month_is_not_closed_that_was_never_compared(desk: Desk) -> None:
    with pytest.raises(RuleViolation, match="never built"):
        close_period(desk.work("2026-03"), closed_by="ada")
    desk.rated("2026-03")
    expect_period(desk.work("2026-03"))
    actual_period(desk.work("2026-03"))
    with pytest.raises(RuleViolation, match="not reconciled since it was rated"):
        close_period(desk.work("2026-03"), closed_by="ada")


def test_a_month_is_not_closed_on_a_snapshot_of_the_time_before(desk: Desk) -> None:
    desk.snapshot(datetime(2026, 4, 2, 3, 59, tzinfo=UTC) - timedelta(days=1))
    desk.dual_run("2026-03")
    with pytest.raises(RuleViolation, match="from a snapshot of the time before"):
        close_period(desk.work("2026-03"), closed_by="ada")


def test_a_month_is_not_closed_while_usage_came_since_it_was_metered(desk: Desk) -> None:
    desk.dual_run("2026-03")
    desk.use("2026-03-21T00:00Z", "1", key="more")
    with pytest.raises(RuleViolation, match="came since it was metered"):
        close_period(desk.work("2026-03"), closed_by="ada")
    desk.close("2026-03")


def test_a_month_whose_units_were_lost_is_not_closed(desk: Desk) -> None:
    desk.dual_run("2026-03")
    with desk.db.transaction() as conn:
        conn.execute("UPDATE usage_event SET quantity = quantity + 1 WHERE period = '2026-03'")
    with pytest.raises(RuleViolation, match="lost or doubled"):
        close_period(desk.work("2026-03"), closed_by="ada")


def test_open_months_whose_usage_changed_are_told_until_they_are_metered_again(desk: Desk) -> None:
    assert usage_changes(desk.db, desk.service) == ()
    desk.close("2026-03")
    desk.dual_run("2026-04")
    assert usage_changes(desk.db, desk.service) == ()
    desk.use("2026-03-21T00:00Z", "1", key="late")
    desk.use("2026-04-21T00:00Z", "1", key="more", subscription=SECOND)
    (first,) = usage_changes(desk.db, desk.service)
    assert first.period == "2026-04"
    assert usage_changes(desk.db, desk.service) == (first,)
    desk.use("2026-04-22T00:00Z", "1", key="and more")
    (second,) = usage_changes(desk.db, desk.service)
    assert second.usage_hash != first.usage_hash
    usage_totals(desk.work("2026-04"))
    assert usage_changes(desk.db, desk.service) == ()


@ONLY_PULLED
def test_a_closed_month_that_is_replayed_is_not_metered_again_by_itself(desk: Desk) -> None:
    first = desk.snapshot()
    desk.use("2026-03-21T00:00Z", "1", key="more")
    desk.close("2026-03")
    usage_totals(desk.work("2026-03"), first)
    assert usage_changes(desk.db, desk.service) == ()


@ONLY_PUSHED
@pytest.mark.parametrize(("quantity", "is_closed"), [("100.5", True), ("100.6", False)])
def test_a_month_is_not_closed_while_the_source_tells_something_else_than_the_host(
    desk: Desk, quantity: str, is_closed: bool
) -> None:
    desk.host.run(f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', {quantity}, '2026-03-20T10:00Z', NULL, 'k')")
    desk.snapshot()
    desk.dual_run("2026-03")
    with nullcontext() if is_closed else pytest.raises(RuleViolation, match=r"the feeds differ on 1 of 1 .* see  fcb feeds"):
        close_period(desk.work("2026-03"), closed_by="ada")


@ONLY_PUSHED
def test_a_month_is_not_closed_with_late_usage_that_only_the_host_tells(desk: Desk) -> None:
    for at, quantity in (("2026-03-20T10:00Z", "100.5"), ("2026-04-01T04:00Z", "7")):
        desk.host.run(f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', {quantity}, '{at}', NULL, 'k {at}')")
    desk.snapshot()
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "3", key="late")
    desk.dual_run("2026-04")
    with pytest.raises(
        RuleViolation, match=r"2026-03, of which this bill .* differ .* fcb feeds --service small --period 2026-03"
    ):
        close_period(desk.work("2026-04"), closed_by="ada")
