"""Taking events back: new events with identities of their own, which leave the old ones where they are.

Owns: how voids are stored and what becomes of the running totals; the caller owns the transaction. Does not own: how events are
stored (events), which bill a void is on (domain/closing).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import LiteralString, NamedTuple

from fcb_pipelines.domain.usage import Void
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.events import begin_late
from fcb_pipelines.store.pushed import Identity
from fcb_pipelines.store.usage import RECOUNTED

BESIDE_OTHERS = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class Target(NamedTuple):
    """What shall be taken back, as its identity tells."""

    period: str
    voided_by: str | None
    quantity: Decimal | None
    """None where no event can be taken back: it is itself a void, or its month is no longer kept in detail."""
    value: str | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidToStore:
    """A void, what it takes back, and which bill that is on."""

    series_id: int
    void: Void
    target: Target
    booked_in: str


_FIND: LiteralString = """
    SELECT identity.series_id, identity.idempotency_key, identity.started_at IS NOT NULL, identity.period, identity.voided_by,
           event.quantity, event.value, event.started_at, event.ended_at
      FROM usage_identity AS identity JOIN unnest(%b::integer[], %b::text[]) AS each (series_id, idempotency_key)
     USING (series_id, idempotency_key)
      LEFT JOIN usage_event AS event
        ON event.period = identity.period AND event.series_id = identity.series_id
       AND event.idempotency_key = identity.idempotency_key AND event.voids IS NULL
       AND NOT EXISTS (SELECT FROM usage_dropped WHERE usage_dropped.period = event.period)
"""
FIND = f"{_FIND} AND event.started_at = identity.started_at"
# A server of the version before 0011 may have stored an identity without its time while the others had gone on.
FIND_WITHOUT_TIME = f"{_FIND} WHERE identity.started_at IS NULL"
# The row of a bill is there: the event that is taken back, or what the bill before said, began it. What is not a sum is counted
# again after this.
KEEP = """
    WITH each (series_id, idempotency_key, voids, content_hash, period, booked_in, quantity, value, started_at, ended_at)
    AS MATERIALIZED (
        SELECT * FROM unnest(%(series_ids)b::integer[], %(keys)b::text[], %(voids)b::text[], %(hashes)b::bytea[],
                             %(periods)b::text[], %(bookings)b::text[], %(quantities)s::numeric[], %(values)b::text[],
                             %(starts)b::timestamptz[], %(ends)b::timestamptz[])),
    identified AS (
        INSERT INTO usage_identity (series_id, idempotency_key, content_hash, period, booked_in, started_at)
        SELECT series_id, idempotency_key, content_hash, period, booked_in, started_at FROM each),
    marked AS (
        UPDATE usage_identity AS target SET voided_by = each.idempotency_key FROM each
         WHERE target.series_id = each.series_id AND target.idempotency_key = each.voids),
    kept AS (
        INSERT INTO usage_event (period, series_id, idempotency_key, quantity, value, started_at, ended_at, booked_in, voids,
                                 stored_at)
        SELECT period, series_id, idempotency_key, -quantity, value, started_at, ended_at, booked_in, voids, %(stored_at)s
          FROM each)
    UPDATE usage_running AS running SET quantity = running.quantity - gone.quantity, events = running.events - gone.events
      FROM (SELECT series_id, period, booked_in, sum(quantity) AS quantity, count(*) AS events
              FROM each GROUP BY series_id, period, booked_in) AS gone
     WHERE (running.series_id, running.period, running.booked_in) = (gone.series_id, gone.period, gone.booked_in)
    RETURNING running.series_id, running.period, running.booked_in, running.aggregation
"""
FORGET_VALUES = "DELETE FROM usage_value WHERE series_id = %(series_id)s AND period = %(period)s"
COUNT_VALUES = """
    INSERT INTO usage_value (series_id, period, value)
    SELECT DISTINCT series_id, period, value
      FROM (SELECT * FROM usage_event WHERE series_id = %(series_id)s AND period = %(period)s AND value IS NOT NULL) AS event
      FULL JOIN (SELECT voids AS key FROM usage_event
                  WHERE series_id = %(series_id)s AND period = %(period)s AND voids IS NOT NULL) AS void
        ON void.key = event.idempotency_key
     WHERE event.voids IS NULL AND void.key IS NULL
"""
_TAKE_OVER: LiteralString = """
    UPDATE usage_running AS running
       SET quantity = counted.quantity, events = counted.events, last_at = counted.last_at, last_key = counted.last_key
      FROM recounted AS counted
     WHERE counted.series_id = %(series_id)s
       AND running.series_id = %(series_id)s AND running.period = %(period)s AND running.booked_in = %(booked_in)s
"""
RECOUNT = f"WITH recounted AS ({RECOUNTED}) {_TAKE_OVER}"
COUNTED_AGAIN: dict[str, tuple[LiteralString, ...]] = {
    "sum": (),
    "max": (RECOUNT,),
    "last": (RECOUNT,),
    "unique_count": (FORGET_VALUES, COUNT_VALUES, RECOUNT),
}


def take_turns(conn: Connection, service: str, *, is_voiding: bool) -> None:
    """Let whoever pushes usage of a service do so beside others, but nobody while something is taken back.

    To take back may be to count again what is there: what another session stores at the same moment would be forgotten in the
    running total. Holds until the transaction ends; to be called before anything is stored.
    """
    conn.execute(ALONE if is_voiding else BESIDE_OTHERS, [f"usage/void/{service}"])


def find(conn: Connection, identities: Collection[Identity]) -> dict[Identity, Target]:
    """What is stored under these identities; whoever has taken turns knows that nobody else takes any of it back."""
    found: dict[Identity, Target] = {}
    waiting = sorted(identities)
    for statement in (FIND, FIND_WITHOUT_TIME):
        columns = [list(column) for column in zip(*waiting, strict=True)]
        rows = conn.execute(statement, columns).fetchall() if columns else []
        found |= {(series, key): Target(*rest) for series, key, _, *rest in rows}
        waiting = [(series, key) for series, key, has_time, *_ in rows if not has_time]
    return found


def keep(conn: Connection, voids: Sequence[VoidToStore], stored_at: datetime) -> None:
    """Store voids of events that stand, mark what they take back, and take it out of the running totals.

    All are of one service; nothing of them may be stored, and no event may be among them twice. A sum is less what was taken
    back; what is not a sum can only be counted again, which reads the events of one series in one month.
    """
    if not voids:
        return
    begin_late(conn, [(one.series_id, one.target.period, one.booked_in) for one in voids])
    changed = conn.execute(KEEP, {**_columns(voids), "stored_at": stored_at}).fetchall()
    fixed = {"service": voids[0].void.service, "feed": voids[0].void.feed, "snapshot_id": None}
    for series_id, period, booked_in, aggregation in changed:
        for statement in COUNTED_AGAIN[aggregation]:
            conn.execute(statement, {**fixed, "series_id": series_id, "period": period, "booked_in": booked_in})


def _columns(voids: Sequence[VoidToStore]) -> dict[str, list[object]]:
    return {
        "series_ids": [one.series_id for one in voids],
        "keys": [one.void.idempotency_key for one in voids],
        "voids": [one.void.voids for one in voids],
        "hashes": [one.void.content_hash for one in voids],
        "periods": [one.target.period for one in voids],
        "bookings": [one.booked_in for one in voids],
        "quantities": [one.target.quantity for one in voids],
        "values": [one.target.value for one in voids],
        "starts": [one.target.started_at for one in voids],
        "ends": [one.target.ended_at for one in voids],
    }
