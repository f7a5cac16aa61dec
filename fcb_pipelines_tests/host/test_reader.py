"""Reading `usage_records` into events: exact, once, with a cursor that no crash tears from its events."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from fcb_host.errors import InvalidSettings, SpoolFull, UnreadableSource
from fcb_host.reader import POSTGRES_QUERY, Reader, Reading
from fcb_pipelines_tests.host.central import Central
from fcb_pipelines_tests.host.made import client

SINCE = datetime(2026, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TABLE = """
    CREATE TABLE usage_records (subscription_id text, period_start timestamp, period_end timestamp, cpu_hours numeric)
"""
Source = psycopg.Connection[Any]


@pytest.fixture
def source(fresh_database: str) -> Iterator[Source]:
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        conn.execute("SET TimeZone TO 'America/Toronto'")
        conn.execute(TABLE)
        yield conn


def add(source: Source, subscription: str | None, hour: int, cpu_hours: str | None) -> None:
    start = SINCE.replace(tzinfo=None) + hour * HOUR
    source.execute("INSERT INTO usage_records VALUES (%s, %s, %s, %s)", (subscription, start, start + HOUR, cpu_hours))


def test_every_row_is_read_once_and_to_the_last_digit(source: Source, served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    for hour in range(40):
        for subscription in ("s-1", "s-2"):
            add(source, subscription, hour, f"0.{hour:04}1")
    with client(tmp_path, url) as host:
        reader = Reader(client=host, zone=UTC, batch_rows=7)
        assert reader.read(source, SINCE, now=NOW) == Reading(rows=80, recorded=80)
        assert host.flush(5)
        again = reader.read(source, SINCE, now=NOW)
        assert (again.recorded, again.known) == (0, again.rows)
        assert 0 < again.rows < 80, "no more than the overlap is read again"
        add(source, "s-3", 20, "1")
        assert reader.read(source, SINCE, now=NOW).recorded == 1
        assert host.flush(5)
        reader.forget()
        assert reader.read(source, SINCE, now=NOW).recorded == 81, "sent again, and counted once"
        assert host.flush(5)
    assert len(central.stored) == 81
    assert central.total == source.execute("SELECT sum(cpu_hours) * 3600 FROM usage_records").fetchone()[0]  # type: ignore[index]
    first = central.stored["s-1", "cpu_seconds", "usage_records/s-1/2026-05-01T00:00:00+00:00"]
    assert (first["quantity"], first["ended_at"]) == ("0.036", "2026-05-01T01:00:00+00:00")


def test_what_is_before_since_or_not_settled_is_left(source: Source, tmp_path: Path) -> None:
    for hour in (-1, 0, 1, 2):
        add(source, "s-1", hour, "1")
    with client(tmp_path) as host:
        reader = Reader(client=host, zone=UTC)
        assert reader.read(source, SINCE, now=SINCE + 2 * HOUR + timedelta(minutes=5)).rows == 2
        assert reader.read(source, SINCE, now=SINCE + 3 * HOUR + timedelta(minutes=5)).recorded == 1


def test_times_of_the_declared_zone_are_compared_in_it(source: Source, tmp_path: Path) -> None:
    add(source, "s-1", 0, "1")
    with client(tmp_path) as host:
        toronto = Reader(client=host, zone=ZoneInfo("America/Toronto"))
        assert toronto.read(source, SINCE + 4 * HOUR, now=NOW).rows == 1, "midnight in Toronto is four o'clock in UTC"
        toronto.forget()
        assert toronto.read(source, SINCE + 5 * HOUR, now=NOW).rows == 0


def test_a_bad_row_never_stops_a_good_one(source: Source, tmp_path: Path) -> None:
    rows = [("s-1", "1"), (None, "1"), ("s-2", None), ("s-3", "-1"), ("s-4", "0.1234567890123"), ("s-5", "NaN"), ("s-6", "2")]
    for hour, (subscription, hours) in enumerate(rows):
        add(source, subscription, hour, hours)
    query = POSTGRES_QUERY.replace("subscription_id::text)", "coalesce(subscription_id, ''))")
    with client(tmp_path) as host:
        reader = Reader(client=host, zone=UTC, query=query)
        assert reader.read(source, SINCE, now=NOW) == Reading(rows=7, recorded=3, refused=4)
        assert reader.read(source, SINCE, now=NOW).known == 7
        assert {one.code for one in host.refused()} == {"unreadable"}
        assert (len(host.refused()), host.retry()) == (4, 0)


def test_a_row_that_changed_is_seen_by_a_person(source: Source, served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    add(source, "s-1", 0, "1")
    add(source, "s-2", 0, "1")
    with client(tmp_path, url) as host:
        reader = Reader(client=host, zone=UTC)
        reader.read(source, SINCE, now=NOW)
        source.execute("UPDATE usage_records SET cpu_hours = 2 WHERE subscription_id = 's-1'")
        assert reader.read(source, SINCE, now=NOW).refused == 1, "while its event waits"
        assert host.flush(1)
        source.execute("UPDATE usage_records SET cpu_hours = 3 WHERE subscription_id = 's-2'")
        assert reader.read(source, SINCE, now=NOW).recorded == 1
        assert host.flush(1)
        assert [one.code for one in host.refused()] == ["conflict", "conflict"]
    assert central.total == 7200


def test_a_full_spool_keeps_the_cursor_with_its_events(source: Source, served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    for hour in range(60):
        add(source, "s-1", hour, "1")
    with client(tmp_path, url, max_events=25) as host:
        reader = Reader(client=host, zone=UTC, batch_rows=10, overlap=timedelta(0))
        for _ in range(2):
            with pytest.raises(SpoolFull):
                reader.read(source, SINCE, now=NOW)
            assert host.flush(2)
        reader.read(source, SINCE, now=NOW)
        assert host.flush(2)
    assert central.total == 60 * 3600


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("cpu_hours::numeric", "cpu_hours::float8"), "cpu_hours is a float"),
        (("period_start AS started_at", "period_start::text AS started_at"), "started_at is a str"),
        (("NULL AS id", "NULL AS identity"), "no column id"),
    ],
)
def test_a_query_that_answers_otherwise_is_named(change: tuple[str, str], says: str, source: Source, tmp_path: Path) -> None:
    add(source, "s-1", 0, "1")
    with client(tmp_path) as host:
        with pytest.raises(UnreadableSource, match=says):
            Reader(client=host, zone=UTC, query=POSTGRES_QUERY.replace(*change)).read(source, SINCE, now=NOW)
        assert host.status().queued == 0


def test_times_without_a_zone_need_the_declared_one(source: Source, tmp_path: Path) -> None:
    add(source, "s-1", 0, "1")
    with client(tmp_path) as host:
        with pytest.raises(UnreadableSource, match="which zone"):
            Reader(client=host).read(source, SINCE, now=NOW)
        with pytest.raises(InvalidSettings, match="with a timezone"):
            Reader(client=host, zone=UTC).read(source, SINCE.replace(tzinfo=None), now=NOW)


def test_any_database_and_a_sources_own_id(tmp_path: Path) -> None:
    """SQLite here: it needs a converter for times, and names parameters another way."""
    sqlite3.register_converter("moment", lambda text: datetime.fromisoformat(text.decode()))
    sqlite3.register_adapter(datetime, datetime.isoformat)
    conn = sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_DECLTYPES)
    conn.execute(
        "CREATE TABLE usage_records (id text, subscription_id text, cpu_hours text, started_at moment, ended_at moment)"
    )
    for number in range(5):
        conn.execute("INSERT INTO usage_records VALUES (?, 's', '0.5', '2026-05-02T00:00:00+00:00', NULL)", (f"r{number}",))
    query = """
        SELECT id, subscription_id, cpu_hours, started_at, ended_at FROM usage_records
         WHERE (started_at, id) > (:after_time, :after_id) AND started_at <= :until ORDER BY started_at, id LIMIT :limit
    """
    with client(tmp_path) as host:
        assert Reader(client=host, query=query, batch_rows=2).read(conn, SINCE, now=NOW).recorded == 5
        assert host.spool is not None
        with host.spool.reading() as spool:
            bodies = [body for (body,) in spool.execute("SELECT body FROM event ORDER BY position")]
    conn.close()
    assert all(f'"usage_records/r{number}"' in body and '"1800"' in body for number, body in enumerate(bodies))


def test_a_query_that_ignores_its_cursor_ends(source: Source, tmp_path: Path) -> None:
    add(source, "s-1", 0, "1")
    query = POSTGRES_QUERY.replace("(%(after_time)s, %(after_id)s)", "(timestamp '2025-01-01', %(after_id)s)")
    with client(tmp_path) as host, pytest.raises(UnreadableSource, match="same rows"):
        Reader(client=host, zone=UTC, query=query, batch_rows=1).read(source, SINCE - HOUR, now=NOW)


def test_quantities_of_rows_are_decimals_all_the_way(source: Source, tmp_path: Path) -> None:
    add(source, "s-1", 0, "1234567890.1234")
    with client(tmp_path) as host:
        Reader(client=host, zone=UTC).read(source, SINCE, now=NOW)
        assert host.spool is not None
        with host.spool.reading() as conn:
            (body,) = conn.execute("SELECT body FROM event").fetchone()
    assert f'"{(Decimal("1234567890.1234") * 3600).normalize():f}"' in body
