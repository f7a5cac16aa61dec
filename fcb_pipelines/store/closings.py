"""Closings: which periods of a service are closed, so that what is told of them later is late.

Owns: table `usage_closing`, and the lock between closing and storing usage; the caller owns the transaction.
"""

from datetime import datetime

from fcb_pipelines.store.database import Connection

SHARE = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
CLOSED = "SELECT period FROM usage_closing WHERE service = %s"
CLOSE = "INSERT INTO usage_closing (service, period, closed_at, closed_by) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


def closed_periods(conn: Connection, service: str) -> frozenset[str]:
    """The closed periods of a service; none is closed until this transaction ends."""
    conn.execute(SHARE, [_lock(service)])
    return frozenset(row[0] for row in conn.execute(CLOSED, [service]))


def is_closed(conn: Connection, service: str, period: str) -> bool:
    """Whether a period is closed at this moment; it may be a moment later."""
    return period in {row[0] for row in conn.execute(CLOSED, [service])}


def close(conn: Connection, service: str, period: str, *, closed_at: datetime, closed_by: str) -> bool:
    """Close a period for good, once whoever stores usage of the service has ended; whether it was open."""
    conn.execute(LOCK, [_lock(service)])
    return conn.execute(CLOSE, [service, period, closed_at, closed_by]).rowcount == 1


def _lock(service: str) -> str:
    return f"usage/closing/{service}"
