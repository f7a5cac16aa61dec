"""Closing a month, and what becomes of its usage that is told later: pulled or pushed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts.adjustments import adjusted
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.closing import close_period, usage_changes
from fcb_pipelines.acts.intake import Delivery, Intake
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.rating import RatedPeriod, expect_period, rate_period
from fcb_pipelines.acts.reconciliation import Reconciled, reconcile_period
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.expected import UNRATED, ExpectedLine
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.usage import PULLED, PUSHED, UsageEvent, Void
from fcb_pipelines.services import MetricSetting, Service
from fcb_pipelines.store import rating
from fcb_pipelines.store.database import Database, connect
from fcb_pipelines_tests.acts.test_dual_run import ONTARIO, RULES
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST, SECOND, SmallHost

LATE = 363_600 - 100
"""Beside March's 100.5 and April's 7 cpu-seconds of the first subscription; its plan includes 1,000 of each month."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A small host whose usage of one feed is billed."""

    host: SmallHost
    db: Database
    feed: str

    @property
    def service(self) -> Service:
        metrics = {"cpu_seconds": MetricSetting(), "requests": MetricSetting()}
        return self.host.service(**RULES, billed_feed=self.feed, metrics=metrics)

    def work(self, key: str, **changes: Any) -> PeriodWork:
        given = {"db": self.db, "service": self.service, "taxes": ONTARIO, "settings_hash": "settings", "now": NOW}
        return PeriodWork(**{**given, "period": self.service.period(key), **changes})

    def snapshot(self, now: datetime = NOW) -> int:
        return take_snapshot(self.db, self.service, now, lambda _: None).snapshot_id

    def use(self, at: str, quantity: str, *, key: str, subscription: str = FIRST, metric: str = "cpu_seconds") -> None:
        """Let a subscription have used something, and us be told by the billed feed."""
        if self.feed == PULLED:
            self.host.run(f"INSERT INTO usage VALUES ('{subscription}', '{metric}', {quantity}, '{at}', NULL, '{key}')")
            self.snapshot()
            return
        event = UsageEvent(
            service="small",
            feed=PUSHED,
            external_subscription_id=subscription,
            metric=metric,
            idempotency_key=key,
            quantity=Decimal(quantity),
            started_at=datetime.fromisoformat(at),
        )
        self.push(event)

    def push(self, *facts: UsageEvent | Void) -> None:
        with connect(self.db.url, autocommit=True) as conn:
            delivery = Delivery(service=self.service, facts=facts, may_backfill=True)
            (results,) = Intake(conn).take([delivery], NOW)
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}

    def take_back(self, voids: str) -> None:
        names = {"service": "small", "feed": PUSHED, "external_subscription_id": FIRST, "metric": "cpu_seconds"}
        self.push(Void(**names, idempotency_key=f"not {voids}", voids=voids))

    def rated(self, key: str) -> RatedPeriod:
        usage_totals(self.work(key))
        return rate_period(self.work(key))

    def dual_run(self, key: str) -> Reconciled:
        self.rated(key)
        expect_period(self.work(key))
        actual_period(self.work(key))
        return reconcile_period(self.work(key))

    def close(self, *keys: str) -> None:
        for key in keys:
            self.dual_run(key)
            close_period(self.work(key), closed_by="ada")

    def expected(self, key: str) -> dict[str, ExpectedLine]:
        with self.db.transaction() as conn:
            return {line.line_key.removeprefix(f"{FIRST}/"): line for line in rating.expected(conn, "small", key)}

    def adjustments(self, key: str) -> list[tuple[str, str, str, Decimal | None, Decimal | None]]:
        found = adjusted(self.work(key))
        assert found.is_proved
        return [
            (one.of_period, plain(one.old_quantity), plain(one.new_quantity), one.old_net, one.new_net)
            for one in found.adjustments
        ]

    def audited(self) -> list[tuple[Any, ...]]:
        with self.db.transaction() as conn:
            return conn.execute("SELECT actor, act, service, subject FROM audit_log ORDER BY position").fetchall()


@pytest.fixture(params=[PULLED, PUSHED])
def desk(request: pytest.FixtureRequest, fresh_database: str, store_database: str, tmp_path: Path) -> Desk:
    """A host whose first subscription used 100.5 cpu-seconds in March and 7 in April, told by the billed feed."""
    host = SmallHost(fresh_database, tmp_path)
    host.run(f"UPDATE invoices SET external_subscription_id = '{FIRST}'", "UPDATE users SET country = 'CA', state = 'ON'")
    found = Desk(host=host, db=Database(store_database), feed=request.param)
    found.snapshot()
    if found.feed == PUSHED:
        for at, quantity in (("2026-03-20T10:00Z", "100.5"), ("2026-04-01T04:00Z", "7"), ("2026-05-10T00:00Z", "1")):
            found.use(at, quantity, key=f"k {at}")
    return found


@pytest.fixture
def pushed(desk: Desk) -> Desk:
    """Only where usage is pushed: only there it can be taken back."""
    if desk.feed == PULLED:
        pytest.skip("pulled usage is never taken back")
    return desk


def test_a_closed_month_stays_and_the_next_open_one_adjusts_it(desk: Desk) -> None:
    desk.close("2026-03")
    before = desk.expected("2026-03")
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    assert desk.dual_run("2026-03").changes.rows == ()
    assert desk.expected("2026-03") == before
    desk.dual_run("2026-04")
    used = "100.500001" if desk.feed == PULLED else "100.5"
    (found,) = desk.adjustments("2026-04")
    assert found == ("2026-03", used, plain(Decimal(used) + LATE), Decimal("0.00"), Decimal("0.76"))
    line = desk.expected("2026-04")["cpu_seconds/2026-03-15/adjusted-in-2026-04"]
    assert (str(line.net), str(line.tax), line.is_due) == ("0.76 CAD", "0.10 CAD", True)
    assert desk.expected("2026-04")["cpu_seconds/2026-04-01"].net != line.net


def test_of_two_closed_months_late_usage_is_adjusted_where_the_first_is_open(desk: Desk) -> None:
    desk.close("2026-03", "2026-04")
    desk.use("2026-03-21T00:00Z", str(LATE), key="late in March")
    desk.use("2026-04-21T00:00Z", str(LATE), key="late in April")
    desk.dual_run("2026-05")
    assert [found[0] for found in desk.adjustments("2026-05")] == ["2026-03", "2026-04"]
    assert desk.adjustments("2026-04") == []


def test_what_is_later_still_begins_with_what_the_bill_before_said(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    desk.close("2026-04")
    desk.use("2026-03-22T00:00Z", "360000", key="later still")
    desk.dual_run("2026-05")
    (found,) = desk.adjustments("2026-05")
    assert (found[3], found[4]) == (Decimal("0.76"), Decimal("1.51"))
    (before,) = desk.adjustments("2026-04")
    assert before[2] == found[1]


def test_what_is_taken_back_after_closing_is_given_back(pushed: Desk) -> None:
    pushed.use("2026-03-21T00:00Z", str(LATE), key="too much")
    pushed.close("2026-03")
    pushed.take_back("too much")
    pushed.dual_run("2026-04")
    assert pushed.adjustments("2026-04") == [("2026-03", "363600.5", "100.5", Decimal("0.76"), Decimal("0.00"))]
    line = pushed.expected("2026-04")["cpu_seconds/2026-03-15/adjusted-in-2026-04"]
    assert (str(line.net), str(line.tax), line.is_due) == ("-0.76 CAD", "-0.10 CAD", True)


def test_what_was_taken_back_and_sent_again_changes_nothing(pushed: Desk) -> None:
    pushed.close("2026-03")
    pushed.take_back("k 2026-03-20T10:00Z")
    pushed.use("2026-03-20T10:00Z", "100.5", key="again")
    pushed.dual_run("2026-04")
    assert pushed.adjustments("2026-04") == []
    assert adjusted(pushed.work("2026-04")).late == ()


def test_late_usage_without_a_price_is_a_line_that_says_so(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "5", key="late", metric="requests")
    rated = desk.rated("2026-04")
    (issue,) = rated.issues
    assert issue.reason == "late usage of 2026-03: 0 → 5 requests: a metric without a price"
    assert [line.charge for line in rated.lines if line.exact is None] == [UNRATED]
    assert [one.metric for one in adjusted(desk.work("2026-04")).unpriced] == ["requests"]


def test_as_of_an_earlier_snapshot_only_what_was_known_then_is_adjusted(desk: Desk) -> None:
    if desk.feed == PUSHED:
        pytest.skip("pushed usage is of no snapshot")
    desk.close("2026-03")
    before = desk.snapshot()
    desk.use("2026-03-21T00:00Z", str(LATE), key="late")
    first = usage_totals(desk.work("2026-04"))
    assert [late.of_period for late in first.late] == ["2026-03"]
    assert usage_totals(desk.work("2026-04"), before).late == ()
    desk.use("2026-03-21T01:00Z", "1", key="later")
    assert usage_totals(desk.work("2026-04"), first.snapshot_id).late == first.late


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
    with pytest.raises(RuleViolation, match="2026-03 of small are open: close them first"):
        close_period(desk.work("2026-04"), closed_by="ada")
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


def test_late_usage_that_is_not_what_its_events_say_is_found(desk: Desk) -> None:
    desk.close("2026-03")
    desk.use("2026-03-21T00:00Z", "5", key="late")
    desk.rated("2026-04")
    assert adjusted(desk.work("2026-04")).is_proved
    with desk.db.transaction() as conn:
        conn.execute("UPDATE usage_event SET quantity = 6 WHERE idempotency_key ~ 'late' OR quantity = 5")
    assert not adjusted(desk.work("2026-04")).is_proved
