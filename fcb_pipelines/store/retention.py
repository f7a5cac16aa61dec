"""Retention of usage events: which months still have them, on which bills they are, and emptying a month for good.

Owns: table `usage_dropped`, and emptying a partition of `usage_event`; the caller owns the transaction. Does not own: which
month may go (acts/retention). Identities, series, running totals and counted values are never touched here.

A month's partition is emptied and stays: it costs a few empty pages, somebody who stores a late event finds it where it was,
and mark and emptying are one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A month whose events are gone."""

    period: str
    events: int
    dropped_at: datetime
    dropped_by: str


@dataclass(frozen=True, slots=True, order=True)
class Bill:
    """The bill of a month of a service."""

    service: str
    period: str

    def __str__(self) -> str:
        return f"{self.service} {self.period}"


PARTITIONS = """
    SELECT replace(right(child.relname, 7), '_', '-') FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
     WHERE inhparent = 'usage_event'::regclass ORDER BY 1
"""
COUNT = "SELECT count(*) FROM usage_event WHERE period = %s"
SIZE = "SELECT pg_total_relation_size(%s::regclass)"
# A bill that repeats what the bill before it said has nothing of the month: readings that bring nothing new begin such ones.
BILLS = """
    SELECT DISTINCT service, booked_in
      FROM (SELECT service, booked_in,
                   (quantity, events) IS DISTINCT FROM (lag(quantity) OVER bills, lag(events) OVER bills) AS is_told
              FROM usage_running JOIN usage_series USING (series_id)
             WHERE period = %s WINDOW bills AS (PARTITION BY series_id ORDER BY booked_in)) AS each
     WHERE is_told ORDER BY 1, 2
"""
CLOSED = "SELECT EXISTS (SELECT FROM usage_closing WHERE service = %s AND period = %s)"
MARK = """
    INSERT INTO usage_dropped (period, events, dropped_at, dropped_by)
    VALUES (%(period)s, %(events)s, %(dropped_at)s, %(dropped_by)s)
    ON CONFLICT (period) DO UPDATE
       SET events = usage_dropped.events + excluded.events, dropped_at = excluded.dropped_at, dropped_by = excluded.dropped_by
"""
READ = "SELECT period, events, dropped_at, dropped_by FROM usage_dropped ORDER BY period"


def months(conn: Connection) -> tuple[str, ...]:
    """The months that have a partition, in order."""
    return tuple(row[0] for row in conn.execute(PARTITIONS))


def count(conn: Connection, period: str) -> int:
    """How many events of a month are kept."""
    row = conn.execute(COUNT, [period]).fetchone()
    return 0 if row is None else int(row[0])


def size(conn: Connection, period: str) -> int:
    """How many bytes they take, with their indexes."""
    row = conn.execute(SIZE, [_partition(period)]).fetchone()
    return 0 if row is None else int(row[0])


def bills(conn: Connection, period: str) -> tuple[Bill, ...]:
    """The bills that a month's usage is on, of every service and either feed: its own, and later ones where it was late."""
    return tuple(Bill(*row) for row in conn.execute(BILLS, [period]))


def open_bills(conn: Connection, of: Sequence[Bill]) -> tuple[Bill, ...]:
    """Those of these bills that are not closed."""
    return tuple(bill for bill in of if conn.execute(CLOSED, [bill.service, bill.period]).fetchone() == (False,))


def hold(conn: Connection, period: str) -> None:
    """Keep everybody from the events of a month until this transaction ends, services too that had none of it so far."""
    conn.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(_partition(period))))


def drop(conn: Connection, period: str, *, at: datetime, by: str) -> int:
    """Remove all events of a month at once and note it; how many there were."""
    events = count(conn, period)
    conn.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(_partition(period))))
    conn.execute(MARK, {"period": period, "events": events, "dropped_at": at, "dropped_by": by})
    return events


def dropped(conn: Connection) -> dict[str, Dropped]:
    """The months whose events are no longer kept in detail."""
    with conn.cursor(row_factory=class_row(Dropped)) as cursor:
        return {one.period: one for one in cursor.execute(READ)}


def _partition(period: str) -> str:
    """As the database's function `usage_partition` names it."""
    return f"usage_event_{period.replace('-', '_')}"
