"""Taking an event back: a new event with an identity of its own, which leaves the old one where it is.

Owns: how a void is stored and what becomes of the running totals; the caller owns the transaction. Does not own: how events are
stored (events), which bill it is on (domain/closing).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, NamedTuple

from fcb_pipelines.domain.usage import Void
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.usage import RECOUNTED

BESIDE_OTHERS = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class Voided(NamedTuple):
    """The event that shall be taken back, as its identity tells."""

    period: str
    voided_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidToStore:
    """A void, and where it belongs."""

    series_id: int
    void: Void
    period: str
    """Of the event that it takes back."""
    booked_in: str
    stored_at: datetime


FIND = "SELECT period, voided_by FROM usage_identity WHERE series_id = %s AND idempotency_key = %s FOR UPDATE"
MARK = "UPDATE usage_identity SET voided_by = %(key)s WHERE series_id = %(series_id)s AND idempotency_key = %(voids)s"
ADD_IDENTITY = """
    INSERT INTO usage_identity (series_id, idempotency_key, content_hash, period, booked_in)
    VALUES (%(series_id)s, %(key)s, %(content_hash)s, %(period)s, %(booked_in)s)
"""
ADD_EVENT = """
    INSERT INTO usage_event (period, series_id, idempotency_key, quantity, value, started_at, ended_at, booked_in, voids,
                             stored_at)
    SELECT period, series_id, %(key)s, -quantity, value, started_at, ended_at, %(booked_in)s, %(voids)s, %(stored_at)s
      FROM usage_event
     WHERE series_id = %(series_id)s AND idempotency_key = %(voids)s AND period = %(period)s AND voids IS NULL
       AND NOT EXISTS (SELECT FROM usage_dropped WHERE usage_dropped.period = usage_event.period)
"""
FORGET_VALUES = "DELETE FROM usage_value WHERE series_id = %(series_id)s AND period = %(period)s"
COUNT_VALUES = """
    INSERT INTO usage_value (series_id, period, value)
    SELECT DISTINCT series_id, period, value FROM usage_event AS event
     WHERE series_id = %(series_id)s AND period = %(period)s AND value IS NOT NULL AND voids IS NULL
       AND NOT EXISTS (SELECT FROM usage_event AS void
                        WHERE void.series_id = event.series_id AND void.period = event.period
                          AND void.voids = event.idempotency_key)
"""
_TAKE_OVER: LiteralString = """
    INSERT INTO usage_running (series_id, period, booked_in, aggregation, quantity, events, last_at, last_key)
    SELECT series_id, %(period)s, %(booked_in)s, aggregation, quantity, events, last_at, last_key
      FROM recounted WHERE series_id = %(series_id)s
    ON CONFLICT (series_id, period, booked_in) DO UPDATE SET
        quantity = excluded.quantity, events = excluded.events, last_at = excluded.last_at, last_key = excluded.last_key
"""
RECOUNT = f"WITH recounted AS NOT MATERIALIZED ({RECOUNTED}) {_TAKE_OVER}"


def take_turns(conn: Connection, service: str, *, is_voiding: bool) -> None:
    """Let whoever pushes usage of a service do so beside others, but nobody while something is taken back.

    To take back is to count again what is there: what another session stores at the same moment would be forgotten in the
    running total. Holds until the transaction ends; to be called before anything is stored.
    """
    conn.execute(ALONE if is_voiding else BESIDE_OTHERS, [f"usage/void/{service}"])


def find(conn: Connection, series_id: int, key: str) -> Voided | None:
    """The event of a series that a key names; nobody else takes it back until the transaction ends."""
    row = conn.execute(FIND, [series_id, key]).fetchone()
    return None if row is None else Voided(*row)


def keep(conn: Connection, to_store: VoidToStore) -> bool:
    """Store a void, mark what it takes back, and count the month again; False, and nothing, where that event is not there.

    A void is no such event, nor is one whose month was dropped. To count again is exact for every aggregation, and reads the
    events of one series in one month.
    """
    void = to_store.void
    given = {
        "series_id": to_store.series_id,
        "key": void.idempotency_key,
        "voids": void.voids,
        "content_hash": void.content_hash,
        "period": to_store.period,
        "booked_in": to_store.booked_in,
        "stored_at": to_store.stored_at,
        "service": void.service,
        "feed": void.feed,
        "snapshot_id": None,
    }
    if not conn.execute(ADD_EVENT, given).rowcount:
        return False
    for statement in (ADD_IDENTITY, MARK, FORGET_VALUES, COUNT_VALUES, RECOUNT):
        conn.execute(statement, given)
    return True
