"""One reading of a period's usage: staged, compared with what is stored, and kept.

Owns: tables `snapshot_usage`, `usage_conflict`, and how events enter `usage_event` from a reading; the caller owns the
transaction. Does not own: their sums (store/usage).

An identity is stored once for ever. The same content again is a duplicate; other content is a conflict, and what was stored
first stands. Where one reading brings an identity with two contents and neither is stored, none of them is taken.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, UsageEvent
from fcb_pipelines.store.database import Connection

_IDENTITY = sql.SQL("service, feed, external_subscription_id, metric, idempotency_key")
_CONTENT = sql.SQL("quantity, started_at, ended_at, content_hash")


def _sql(text: LiteralString) -> sql.Composed:
    return sql.SQL(text).format(identity=_IDENTITY, content=_CONTENT)


STAGE = _sql("""
    CREATE TEMPORARY TABLE staged_usage ON COMMIT DROP AS
    SELECT {identity}, {content} FROM usage_event WITH NO DATA
""")
COPY_IN = _sql("COPY staged_usage ({identity}, {content}) FROM STDIN")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageHeader:
    """The usage of one period as one snapshot saw it."""

    snapshot_id: int
    period: str
    events: int
    """Distinct good events; rows read are `events + duplicates + rejected`."""
    duplicates: int
    new_events: int
    conflicts: int
    rejected: int
    absent: int
    """Events stored before that the source no longer has; they stay stored."""
    quantities: Mapping[str, Decimal]
    """Per metric, summed over `events` with the content that this reading saw."""
    content_hash: str
    """Hex."""


def begin_reading(conn: Connection) -> None:
    """Make the place where a reading waits; gone with the transaction."""
    conn.execute(STAGE)


def stage(conn: Connection, events: Iterable[UsageEvent]) -> int:
    """Add events to the reading; the sum of their content hashes, which does not depend on their order."""
    total = 0
    with conn.cursor() as cursor, cursor.copy(COPY_IN) as copy:
        for event in events:
            content_hash = event.content_hash
            total += int.from_bytes(content_hash)
            copy.write_row((*_identity(event), event.quantity, event.started_at, event.ended_at, content_hash))
    return total


def _identity(event: UsageEvent) -> tuple[str, ...]:
    return event.service, event.feed, event.external_subscription_id, event.metric, event.idempotency_key


REPEATED = _sql("""
    CREATE TEMPORARY TABLE repeated_usage ON COMMIT DROP AS
    SELECT {identity}, count(DISTINCT content_hash) AS contents FROM staged_usage GROUP BY {identity} HAVING count(*) > 1
""")
DROP_DUPLICATES = _sql("""
    DELETE FROM staged_usage WHERE ctid IN (
        SELECT place FROM (SELECT staged.ctid AS place, row_number() OVER (PARTITION BY {identity}, content_hash) AS nth
                             FROM staged_usage AS staged JOIN repeated_usage USING ({identity})) AS counted
         WHERE nth > 1)
""")
REFUSE_AMBIGUOUS = _sql("""
    WITH refused AS (
        DELETE FROM staged_usage
         WHERE ({identity}) IN (SELECT {identity} FROM repeated_usage WHERE contents > 1
                                 EXCEPT SELECT {identity} FROM usage_event JOIN repeated_usage USING ({identity}))
        RETURNING *)
    INSERT INTO source_issue (snapshot_id, entity, external_id, reason, data)
    SELECT %(snapshot_id)s, 'usage', concat_ws('/', external_subscription_id, metric, idempotency_key),
           'usage.sql: one event with several contents, and none can be told to be the right one',
           jsonb_build_object('external_subscription_id', external_subscription_id, 'metric', metric,
                              'idempotency_key', idempotency_key, 'quantity', quantity::text,
                              'started_at', started_at, 'ended_at', ended_at)
      FROM refused ORDER BY external_subscription_id, metric, idempotency_key, content_hash
""")
KEEP = _sql("""
    INSERT INTO usage_event ({identity}, {content}, snapshot_id)
    SELECT {identity}, {content}, %(snapshot_id)s FROM staged_usage
    ON CONFLICT ON CONSTRAINT usage_event_identity DO NOTHING
""")
KEEP_CONFLICTS = _sql("""
    INSERT INTO usage_conflict (snapshot_id, {identity}, {content})
    SELECT %(snapshot_id)s, {identity}, staged.quantity, staged.started_at, staged.ended_at, staged.content_hash
      FROM staged_usage AS staged JOIN usage_event AS stored USING ({identity})
     WHERE stored.content_hash <> staged.content_hash
""")
ABSENT = _sql("""
    SELECT count(*) FROM usage_event AS stored LEFT JOIN staged_usage AS staged USING ({identity})
     WHERE service = %(service)s AND feed = %(feed)s AND stored.started_at >= %(start)s AND stored.started_at < %(end)s
       AND staged.content_hash IS NULL
""")
SUMS = "SELECT metric, count(*), sum(quantity) FROM staged_usage GROUP BY metric ORDER BY metric"
INSERT_HEADER = """
    INSERT INTO snapshot_usage (snapshot_id, period, events, duplicates, new_events, conflicts, rejected, absent, quantities,
                                content_hash)
    VALUES (%(snapshot_id)s, %(period)s, %(events)s, %(duplicates)s, %(new_events)s, %(conflicts)s, %(rejected)s, %(absent)s,
            %(quantities)s, decode(%(content_hash)s, 'hex'))
"""


def keep_reading(
    conn: Connection, service: str, period: Period, *, snapshot_id: int, rejected: int, content_hash: bytes
) -> UsageHeader:
    """Take what was staged for a period into the stored events and empty the stage.

    `rejected` is how many rows of the reading were bad before they could be staged.
    """
    given = {"service": service, "feed": PULLED, "start": period.start, "end": period.end, "snapshot_id": snapshot_id}
    conn.execute("ANALYZE staged_usage")
    duplicates, ambiguous = _refuse_repeated(conn, snapshot_id)
    sums = conn.execute(SUMS).fetchall()
    events = sum(int(count) for _, count, _ in sums)
    new_events = conn.execute(KEEP, given).rowcount
    header = UsageHeader(
        snapshot_id=snapshot_id,
        period=period.key,
        events=events,
        duplicates=duplicates,
        new_events=new_events,
        # Where every event is new there is nothing that it could contradict.
        conflicts=conn.execute(KEEP_CONFLICTS, given).rowcount if new_events < events else 0,
        rejected=rejected + ambiguous,
        absent=_count(conn, ABSENT, given),
        quantities={metric: quantity for metric, _, quantity in sums},
        content_hash=content_hash.hex(),
    )
    conn.execute("TRUNCATE staged_usage")
    _insert_header(conn, header)
    return header


def _refuse_repeated(conn: Connection, snapshot_id: int) -> tuple[int, int]:
    """Leave each identity of the stage with one content; how many duplicates and how many ambiguous rows went."""
    if not conn.execute(REPEATED).rowcount:
        conn.execute("DROP TABLE repeated_usage")
        return 0, 0
    duplicates = conn.execute(DROP_DUPLICATES).rowcount
    ambiguous = conn.execute(REFUSE_AMBIGUOUS, {"snapshot_id": snapshot_id}).rowcount
    conn.execute("DROP TABLE repeated_usage")
    return duplicates, ambiguous


def _insert_header(conn: Connection, header: UsageHeader) -> None:
    values = {name: getattr(header, name) for name in UsageHeader.__dataclass_fields__}
    sums = {metric: plain(quantity) for metric, quantity in header.quantities.items()}
    conn.execute(INSERT_HEADER, values | {"quantities": Jsonb(sums)})


def _count(conn: Connection, statement: sql.Composed, given: Mapping[str, object]) -> int:
    row = conn.execute(statement, given).fetchone()
    return int(row[0]) if row else 0


HEADERS = """
    SELECT DISTINCT ON (period) snapshot_id, period, events, duplicates, new_events, conflicts, rejected, absent, quantities,
           encode(u.content_hash, 'hex') AS content_hash
      FROM snapshot_usage AS u JOIN source_snapshot USING (snapshot_id)
     WHERE service = %(service)s AND snapshot_id <= %(snapshot_id)s
     ORDER BY period, snapshot_id DESC
"""


def usage_headers(conn: Connection, service: str, snapshot_id: int) -> dict[str, UsageHeader]:
    """By period, how usage was last read, as known at a snapshot.

    A snapshot that read only some periods leaves the others as they were.
    """
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(HEADERS, {"service": service, "snapshot_id": snapshot_id}).fetchall()
    return {row["period"]: _header(row) for row in rows}


def _header(row: dict[str, Any]) -> UsageHeader:
    return UsageHeader(**{**row, "quantities": {metric: Decimal(text) for metric, text in row["quantities"].items()}})
