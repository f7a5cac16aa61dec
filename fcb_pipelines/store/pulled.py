"""One reading of a period's usage: staged, compared with what is stored, and kept.

Owns: tables `snapshot_usage`, `usage_conflict`, `usage_absent`, and how events enter `usage_event` from a reading; the caller
owns the transaction. Does not own: their sums (store/usage), the list of what is odd (store/odd_usage).

An identity is stored once for ever. The same content again is a duplicate; other content is a conflict, and what was stored
first stands. Where one reading brings an identity with two contents and neither is stored, none of them is taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.closing import booked_in
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, UsageEvent
from fcb_pipelines.store.closings import closed_periods
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.events import STAGE, STAGED, keep_staged
from fcb_pipelines.store.series import Series, SeriesNumbers
from fcb_pipelines.store.usage import Amounts

_QUANTITIES = ("quantities", "offered_quantities", "standing_quantities", "absent_quantities")
NOTHING = Amounts(events=0, quantities={})
COPY_IN = sql.SQL("COPY staged_usage ({}) FROM STDIN").format(sql.SQL(STAGED))


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
    standing: int
    """Events stored in the period before of which only other content came; they stand in place of `conflicts`."""
    quantities: Mapping[str, Decimal]
    """Per metric, summed over `events` with the content that this reading saw."""
    offered_quantities: Mapping[str, Decimal]
    """The same over `conflicts`, with the content that was refused."""
    standing_quantities: Mapping[str, Decimal]
    absent_quantities: Mapping[str, Decimal]
    content_hash: str
    """Hex."""

    @property
    def read(self) -> Amounts:
        """What this reading saw."""
        return Amounts(events=self.events, quantities=self.quantities)

    @property
    def offered(self) -> Amounts:
        """The part of it that contradicts what is stored, and was not taken."""
        return Amounts(events=self.conflicts, quantities=self.offered_quantities)

    @property
    def stands(self) -> Amounts:
        """What is stored in its place."""
        return Amounts(events=self.standing, quantities=self.standing_quantities)

    @property
    def gone(self) -> Amounts:
        """What is stored and was not read at all."""
        return Amounts(events=self.absent, quantities=self.absent_quantities)

    @property
    def must_be_stored(self) -> Amounts:
        """What the period's stored events must come to after this reading, exactly."""
        return self.read - self.offered + self.stands + self.gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A place where the usage of one period after the other waits; gone with the transaction."""

    conn: Connection
    service: str
    numbers: SeriesNumbers
    closed: frozenset[str]


def begin_reading(conn: Connection, service: str, aggregations: Mapping[str, Aggregation]) -> Reading:
    """Make the place; no period of the service is closed until the transaction ends."""
    conn.execute(STAGE)
    return Reading(conn=conn, service=service, numbers=SeriesNumbers(aggregations), closed=closed_periods(conn, service))


def stage(reading: Reading, period: Period, events: Sequence[UsageEvent]) -> int:
    """Add events to the reading of a period; the sum of their content hashes, which does not depend on their order."""
    numbers = reading.numbers.of(reading.conn, {Series.of(event) for event in events})
    own = (period.key, booked_in(period, reading.closed))
    total = 0
    with reading.conn.cursor() as cursor, cursor.copy(COPY_IN) as copy:
        for event in events:
            content_hash = event.content_hash
            total += int.from_bytes(content_hash)
            copy.write_row(
                (
                    *(numbers[Series.of(event)], event.idempotency_key, *own, event.quantity, event.value),
                    *(event.started_at, event.ended_at, content_hash),
                )
            )
    return total


REPEATED = """
    CREATE TEMPORARY TABLE repeated_usage ON COMMIT DROP AS
    SELECT series_id, idempotency_key, count(DISTINCT content_hash) AS contents
      FROM staged_usage GROUP BY series_id, idempotency_key HAVING count(*) > 1
"""
DROP_DUPLICATES = """
    DELETE FROM staged_usage WHERE ctid IN (
        SELECT place FROM (SELECT staged.ctid AS place,
                                  row_number() OVER (PARTITION BY series_id, idempotency_key, content_hash) AS nth
                             FROM staged_usage AS staged JOIN repeated_usage USING (series_id, idempotency_key)) AS counted
         WHERE nth > 1)
"""
REFUSE_AMBIGUOUS = """
    WITH refused AS (
        DELETE FROM staged_usage
         WHERE (series_id, idempotency_key) IN (
                SELECT series_id, idempotency_key FROM repeated_usage WHERE contents > 1
                EXCEPT SELECT series_id, idempotency_key
                         FROM usage_identity JOIN repeated_usage USING (series_id, idempotency_key))
        RETURNING *)
    INSERT INTO source_issue (snapshot_id, entity, external_id, reason, period, data)
    SELECT %(snapshot_id)s, 'usage', concat_ws('/', external_subscription_id, metric, idempotency_key),
           'usage.sql: one event with several contents, and none can be told to be the right one', %(period)s,
           jsonb_build_object('external_subscription_id', external_subscription_id, 'metric', metric,
                              'idempotency_key', idempotency_key, 'quantity', quantity::text,
                              'started_at', started_at, 'ended_at', ended_at)
      FROM refused JOIN usage_series USING (series_id)
     ORDER BY external_subscription_id, metric, idempotency_key, content_hash
"""
KEEP_CONFLICTS = """
    INSERT INTO usage_conflict (snapshot_id, service, feed, external_subscription_id, metric, idempotency_key, quantity,
                                started_at, ended_at, content_hash)
    SELECT %(snapshot_id)s, service, feed, external_subscription_id, metric, idempotency_key, quantity, staged.started_at,
           ended_at, staged.content_hash
      FROM staged_usage AS staged JOIN usage_identity AS stored USING (series_id, idempotency_key)
      JOIN usage_series USING (series_id)
     WHERE stored.content_hash <> staged.content_hash
"""
_NOT_READ: LiteralString = """
      FROM usage_event AS stored JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND stored.period = %(period)s
       AND NOT EXISTS (SELECT FROM staged_usage AS staged
                        WHERE staged.series_id = stored.series_id AND staged.idempotency_key = stored.idempotency_key)
"""
ABSENT = f"SELECT metric, count(*), sum(stored.quantity) {_NOT_READ} GROUP BY metric"
KEEP_ABSENT = f"""
    INSERT INTO usage_absent (snapshot_id, period, external_subscription_id, metric, idempotency_key, quantity)
    SELECT %(snapshot_id)s, %(period)s, external_subscription_id, metric, idempotency_key, stored.quantity {_NOT_READ}
     ORDER BY external_subscription_id, metric, idempotency_key LIMIT 50
"""
# What is offered always lies in the period that is read, so its time tells the conflicts of this reading.
OFFERED = """
    SELECT metric, count(*), sum(quantity) FROM usage_conflict
     WHERE snapshot_id = %(snapshot_id)s AND started_at >= %(start)s AND started_at < %(end)s GROUP BY metric
"""
# An identity may be read with two contents, one of them the stored one; then it is read, and nothing stands in its place.
STANDING = """
    SELECT metric, count(*), sum(quantity)
      FROM usage_event AS stored JOIN usage_identity AS identity USING (series_id, idempotency_key)
      JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND stored.period = %(period)s
       AND (service, feed, external_subscription_id, metric, idempotency_key) IN (
            SELECT service, feed, external_subscription_id, metric, idempotency_key FROM usage_conflict
             WHERE snapshot_id = %(snapshot_id)s AND started_at >= %(start)s AND started_at < %(end)s)
       AND NOT EXISTS (SELECT FROM staged_usage AS staged WHERE staged.content_hash = identity.content_hash)
     GROUP BY metric
"""
SUMS = "SELECT metric, count(*), sum(quantity) FROM staged_usage JOIN usage_series USING (series_id) GROUP BY metric ORDER BY 1"
INSERT_HEADER = """
    INSERT INTO snapshot_usage (snapshot_id, period, events, duplicates, new_events, conflicts, rejected, absent, standing,
                                quantities, offered_quantities, standing_quantities, absent_quantities, content_hash)
    VALUES (%(snapshot_id)s, %(period)s, %(events)s, %(duplicates)s, %(new_events)s, %(conflicts)s, %(rejected)s, %(absent)s,
            %(standing)s, %(quantities)s, %(offered_quantities)s, %(standing_quantities)s, %(absent_quantities)s,
            decode(%(content_hash)s, 'hex'))
"""


def keep_reading(
    reading: Reading, period: Period, *, snapshot_id: int, read_at: datetime, rejected: int, content_hash: bytes
) -> UsageHeader:
    """Take what was staged for a period into the stored events and empty the stage.

    `rejected` is how many rows of the reading were bad before they could be staged.
    """
    conn = reading.conn
    given = {"service": reading.service, "feed": PULLED, "period": period.key, "start": period.start, "end": period.end}
    given |= {"snapshot_id": snapshot_id}
    conn.execute("ANALYZE staged_usage")
    duplicates, ambiguous = _refuse_repeated(conn, given)
    read = _sums(conn, SUMS, given)
    is_late = period.key in reading.closed
    kept = keep_staged(conn, [period.key], has_late=is_late, snapshot_id=snapshot_id, stored_at=read_at)
    new_events = kept.rowcount
    # Where every event is new there is nothing that it could contradict.
    is_contested = new_events < read.events and conn.execute(KEEP_CONFLICTS, given).rowcount > 0
    offered, standing = (_sums(conn, each, given) if is_contested else NOTHING for each in (OFFERED, STANDING))
    absent = _sums(conn, ABSENT, given)
    header = UsageHeader(
        snapshot_id=snapshot_id,
        period=period.key,
        events=read.events,
        duplicates=duplicates,
        new_events=new_events,
        conflicts=offered.events,
        rejected=rejected + ambiguous,
        absent=absent.events,
        standing=standing.events,
        quantities=read.quantities,
        offered_quantities=offered.quantities,
        standing_quantities=standing.quantities,
        absent_quantities=absent.quantities,
        content_hash=content_hash.hex(),
    )
    _insert_header(conn, header)
    if absent.events:
        conn.execute(KEEP_ABSENT, given)
    conn.execute("TRUNCATE staged_usage")
    return header


def _refuse_repeated(conn: Connection, given: Mapping[str, object]) -> tuple[int, int]:
    """Leave each identity of the stage with one content; how many duplicates and how many ambiguous rows went."""
    if not conn.execute(REPEATED).rowcount:
        conn.execute("DROP TABLE repeated_usage")
        return 0, 0
    duplicates = conn.execute(DROP_DUPLICATES).rowcount
    ambiguous = conn.execute(REFUSE_AMBIGUOUS, given).rowcount
    conn.execute("DROP TABLE repeated_usage")
    return duplicates, ambiguous


def _insert_header(conn: Connection, header: UsageHeader) -> None:
    values = {name: getattr(header, name) for name in UsageHeader.__dataclass_fields__}
    for name in _QUANTITIES:
        values[name] = Jsonb({metric: plain(quantity) for metric, quantity in values[name].items()})
    conn.execute(INSERT_HEADER, values)


def _sums(conn: Connection, statement: LiteralString | sql.Composed, given: Mapping[str, object]) -> Amounts:
    sums = conn.execute(statement, given).fetchall()
    return Amounts(
        events=sum(int(count) for _, count, _ in sums), quantities={metric: quantity for metric, _, quantity in sums}
    )


HEADERS = """
    SELECT DISTINCT ON (period) snapshot_id, period, events, duplicates, new_events, conflicts, rejected, absent, standing,
           quantities, offered_quantities, standing_quantities, absent_quantities, encode(u.content_hash, 'hex') AS content_hash
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
    sums = {name: {metric: Decimal(text) for metric, text in row[name].items()} for name in _QUANTITIES}
    return UsageHeader(**{**row, **sums})
