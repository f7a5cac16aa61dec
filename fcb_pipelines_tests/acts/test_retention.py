"""Dropping the events of old months: which may go, and that all that was promised of them still holds."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.feeds import compare_feeds
from fcb_pipelines.acts.retention import ExpiredMonth, drop_expired, expired_months, last_expired
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.acts.usage_conservation import conservation_now
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.intake import Outcome
from fcb_pipelines.domain.period import Period
from fcb_pipelines.store import running
from fcb_pipelines.store.closings import closed_periods
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.acts.two_feeds import METRICS, TwoFeeds, pushed, two_feeds, void
from fcb_pipelines_tests.source.small_host import FIRST, TORONTO

MARCH, APRIL = "2026-03", "2026-04"
LATER = datetime(2026, 8, 2, 16, tzinfo=UTC)
IN_MARCH = "2026-03-20T10:00"


@pytest.fixture
def feeds(fresh_database: str, store_database: str, tmp_path: Path) -> Iterator[TwoFeeds]:
    """March and April by both feeds; March is metered and closed."""
    with two_feeds(fresh_database, store_database, tmp_path) as feeds:
        feeds.snapshot()
        for metric in METRICS:
            feeds.push(*(pushed(f"m{n}", str(n), metric=metric, at=f"2026-03-{20 + n}T10:00") for n in (1, 2)))
            feeds.push(pushed("a", "5", metric=metric))
        usage_totals(feeds.work(MARCH))
        feeds.close(MARCH)
        yield feeds


def drop(feeds: TwoFeeds, last: str = MARCH) -> list[str]:
    done = drop_expired(feeds.db, last, keep_months=3, by="ada", now=LATER)
    return [one.period for one in done]


def events(feeds: TwoFeeds, period: str) -> int:
    row = feeds.conn.execute("SELECT count(*) FROM usage_event WHERE period = %s", [period]).fetchone()
    assert row is not None
    return int(row[0])


def read_back(feeds: TwoFeeds) -> tuple[running.RunningTotal, ...]:
    return running.of_subscription(feeds.conn, "small", FIRST, MARCH)


def kept_for_ever(feeds: TwoFeeds) -> list[object]:
    tables = ("usage_series", "usage_identity", "usage_running", "usage_value", "usage_total")
    return [feeds.conn.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3".encode()).fetchall() for table in tables]


@pytest.mark.parametrize(
    ("now", "months", "last"),
    [
        (datetime(2026, 6, 1, 4, tzinfo=UTC), 3, "2026-02"),
        (datetime(2026, 6, 1, 3, 59, 59, tzinfo=UTC), 3, "2026-01"),
        (datetime(2026, 6, 30, tzinfo=UTC), 3, "2026-02"),
        (datetime(2027, 1, 15, tzinfo=UTC), 12, "2025-12"),
    ],
)
def test_a_month_is_kept_for_so_many_whole_months_after_its_end(now: datetime, months: int, last: str) -> None:
    services = [a_service("small", first_period="2020-01")]
    assert last_expired(services, now, months) == last
    further_west = a_service("west", first_period="2020-01").model_copy(update={"zone": ZoneInfo("Pacific/Midway")})
    assert last_expired([*services, further_west], now, months) <= last


def test_a_closed_month_goes_and_nothing_else_does(feeds: TwoFeeds) -> None:
    before = kept_for_ever(feeds)
    assert (events(feeds, MARCH), events(feeds, APRIL)) == (10, 6)
    (found,) = expired_months(feeds.db, MARCH)
    assert (found.period, found.events, found.waits_for, found.why_kept) == (MARCH, 10, (), "")
    assert found.size > 0
    assert events(feeds, MARCH) == 10, "to look drops nothing"
    assert drop(feeds) == [MARCH]
    assert (events(feeds, MARCH), events(feeds, APRIL)) == (0, 6)
    assert kept_for_ever(feeds) == before
    assert drop(feeds) == [], "again there is nothing to drop"


def test_a_month_stays_while_a_bill_with_its_usage_is_open(feeds: TwoFeeds) -> None:
    feeds.push(pushed("late", "100", at=IN_MARCH))
    (found,) = expired_months(feeds.db, MARCH)
    assert found.why_kept == "its usage is on bills that are not closed: small 2026-04"
    assert drop(feeds) == []
    feeds.close(APRIL)
    assert drop(feeds) == [MARCH]


def test_a_reading_that_brings_nothing_new_keeps_no_month(feeds: TwoFeeds) -> None:
    feeds.snapshot()
    assert {one.booked_in for one in read_back(feeds)} == {MARCH}
    assert drop(feeds) == [MARCH]


def test_an_open_month_stays_and_the_others_go(feeds: TwoFeeds) -> None:
    assert [(one.period, one.why_kept) for one in expired_months(feeds.db, APRIL)] == [
        (MARCH, ""),
        (APRIL, "its usage is on bills that are not closed: small 2026-04"),
    ]
    assert drop(feeds, APRIL) == [MARCH]
    assert events(feeds, APRIL) == 6


def test_a_month_that_another_service_has_open_stays(feeds: TwoFeeds) -> None:
    feeds.run("INSERT INTO usage_series (service, feed, external_subscription_id, metric, aggregation) VALUES"
              " ('big', 'pushed', 's', 'm', 'sum')")  # fmt: skip
    feeds.run("INSERT INTO usage_running SELECT series_id, '2026-03', '2026-03', 'sum', 1, 1 FROM usage_series"
              " WHERE service = 'big'")  # fmt: skip
    (found,) = expired_months(feeds.db, MARCH)
    assert [str(bill) for bill in found.waits_for] == ["big 2026-03"]
    assert drop(feeds) == []


def test_what_comes_again_is_told_as_before(feeds: TwoFeeds) -> None:
    drop(feeds)
    assert feeds.push(pushed("m1", "1", at="2026-03-21T10:00")) == [Outcome.DUPLICATE]
    assert feeds.push(pushed("m1", "2", at="2026-03-21T10:00")) == [Outcome.CONFLICT]
    feeds.snapshot()
    header = feeds.conn.execute(
        "SELECT events, new_events, conflicts, absent FROM snapshot_usage WHERE period = %s ORDER BY snapshot_id DESC", [MARCH]
    ).fetchone()
    assert header == (2, 0, 0, 0)
    assert (events(feeds, MARCH), events(feeds, APRIL)) == (0, 6)


def test_usage_reads_back_and_meters_the_same(feeds: TwoFeeds) -> None:
    before, metered = read_back(feeds), usage_totals(feeds.work(MARCH))
    drop(feeds)
    assert read_back(feeds) == before
    assert usage_totals(feeds.work(MARCH)) == metered


def test_late_usage_of_a_dropped_month_is_added_to_what_was_kept(feeds: TwoFeeds) -> None:
    drop(feeds)
    for metric in METRICS:
        assert feeds.push(pushed("late", "9", metric=metric, at="2026-03-30T10:00")) == [Outcome.ACCEPTED]
    feeds.push(pushed("same", "2", metric="users", at="2026-03-30T10:00"))
    late = {one.metric: one.quantity for one in read_back(feeds) if one.booked_in == APRIL}
    assert late == {"cpu_seconds": Decimal(12), "peak": Decimal(9), "level": Decimal(9), "users": Decimal(3)}
    feeds.close(APRIL)
    assert drop(feeds) == [MARCH], "those go too once their bill is closed"
    row = feeds.conn.execute("SELECT events FROM usage_dropped").fetchone()
    assert row == (10 + 5,)


@pytest.mark.parametrize("key", ["m1", "late"])
def test_an_event_of_a_dropped_month_cannot_be_taken_back(feeds: TwoFeeds, key: str) -> None:
    drop(feeds)
    feeds.push(pushed("late", "9", at="2026-03-30T10:00"))
    before = read_back(feeds)
    assert feeds.push(void("v", key)) == [Outcome.REJECTED]
    assert read_back(feeds) == before


@pytest.mark.parametrize("billed", ["pulled", "pushed"])
def test_the_proof_of_a_dropped_month_says_so_and_still_holds_what_it_can(feeds: TwoFeeds, billed: str) -> None:
    feeds.changes["billed_feed"] = billed
    usage_totals(feeds.work(MARCH))
    drop(feeds)
    found = conservation_now(feeds.work(MARCH))
    assert (found.is_conserved, found.dropped_at, found.wrong) == (True, LATER, ())
    feeds.snapshot()
    usage_totals(feeds.work(MARCH))
    assert conservation_now(feeds.work(MARCH)).is_conserved
    feeds.run("UPDATE usage_total SET quantity = quantity + 0.000001 WHERE period = '2026-03' AND metric = 'cpu_seconds'")
    assert not conservation_now(feeds.work(MARCH)).is_conserved


def test_a_dropped_month_cannot_be_counted_as_of_an_earlier_snapshot(feeds: TwoFeeds) -> None:
    feeds.changes["billed_feed"] = "pulled"
    feeds.run("UPDATE usage_closing SET billed_feed = 'pulled'")
    first = feeds.last()
    feeds.snapshot()
    assert drop(feeds) == [MARCH]
    with pytest.raises(RuleViolation, match="events of 2026-03 are no longer kept in detail"):
        usage_totals(feeds.work(MARCH), first)
    assert usage_totals(feeds.work(MARCH)).quantities == {"cpu_seconds": Decimal("100.500001")}


def test_a_dropped_month_is_not_compared(feeds: TwoFeeds) -> None:
    period = Period(MARCH, TORONTO)
    assert not compare_feeds(feeds.db, feeds.service, period).agrees
    drop(feeds)
    found = compare_feeds(feeds.db, feeds.service, period)
    assert (found.agrees, found.sentence) == (True, "not applicable: the events of the month are no longer kept")


def test_it_is_in_the_audit_log(feeds: TwoFeeds) -> None:
    drop(feeds)
    rows = feeds.conn.execute("SELECT actor, act, service, subject, data FROM audit_log").fetchall()
    assert rows == [("ada", "usage_dropped", None, MARCH, {"events": 10, "kept_months": 3, "services": ["small"]})]
    assert all(log.broken is None for log in verify_logs(feeds.db))


def test_while_usage_is_being_stored_the_month_stays_and_nobody_waits_long(feeds: TwoFeeds) -> None:
    with feeds.conn.transaction():
        closed_periods(feeds.conn, "small")
        started = time.monotonic()
        with pytest.raises(RuleViolation, match=r"usage is being stored right now.*2026-03 stays for now, run again"):
            drop(feeds)
        assert time.monotonic() - started < 6, "ten seconds are what others wait for a lock"
    assert events(feeds, MARCH) == 10
    assert drop(feeds) == [MARCH]


def test_nothing_is_old_where_nothing_is_kept_for_less(feeds: TwoFeeds) -> None:
    assert expired_months(feeds.db, "2026-02") == ()
    assert isinstance(expired_months(feeds.db, MARCH)[0], ExpiredMonth)
    assert drop_expired(feeds.db, "2026-02", keep_months=3, by="ada", now=LATER + timedelta(days=1)) == ()
