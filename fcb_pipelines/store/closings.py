"""Closings: which periods of a service are closed, so that what is told of their usage later is late.

Owns: table `usage_closing`, and the lock between closing and storing usage; the caller owns the transaction. Does not own: when
a period may be closed (acts/closing).
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection

SHARE = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
CLOSED = "SELECT period FROM usage_closing WHERE service = %s"
WAIT_BRIEFLY = "SET LOCAL lock_timeout = '2s'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """That a period was closed, and what its bill was made of then."""

    service: str
    period: str
    closed_at: datetime
    closed_by: str
    snapshot_id: int
    usage_hash: str
    """Of the usage on its bill (stage `usage_totals`)."""
    billed_feed: str
    """Whose usage that is."""


FIELDS = tuple(Closing.__dataclass_fields__)
READ = f"SELECT {', '.join(FIELDS)} FROM usage_closing WHERE service = %s ORDER BY period"  # noqa: S608 - our own columns
CLOSE = """
    INSERT INTO usage_closing (service, period, closed_at, closed_by, snapshot_id, usage_hash, billed_feed)
    VALUES (%(service)s, %(period)s, %(closed_at)s, %(closed_by)s, %(snapshot_id)s, %(usage_hash)s, %(billed_feed)s)
    ON CONFLICT DO NOTHING
"""


def closed_periods(conn: Connection, service: str) -> frozenset[str]:
    """The closed periods of a service; none is closed until this transaction ends."""
    conn.execute(SHARE, [_lock(service)])
    return frozenset(row[0] for row in conn.execute(CLOSED, [service]))


def is_closed(conn: Connection, service: str, period: str) -> bool:
    """Whether a period is closed at this moment; it may be a moment later."""
    return period in {row[0] for row in conn.execute(CLOSED, [service])}


def closings(conn: Connection, service: str) -> dict[str, Closing]:
    """All closings of a service at this moment, by period."""
    with conn.cursor(row_factory=class_row(Closing)) as cursor:
        return {closing.period: closing for closing in cursor.execute(READ, [service])}


def hold(conn: Connection, service: str) -> None:
    """Wait for whoever stores usage of a service, and keep others from it until this transaction ends."""
    conn.execute(LOCK, [_lock(service)])


def hold_soon(conn: Connection, service: str) -> None:
    """The same, for at most two seconds, because whoever wants to store usage waits behind us meanwhile.

    Raises `psycopg.errors.LockNotAvailable`. No lock is waited for longer until this transaction ends.
    """
    wait_briefly(conn)
    hold(conn, service)


def wait_briefly(conn: Connection) -> None:
    """Give up on a lock after two seconds until this transaction ends: whoever stores usage waits behind us."""
    conn.execute(WAIT_BRIEFLY)


def close(conn: Connection, closing: Closing) -> bool:
    """Close a period for good; whether it was open."""
    hold(conn, closing.service)
    return conn.execute(CLOSE, {name: getattr(closing, name) for name in FIELDS}).rowcount == 1


def _lock(service: str) -> str:
    return f"usage/closing/{service}"
