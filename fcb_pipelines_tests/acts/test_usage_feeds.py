"""Metering from the feed that is billed, and the proof that neither feed lost or doubled a unit."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.acts.usage_conservation import UsageConservation, conservation_now, usage_conservation
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.store import stages
from fcb_pipelines_tests.acts.two_feeds import NOW, TwoFeeds, pushed, two_feeds, void
from fcb_pipelines_tests.source.small_host import FIRST, SECOND

IN_APRIL = datetime(2026, 4, 20, tzinfo=UTC)


@pytest.fixture
def feeds(fresh_database: str, store_database: str, tmp_path: Path) -> Iterator[TwoFeeds]:
    with two_feeds(fresh_database, store_database, tmp_path) as feeds:
        feeds.snapshot()
        yield feeds


def totals(feeds: TwoFeeds, key: str = "2026-04", snapshot_id: int | None = None) -> dict[tuple[str, str], Decimal]:
    done = usage_totals(feeds.work(key), snapshot_id)
    return {(one.external_subscription_id, one.metric): one.quantity for one in done.totals}


def content_hash(feeds: TwoFeeds) -> str:
    with feeds.db.transaction() as conn:
        found = stages.find(conn, "small", "2026-04", stages.USAGE_TOTALS)
    assert found is not None
    return found.content_hash


def test_the_feed_that_is_billed_is_summed_and_the_other_is_not(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "40"), pushed("b", "2.000001"), pushed("c", "5", subscription=SECOND))
    assert totals(feeds) == {(FIRST, "cpu_seconds"): Decimal("42.000001"), (SECOND, "cpu_seconds"): Decimal(5)}
    feeds.changes["billed_feed"] = "pulled"
    assert totals(feeds) == {(FIRST, "cpu_seconds"): Decimal(7), (SECOND, "cpu_seconds"): Decimal(3)}
    assert usage_totals(feeds.work()).feed == "pulled"


def test_pushed_usage_is_metered_by_each_metrics_aggregation_and_without_what_was_taken_back(feeds: TwoFeeds) -> None:
    for metric in ("cpu_seconds", "peak", "level", "users"):
        feeds.push(*(pushed(f"k{n}", str(n), metric=metric, at=f"2026-04-{9 - n:02}T00:00") for n in (2, 5, 7)))
        feeds.push(void("v", "k7", metric=metric))
    assert totals(feeds) == {
        (FIRST, "cpu_seconds"): Decimal(7),
        (FIRST, "peak"): Decimal(5),
        (FIRST, "level"): Decimal(2),
        (FIRST, "users"): Decimal(2),
    }


def test_pushed_usage_needs_a_snapshot_but_none_that_read_usage(feeds: TwoFeeds) -> None:
    feeds.run("TRUNCATE source_snapshot, snapshot_usage CASCADE")
    feeds.run("UPDATE usage_series SET feed = 'pushed'")
    with pytest.raises(RuleViolation, match="there is no snapshot of small yet"):
        totals(feeds)
    feeds.run("INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('small', now(), false, '')")
    assert totals(feeds) == {(FIRST, "cpu_seconds"): Decimal(7), (SECOND, "cpu_seconds"): Decimal(3)}
    assert conservation_now(feeds.work()).pulled is None


@pytest.mark.parametrize(("alive", "now", "outcome"), [(True, NOW, "refused"), (True, IN_APRIL, 2), (False, NOW, 0)])
def test_a_silent_feed_is_not_zero_usage(feeds: TwoFeeds, alive: bool, now: datetime, outcome: str | int) -> None:
    if not alive:
        feeds.host.run("UPDATE subscriptions SET ended_at = started_at + interval '1 day'")
        feeds.snapshot()
    if outcome == "refused":
        with pytest.raises(RuleViolation, match=r"pushed no usage of 2026-04, in which 2 subscriptions lived.*quantity 0"):
            usage_totals(feeds.work(now=now))
        return
    assert usage_totals(feeds.work(now=now)).silent == outcome
    assert conservation_now(feeds.work(now=now)).silent == outcome


@pytest.mark.parametrize("facts", [(pushed("heartbeat", "0"),), (pushed("a"), void("v", "a"))])
def test_a_feed_that_says_nothing_was_used_is_not_silent(feeds: TwoFeeds, facts: tuple[object, ...]) -> None:
    for fact in facts:
        feeds.push(fact)  # type: ignore[arg-type]
    assert usage_totals(feeds.work()).silent == 0


def test_pushed_usage_is_what_is_stored_now_whichever_snapshot_is_named(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "1"))
    first = feeds.last()
    feeds.snapshot()
    feeds.push(pushed("b", "5"))
    assert totals(feeds, snapshot_id=first) == totals(feeds) == {(FIRST, "cpu_seconds"): Decimal(6)}


def test_a_closed_month_is_the_same_under_any_snapshot_whatever_is_pushed_later(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "1"), pushed("b", "5", metric="peak"))
    before = totals(feeds), content_hash(feeds)
    feeds.close("2026-04")
    first = feeds.last()
    feeds.snapshot()
    feeds.push(pushed("late", "100"), pushed("late", "100", metric="peak"))
    feeds.push(void("v", "a"))
    assert (totals(feeds), content_hash(feeds)) == before
    assert (totals(feeds, snapshot_id=first), content_hash(feeds)) == before
    assert conservation_now(feeds.work()).is_conserved


def counted(found: UsageConservation) -> dict[str, tuple[int, int]]:
    return {one.feed: (one.events.events, one.running.events) for one in found.feeds}


@pytest.mark.parametrize("billed", ["pulled", "pushed"])
def test_both_feeds_are_counted_again_whichever_is_billed(feeds: TwoFeeds, billed: str) -> None:
    feeds.changes["billed_feed"] = billed
    feeds.push(pushed("a", "40"), pushed("b", "2"), pushed("c", "5", metric="peak"))
    usage_totals(feeds.work())
    found = conservation_now(feeds.work())
    assert found.is_conserved
    assert found.is_uncontested
    assert counted(found) == {"pulled": (2, 2), "pushed": (3, 3)}


def test_a_feed_that_told_nothing_and_is_not_billed_is_not_shown(feeds: TwoFeeds) -> None:
    feeds.changes["billed_feed"] = "pulled"
    usage_totals(feeds.work())
    assert counted(conservation_now(feeds.work())) == {"pulled": (2, 2)}


OF_METRIC = "series_id = (SELECT series_id FROM usage_series WHERE feed = 'pushed' AND metric = '{}')"
TAMPERING = {
    "an event of a sum": "UPDATE usage_event SET quantity = quantity + 0.000001 WHERE idempotency_key = 'a2' AND "
    + OF_METRIC.format("cpu_seconds"),
    "an event that is gone": "DELETE FROM usage_event WHERE idempotency_key = 'a2' AND " + OF_METRIC.format("cpu_seconds"),
    "the highest": "UPDATE usage_event SET quantity = 1 WHERE idempotency_key = 'a3' AND " + OF_METRIC.format("peak"),
    "the last": "UPDATE usage_event SET started_at = '2026-04-01 05:00Z' WHERE idempotency_key = 'a3' AND "
    + OF_METRIC.format("level"),
    "a value": "UPDATE usage_event SET value = '2' WHERE idempotency_key = 'a3' AND " + OF_METRIC.format("users"),
    "a month": "UPDATE usage_event SET booked_in = '2026-05' WHERE idempotency_key = 'a3' AND " + OF_METRIC.format("peak"),
    "the running sum": "UPDATE usage_running SET quantity = quantity - 1 WHERE " + OF_METRIC.format("cpu_seconds"),
    "the running highest": "UPDATE usage_running SET quantity = quantity + 1 WHERE " + OF_METRIC.format("peak"),
    "the running last": "UPDATE usage_running SET quantity = 0 WHERE " + OF_METRIC.format("level"),
    "the running count of values": "UPDATE usage_running SET quantity = 4 WHERE " + OF_METRIC.format("users"),
    "how many events": "UPDATE usage_running SET events = events + 1 WHERE " + OF_METRIC.format("peak"),
    "a running total that is gone": "DELETE FROM usage_running WHERE " + OF_METRIC.format("level"),
}


@pytest.mark.parametrize("billed", ["pulled", "pushed"])
def test_a_unit_of_a_pushed_metric_that_is_lost_anywhere_is_seen(feeds: TwoFeeds, billed: str) -> None:
    feeds.changes["billed_feed"] = billed
    for metric in ("cpu_seconds", "peak", "level", "users"):
        feeds.push(*(pushed(f"a{n}", str(n), metric=metric, at=f"2026-04-{n:02}T12:00") for n in (1, 2, 3)))
    usage_totals(feeds.work())
    assert conservation_now(feeds.work()).is_conserved
    for what, statement in TAMPERING.items():
        with feeds.conn.transaction(force_rollback=True):
            assert feeds.run(statement) == 1, what
            found = usage_conservation(feeds.conn, feeds.service, feeds.work().period)
        assert not found.is_conserved, what
        assert {one.external_subscription_id for one in found.wrong} == {FIRST}, what


def test_what_one_subscription_gained_and_another_lost_is_no_sum_that_agrees(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "4"), pushed("a", "6", subscription=SECOND), now=NOW - timedelta(days=1))
    usage_totals(feeds.work())
    feeds.run("UPDATE usage_event SET quantity = 10 - quantity WHERE idempotency_key = 'a'")
    found = conservation_now(feeds.work())
    assert [(one.external_subscription_id, one.kept_quantity, one.counted_quantity) for one in found.wrong_totals] == [
        (FIRST, Decimal(4), Decimal(6)),
        (SECOND, Decimal(6), Decimal(4)),
    ]
    (_, of_pushed) = found.feeds
    assert of_pushed.recounted == of_pushed.running, "the sums alone would say that nothing happened"


def test_usage_on_a_later_bill_is_counted_again_too(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "1"))
    usage_totals(feeds.work())
    feeds.close("2026-04")
    feeds.push(pushed("late", "100"))
    assert conservation_now(feeds.work()).is_conserved
    feeds.run("UPDATE usage_running SET quantity = 102 WHERE booked_in = '2026-05'")
    (wrong,) = conservation_now(feeds.work()).wrong
    assert (wrong.kept_quantity, wrong.counted_quantity) == (Decimal(102), Decimal(101))


def test_what_is_pushed_after_the_sum_is_not_taken_for_a_loss(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "1"), pushed("a", "1", subscription=SECOND), now=NOW - timedelta(days=1))
    usage_totals(feeds.work())
    assert feeds.push(pushed("b", "5"), now=NOW + timedelta(minutes=1)) == [Outcome.ACCEPTED]
    found = conservation_now(feeds.work())
    assert (found.is_conserved, [one.external_subscription_id for one in found.since]) == (True, [FIRST])
    feeds.run(f"UPDATE usage_total SET quantity = 2 WHERE external_subscription_id = '{SECOND}'")
    assert not conservation_now(feeds.work()).is_conserved, "nothing of the second came since"


def test_a_total_of_which_nothing_came_since_must_be_exact(feeds: TwoFeeds) -> None:
    feeds.push(pushed("a", "1"), now=NOW - timedelta(days=1))
    usage_totals(feeds.work())
    feeds.run("UPDATE usage_total SET quantity = 1.000001")
    found = conservation_now(feeds.work())
    assert (found.is_conserved, found.since) == (False, ())
