"""Usage events: staged, kept once for ever, and summed in the same statement.

Owns: tables `usage_event` (one partition for each month), `usage_identity`, `usage_running` and `usage_value`, and how
staged events enter them; the caller owns the transaction. Does not own: where they come from (pulled), how totals are read
(usage).

An identity is stored once for ever; of the same identity whatever was stored first stands. A period's partition is made when
its first event comes.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import LiteralString

from psycopg import Cursor
from psycopg.rows import TupleRow

from fcb_pipelines.store.database import Connection

STAGED: LiteralString = "series_id, idempotency_key, period, booked_in, quantity, value, started_at, ended_at, content_hash"
STAGE: LiteralString = """
    CREATE TEMPORARY TABLE staged_usage (
        series_id integer NOT NULL, idempotency_key text COLLATE "C" NOT NULL, period text NOT NULL, booked_in text NOT NULL,
        quantity numeric NOT NULL, value text, started_at timestamptz NOT NULL, ended_at timestamptz,
        content_hash bytea NOT NULL)
    ON COMMIT DROP
"""
_EVENTS: LiteralString = """
    staged_usage (series_id, idempotency_key, period, booked_in, quantity, value, started_at, ended_at, content_hash)
    AS MATERIALIZED (
        SELECT * FROM unnest(%(series_ids)b::integer[], %(keys)b::text[], %(periods)b::text[], %(bookings)b::text[],
                             %(quantities)s::numeric[], %(values)b::text[], %(starts)b::timestamptz[], %(ends)b::timestamptz[],
                             %(hashes)b::bytea[])),
"""
_GIVEN = ("series_ids", "keys", "periods", "bookings", "quantities", "values", "starts", "ends", "hashes")
ENSURE_PARTITION = "SELECT usage_partition(%s)"

# Each statement finds what to keep in `staged_usage`: a temporary table that was filled, or what comes with the statement.

# What is late changes what a month was billed as, so its bill begins with what the bill before it said. An event that is told
# again changes nothing, or each reading of a closed month would begin a bill of every series.
_LATE: LiteralString = """
    late AS (
        SELECT DISTINCT series_id, period, booked_in FROM staged_usage AS staged
         WHERE booked_in > period
           AND NOT EXISTS (SELECT FROM usage_identity AS known
                            WHERE known.series_id = staged.series_id AND known.idempotency_key = staged.idempotency_key))
"""
_LATE_GIVEN: LiteralString = """
    late (series_id, period, booked_in) AS (SELECT * FROM unnest(%b::integer[], %b::text[], %b::text[]))
"""
_BEGIN: LiteralString = """
    INSERT INTO usage_running (series_id, period, booked_in, aggregation, quantity, events, last_at, last_key)
    SELECT late.series_id, late.period, late.booked_in, before.aggregation, before.quantity, before.events, before.last_at,
           before.last_key
      FROM late
     CROSS JOIN LATERAL (SELECT * FROM usage_running AS running
                          WHERE running.series_id = late.series_id AND running.period = late.period
                            AND running.booked_in < late.booked_in
                          ORDER BY booked_in DESC LIMIT 1) AS before
     ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
"""
_KEEP: LiteralString = """
    fresh AS (
        INSERT INTO usage_identity (series_id, idempotency_key, content_hash, period, booked_in, started_at)
        SELECT series_id, idempotency_key, content_hash, period, booked_in, started_at FROM staged_usage ORDER BY 1, 2
        ON CONFLICT DO NOTHING
        RETURNING series_id, idempotency_key),
    kept AS (
        INSERT INTO usage_event (period, series_id, idempotency_key, quantity, value, started_at, ended_at, booked_in,
                                 snapshot_id, stored_at)
        SELECT period, series_id, idempotency_key, quantity, value, started_at, ended_at, booked_in, %(snapshot_id)s,
               %(stored_at)s
          FROM staged_usage JOIN fresh USING (series_id, idempotency_key)
        RETURNING series_id, idempotency_key, period, booked_in, quantity, value, started_at),
    counted AS (
        INSERT INTO usage_value (series_id, period, value)
        SELECT DISTINCT series_id, period, value FROM kept WHERE value IS NOT NULL ORDER BY 1, 2, 3
        ON CONFLICT DO NOTHING
        RETURNING series_id, period),
    summed AS (
        INSERT INTO usage_running AS running (series_id, period, booked_in, aggregation, quantity, events, last_at, last_key)
        SELECT series_id, period, booked_in, aggregation,
               CASE aggregation
                    WHEN 'sum' THEN sum(quantity)
                    WHEN 'max' THEN max(quantity)
                    WHEN 'last' THEN (array_agg(quantity ORDER BY started_at DESC, idempotency_key DESC)
                                      FILTER (WHERE aggregation = 'last'))[1]
                    ELSE (SELECT count(*) FROM counted
                           WHERE counted.series_id = kept.series_id AND counted.period = kept.period) END,
               count(*), max(started_at) FILTER (WHERE aggregation = 'last'),
               (array_agg(idempotency_key ORDER BY started_at DESC, idempotency_key DESC)
                FILTER (WHERE aggregation = 'last'))[1]
          FROM kept JOIN usage_series USING (series_id)
         GROUP BY series_id, period, booked_in, aggregation
         ORDER BY 1, 2, 3
        ON CONFLICT (series_id, period, booked_in) DO UPDATE SET
            quantity = CASE running.aggregation
                            WHEN 'max' THEN greatest(running.quantity, excluded.quantity)
                            WHEN 'last' THEN
                                 CASE WHEN (running.last_at, running.last_key) > (excluded.last_at, excluded.last_key)
                                      THEN running.quantity ELSE excluded.quantity END
                            ELSE running.quantity + excluded.quantity END,
            events = running.events + excluded.events,
            last_key = CASE WHEN (running.last_at, running.last_key) > (excluded.last_at, excluded.last_key)
                            THEN running.last_key ELSE excluded.last_key END,
            last_at = greatest(running.last_at, excluded.last_at))
"""
_NEW: LiteralString = "SELECT series_id, idempotency_key FROM fresh"
_NOT_NEW: LiteralString = f"SELECT series_id, idempotency_key FROM staged_usage EXCEPT {_NEW}"  # noqa: S608 - our own statement


def ensure_partitions(conn: Connection, periods: Iterable[str]) -> None:
    """Make the partitions of these months where they are missing; for a moment nobody else may make one."""
    for period in sorted(set(periods)):
        conn.execute(ENSURE_PARTITION, [period])


def keep_staged(
    conn: Connection, periods: Collection[str], *, has_late: bool, snapshot_id: int, stored_at: datetime
) -> Cursor[TupleRow]:
    """Keep what was staged and was never stored, and add it to the running totals; series and key of each that is new.

    `has_late` says whether any of it is booked in another month than its own.
    """
    ensure_partitions(conn, periods)
    if has_late:
        conn.execute(f"WITH {_LATE} {_BEGIN}")
    return conn.execute(f"WITH {_KEEP} {_NEW}", {"snapshot_id": snapshot_id, "stored_at": stored_at})


def keep_given(
    conn: Connection, columns: Sequence[Sequence[object]], *, has_late: bool, stored_at: datetime
) -> Cursor[TupleRow]:
    """The same for events that are given, as the columns of `STAGED`, whose partitions are there; those that are not new."""
    given = dict(zip(_GIVEN, columns, strict=True))
    if has_late:
        conn.execute(f"WITH {_EVENTS} {_LATE} {_BEGIN}", given)
    return conn.execute(f"WITH {_EVENTS} {_KEEP} {_NOT_NEW}", {**given, "snapshot_id": None, "stored_at": stored_at})


def begin_late(conn: Connection, bills: Iterable[tuple[int, str, str]]) -> None:
    """Let bills (series, month, bill) say of a month before them what the bill before said, where they say nothing so far."""
    late = sorted({bill for bill in bills if bill[2] > bill[1]})
    if late:
        conn.execute(f"WITH {_LATE_GIVEN} {_BEGIN}", [list(column) for column in zip(*late, strict=True)])
