"""Running totals against a recount of the events, and both against the aggregations said once more in Python."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, UsageEvent
from fcb_pipelines.store import pulled, snapshots, usage
from fcb_pipelines.store.closings import closed_periods
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.events import ensure_partitions
from fcb_pipelines.store.series import Series, SeriesNumbers
from fcb_pipelines_tests.store.closed import closed
from fcb_pipelines_tests.store.readings import APRIL, MARCH, NOW, TORONTO, event, forget_usage, reading

AGGREGATIONS = {str(each): each for each in Aggregation}
JUNE = Period("2026-06", TORONTO)


def took(conn: Connection, events: Sequence[UsageEvent], period: Period = APRIL) -> None:
    """Read events of the metrics that are called as they are aggregated."""
    conn.execute("DROP TABLE IF EXISTS staged_usage")
    snapshot_id = snapshots.open_snapshot(conn, "small", NOW)
    opened = pulled.begin_reading(conn, "small", AGGREGATIONS)
    pulled.stage(opened, period, events)
    pulled.keep_reading(opened, period, snapshot_id=snapshot_id, read_at=NOW, rejected=0, content_hash=b"")


def running(conn: Connection, period: Period = APRIL) -> dict[tuple[str, str], tuple[Decimal, int]]:
    """Quantity and events by metric and the month whose bill they are on."""
    rows = conn.execute(
        "SELECT metric, booked_in, quantity, events FROM usage_running JOIN usage_series USING (series_id) WHERE period = %s",
        [period.key],
    )
    return {(metric, booked_in): (quantity, events) for metric, booked_in, quantity, events in rows}


def recounted(conn: Connection, period: Period = APRIL) -> dict[str, Decimal]:
    return dict(usage.recounted_sums(conn, "small", period, PULLED).quantities)


AGGREGATED: Mapping[str, Callable[[Sequence[UsageEvent]], Decimal]] = {
    "sum": lambda found: sum((one.quantity for one in found), Decimal(0)),
    "max": lambda found: max(one.quantity for one in found),
    "last": lambda found: max(found, key=lambda one: (one.started_at, one.idempotency_key)).quantity,
    "unique_count": lambda found: Decimal(len({one.value for one in found})),
}


def aggregated(events: Iterable[UsageEvent]) -> dict[str, Decimal]:
    """The aggregations by their definitions."""
    by: dict[str, list[UsageEvent]] = {}
    for one in events:
        by.setdefault(one.metric, []).append(one)
    return {name: AGGREGATED[name](found) for name, found in by.items()}


def counted(metric: str, key: str, quantity: str, minute: int) -> UsageEvent:
    """An event of April; where values are counted its quantity is the value."""
    at = datetime(2026, 4, 10, tzinfo=UTC) + timedelta(minutes=minute)
    if metric == "unique_count":
        return replace(event(key, "1", metric=metric), started_at=at, value=f"v{quantity}")
    return replace(event(key, quantity, metric=metric), started_at=at)


EVENTS = st.lists(
    st.builds(
        counted,
        st.sampled_from(sorted(AGGREGATIONS)),
        st.integers(0, 30).map(lambda number: f"k{number:02}"),
        st.sampled_from(["0", "1", "2.5", "7", "0.000001"]),
        st.integers(0, 3),
    ),
    max_size=14,
    unique_by=lambda one: (one.metric, one.idempotency_key),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(EVENTS, st.integers(1, 4))
def test_running_totals_are_what_the_events_come_to_however_they_arrive(
    conn: Connection, events: list[UsageEvent], batches: int
) -> None:
    forget_usage(conn)
    for nth in range(batches):
        took(conn, events[nth::batches])
        took(conn, events[::-1])
    expected = aggregated(events)
    assert {metric: quantity for (metric, _), (quantity, _) in running(conn).items()} == expected
    assert recounted(conn) == expected
    assert sum(number for _, number in running(conn).values()) == len(events)


def test_of_events_that_start_at_once_the_last_is_that_whose_key_sorts_last(conn: Connection) -> None:
    took(conn, [counted("last", "b", "2", 5), counted("last", "a", "1", 5)])
    took(conn, [counted("last", "a2", "3", 5), counted("last", "c", "9", 1)])
    assert running(conn) == {("last", "2026-04"): (Decimal(2), 4)}
    assert recounted(conn) == {"last": Decimal(2)}


def test_what_is_told_of_a_closed_month_is_on_the_next_open_bill_and_leaves_the_old_one(conn: Connection) -> None:
    took(conn, [counted("sum", "a", "5", 0), counted("max", "m", "5", 0), counted("unique_count", "u", "1", 0)])
    assert closed(conn, "small", "2026-04")
    took(conn, [counted("sum", "b", "2", 1), counted("max", "n", "3", 1), counted("unique_count", "v", "1", 1)])
    assert closed(conn, "small", "2026-05")
    took(conn, [counted("sum", "c", "1", 1), counted("max", "o", "9", 1), counted("unique_count", "w", "2", 1)])
    assert running(conn) == {
        ("sum", "2026-04"): (Decimal(5), 1),
        ("sum", "2026-05"): (Decimal(7), 2),
        ("sum", "2026-06"): (Decimal(8), 3),
        ("max", "2026-04"): (Decimal(5), 1),
        ("max", "2026-05"): (Decimal(5), 2),
        ("max", "2026-06"): (Decimal(9), 3),
        ("unique_count", "2026-04"): (Decimal(1), 1),
        ("unique_count", "2026-05"): (Decimal(1), 2),
        ("unique_count", "2026-06"): (Decimal(2), 3),
    }
    assert recounted(conn) == {"sum": Decimal(5), "max": Decimal(5), "unique_count": Decimal(1)}
    assert conn.execute("SELECT DISTINCT period FROM usage_event").fetchall() == [("2026-04",)]


def test_a_month_is_not_closed_while_somebody_stores_usage_of_its_service(store_database: str) -> None:
    db = Database(store_database)
    with db.transaction() as storing, db.transaction() as closing:
        closed_periods(storing, "small")
        assert closed(closing, "big", "2026-04")
        closing.execute("SET lock_timeout = '20ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable), closing.transaction():
            closed(closing, "small", "2026-04")
        storing.commit()
        assert closed(closing, "small", "2026-04")


def test_a_month_is_closed_once_and_for_its_service_only(conn: Connection) -> None:
    assert closed(conn, "small", "2026-04")
    assert not closed(conn, "small", "2026-04", by="bob")
    assert [sorted(closed_periods(conn, service)) for service in ("small", "big")] == [["2026-04"], []]
    assert conn.execute("SELECT closed_by FROM usage_closing").fetchall() == [("ada",)]


def test_each_month_has_a_partition_and_only_that_one_is_read(conn: Connection) -> None:
    reading(conn, [event("m", at="2026-03-10")], period=MARCH)
    reading(conn, [event("a")])
    ensure_partitions(conn, ["2026-04", "2026-06", "2026-04"])
    tables = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'usage_event'::regclass ORDER BY 1"
    assert [row[0] for row in conn.execute(tables)] == ["usage_event_2026_03", "usage_event_2026_04", "usage_event_2026_06"]
    bill = {"booked_in": "2026-04", "series_id": None, "snapshot_id": None}
    given = {"service": "small", "feed": PULLED, "period": "2026-04", **bill}
    for statement in (usage.EVENT_SUMS, usage.RECOUNTED_SUMS):
        plan = "\n".join(row[0] for row in conn.execute(f"EXPLAIN {statement}".encode(), given))
        assert "usage_event_2026_04" in plan
        assert "usage_event_2026_03" not in plan
        assert "usage_event_2026_06" not in plan


def test_an_identity_is_stored_once_whatever_month_it_is_told_in_and_whatever_became_of_the_event(conn: Connection) -> None:
    reading(conn, [event("a", "5", at="2026-03-10")], period=MARCH)
    conn.execute("DROP TABLE usage_event_2026_03")
    header = reading(conn, [event("a", "5"), event("b")])
    assert (header.new_events, header.conflicts) == (1, 1)
    assert running(conn) == {("cpu_seconds", "2026-04"): (Decimal(1), 1)}


def test_a_series_has_one_number_and_one_aggregation(conn: Connection) -> None:
    wanted = {Series("small", PULLED, "s-1", "cpu_seconds"), Series("small", PULLED, "s-2", "cpu_seconds")}
    first = dict(SeriesNumbers({}).of(conn, wanted))
    assert dict(SeriesNumbers({}).of(conn, wanted)) == first
    assert len(set(first.values())) == 2
    other = SeriesNumbers({"cpu_seconds": Aggregation.MAX})
    with pytest.raises(RuleViolation, match=r"cpu_seconds is stored as sum and fcb\.toml says max: declare"):
        other.of(conn, wanted)
