"""Usage of one reading that a person should look at: told otherwise than before, gone, or not usable.

Owns: the list for people, and how many of it are new since another reading. Does not own: how it came about (store/pulled), the
exact sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg.rows import class_row

from fcb_pipelines.domain.period import Period
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OddUsage:
    """One event; a quantity is text because a rejected one may be no number."""

    what: str
    subscription: str | None
    metric: str | None
    key: str | None
    """Its idempotency key, or its time where it has none."""
    stored: str | None
    offered: str | None
    reason: str


ODD = """
    (SELECT 'conflict' AS what, external_subscription_id AS subscription, metric, idempotency_key AS key,
            trim_scale(stored.quantity)::text AS stored, trim_scale(offered.quantity)::text AS offered,
            CASE WHEN stored.quantity IS NULL THEN 'other content than stored first, which is no longer kept'
                 WHEN stored.quantity = offered.quantity THEN 'another time than stored first'
                 ELSE 'another quantity than stored first' END AS reason
       FROM usage_conflict AS offered
       JOIN usage_series USING (service, feed, external_subscription_id, metric)
       JOIN usage_identity AS identity USING (series_id, idempotency_key)
       LEFT JOIN usage_event AS stored USING (series_id, idempotency_key, period)
      WHERE offered.snapshot_id = %(snapshot_id)s AND offered.started_at >= %(start)s AND offered.started_at < %(end)s
      ORDER BY subscription, metric, key LIMIT %(most)s)
    UNION ALL
    (SELECT 'gone', external_subscription_id, metric, idempotency_key, trim_scale(quantity)::text, NULL,
            'no longer in the source'
       FROM usage_absent WHERE snapshot_id = %(snapshot_id)s AND period = %(period)s
      ORDER BY 2, 3, 4 LIMIT %(most)s)
    UNION ALL
    (SELECT 'rejected', data->>'external_subscription_id', data->>'metric',
            coalesce(data->>'source_event_id', data->>'idempotency_key', data->>'started_at'), NULL, data->>'quantity', reason
       FROM source_issue WHERE snapshot_id = %(snapshot_id)s AND entity = 'usage' AND period = %(period)s
      ORDER BY issue_id LIMIT %(most)s)
"""


def odd_usage(conn: Connection, snapshot_id: int, period: Period, *, most: int) -> tuple[OddUsage, ...]:
    """What was odd in a reading of a period: conflicts, then absences, then rejected rows, at most so many of each."""
    given = {"snapshot_id": snapshot_id, "period": period.key, "start": period.start, "end": period.end, "most": most}
    with conn.cursor(row_factory=class_row(OddUsage)) as cursor:
        return tuple(cursor.execute(ODD, given))


_CONFLICTS: LiteralString = """
    SELECT external_subscription_id, metric, idempotency_key, content_hash FROM usage_conflict
     WHERE snapshot_id = %s AND started_at >= %s AND started_at < %s
"""
_ABSENCES: LiteralString = """
    SELECT external_subscription_id, metric, idempotency_key FROM usage_absent WHERE snapshot_id = %s AND period = %s
"""
NEW_CONFLICTS = f"SELECT count(*) FROM ({_CONFLICTS} EXCEPT {_CONFLICTS}) AS new"  # noqa: S608 - our own
NEW_ABSENCES = f"SELECT count(*) FROM ({_ABSENCES} EXCEPT {_ABSENCES}) AS new"  # noqa: S608 - our own


def new_conflicts(conn: Connection, period: Period, *, now: int, before: int | None) -> int:
    """How many events contradict what is stored in the reading of one snapshot that did not so in that of another."""
    given = [[snapshot_id, period.start, period.end] for snapshot_id in (now, before)]
    return _count(conn, NEW_CONFLICTS, [*given[0], *given[1]])


def new_absences(conn: Connection, period: Period, *, now: int, before: int | None) -> int:
    """How many stored events are gone in the reading of one snapshot that were not in that of another, of those listed."""
    return _count(conn, NEW_ABSENCES, [now, period.key, before, period.key])


def _count(conn: Connection, statement: LiteralString, given: Sequence[object]) -> int:
    row = conn.execute(statement, given).fetchone()
    return 0 if row is None else int(row[0])
