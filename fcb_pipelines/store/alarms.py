"""Alarms in our store.

Owns: table `alarm`; the caller owns the transaction. Does not own: what is found (domain/guards), the audit log's entries
(acts/alarms).
"""

from collections.abc import Iterable
from datetime import datetime
from typing import LiteralString

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.alarms import NO_LONGER_SO, Alarm
from fcb_pipelines.domain.guards import Finding, Kind
from fcb_pipelines.store.database import Connection

_COLUMNS: LiteralString = "alarm_id, kind, subject, words, evidence, raised_at, cleared_at, cleared_by"
# What a person cleared stays cleared as long as it is the same that was cleared.
RAISE = f"""
    INSERT INTO alarm (service, kind, subject, words, evidence, raised_at)
    SELECT %(service)s, %(kind)s, %(subject)s, %(words)s, %(evidence)s, %(at)s
     WHERE NOT EXISTS (SELECT FROM (SELECT evidence, cleared_by FROM alarm
                                     WHERE (service, kind, subject) = (%(service)s, %(kind)s, %(subject)s)
                                     ORDER BY alarm_id DESC LIMIT 1) AS last
                        WHERE last.cleared_by <> %(no_longer_so)s AND last.evidence = %(evidence)s)
    ON CONFLICT (service, kind, subject) WHERE cleared_at IS NULL DO NOTHING
    RETURNING {_COLUMNS}
"""  # noqa: S608 - the column list is ours
OPEN = f"""
    SELECT {_COLUMNS} FROM alarm WHERE service = %s AND cleared_at IS NULL ORDER BY raised_at, alarm_id
"""  # noqa: S608 - the column list is ours
EVERY = f"""
    SELECT {_COLUMNS} FROM alarm WHERE service = %s ORDER BY raised_at, alarm_id
"""  # noqa: S608 - the column list is ours
CLEAR = f"""
    UPDATE alarm SET cleared_at = %(at)s, cleared_by = %(by)s
     WHERE service = %(service)s AND alarm_id = %(alarm_id)s AND cleared_at IS NULL
    RETURNING {_COLUMNS}
"""  # noqa: S608 - the column list is ours


def raise_alarms(conn: Connection, service: str, found: Iterable[Finding], at: datetime) -> tuple[Alarm, ...]:
    """Raise each finding that is not open and was not cleared by a person as it is; returns those that are new."""
    new = []
    with conn.cursor(row_factory=dict_row) as cursor:
        for one in found:
            given = {"kind": one.kind.value, "subject": one.subject, "words": one.words, "evidence": Jsonb(dict(one.evidence))}
            cursor.execute(RAISE, {**given, "service": service, "at": at, "no_longer_so": NO_LONGER_SO})
            new += [_alarm(row) for row in cursor.fetchall()]
    return tuple(new)


def open_alarms(conn: Connection, service: str) -> tuple[Alarm, ...]:
    """Those that nobody cleared yet, the oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(_alarm(row) for row in cursor.execute(OPEN, [service]))


def alarms(conn: Connection, service: str) -> tuple[Alarm, ...]:
    """All that were ever raised, the oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(_alarm(row) for row in cursor.execute(EVERY, [service]))


def clear(conn: Connection, service: str, alarm_id: int, *, by: str, at: datetime) -> Alarm | None:
    """Clear an alarm; None where it is not open."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(CLEAR, {"service": service, "alarm_id": alarm_id, "by": by, "at": at}).fetchone()
    return None if row is None else _alarm(row)


def _alarm(row: dict[str, object]) -> Alarm:
    return Alarm(**{**row, "kind": Kind(str(row["kind"]))})  # type: ignore[arg-type]
