"""The access log and the audit log in our store: appending rows to a chain, and reading the chain again.

Owns: tables `access_log`, `audit_log` and `log_head`; the caller owns the transaction. Does not own: what a row's hash is made
of and what a broken chain tells (domain/audit).

Whoever appends holds the log's head until the transaction ends, so append last in a transaction and let it end soon.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from fcb_pipelines.domain.access import AccessEntry
from fcb_pipelines.domain.audit import (
    Act,
    AuditEntry,
    Break,
    Chained,
    Head,
    Log,
    Wrong,
    access_values,
    audit_values,
    belongs,
    chained,
    first_break,
)
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.store.database import Connection

BATCH = 5_000

HEAD = "SELECT count, hash FROM log_head WHERE log = %s"
HELD_HEAD = f"{HEAD} FOR UPDATE"
MOVE_HEAD = "UPDATE log_head SET count = %s, hash = %s WHERE log = %s"
COPY = {
    Log.ACCESS: """
        COPY access_log (position, at, key_id, service, address, method, route, scope, outcome, status, hash) FROM STDIN
    """,
    Log.AUDIT: "COPY audit_log (position, at, actor, act, service, subject, data, hash) FROM STDIN",
}
# A time that is read as text and not as a time cannot make the reading fail, whatever somebody wrote into the row.
AT = """to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')"""
ROWS = {
    Log.ACCESS: f"""
        SELECT position, hash, {AT}, key_id, service, address, method, route, scope, outcome, status FROM access_log
         ORDER BY position
    """,  # noqa: S608
    Log.AUDIT: f"""
        SELECT position, hash, {AT}, actor, act, service, subject, data::text FROM audit_log
         ORDER BY position
    """,  # noqa: S608
}


def append_access(conn: Connection, entries: Sequence[AccessEntry]) -> Head:
    """Add calls to the access log, in this order; returns the new head. See `append_audit` for who else appends."""
    return _append(conn, Log.ACCESS, [access_values(entry) for entry in entries])


def append_audit(conn: Connection, entry: AuditEntry) -> Head:
    """Add an act to the audit log; returns the new head.

    Others who append to the same log wait until this transaction ends, at most the session's lock timeout. Raises
    `RuleViolation` if somebody removed the head.
    """
    return _append(conn, Log.AUDIT, [audit_values(entry)])


def _append(conn: Connection, log: Log, values: Sequence[tuple[Any, ...]]) -> Head:
    found = _head(conn, log, HELD_HEAD)
    if found is None:
        raise RuleViolation(f"{log} has lost its head, so nothing can follow: run  fcb audit verify")
    rows, head = chained(found, values)
    if rows:
        with conn.cursor() as cursor, cursor.copy(COPY[log]) as copy:
            for row in rows:
                copy.write_row((row.position, *_written(log, row.values), row.hash))
        conn.execute(MOVE_HEAD, [head.count, head.hash, log])
    return head


def _written(log: Log, values: tuple[Any, ...]) -> tuple[Any, ...]:
    at, *rest = values
    if log is Log.AUDIT:
        rest[-1] = Jsonb(rest[-1])
    return (f"{at}Z", *rest)


OF_ACTS = """
    SELECT at, actor, act, service, subject, data FROM audit_log WHERE service = %s AND act = ANY(%s::text[]) ORDER BY position
"""


def noted(conn: Connection, service: str, acts: Sequence[Act]) -> tuple[AuditEntry, ...]:
    """What was done of a service in some acts, the first first."""
    rows = conn.execute(OF_ACTS, [service, list(acts)])
    return tuple(
        AuditEntry(at=at, actor=actor, act=Act(act), service=of, subject=subject, data=data)
        for at, actor, act, of, subject, data in rows
    )


def verify(conn: Connection, log: Log, known: Sequence[Head] = ()) -> Break | None:
    """The first thing wrong with a log; None if it is whole. Every row is read once, a batch at a time.

    Only a look at one moment can be compared with the head: call `still` first. `known` are heads that were kept outside.
    """
    found = first_break(log, head(conn, log), _rows(conn, log), known)
    if found is None or found.wrong not in (Wrong.CHANGED, Wrong.MISSING):
        return found
    return _placed(conn, found)


def still(conn: Connection) -> None:
    """See everything as it is now until the transaction ends; must be the first statement of one."""
    conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def head(conn: Connection, log: Log) -> Head | None:
    """Where a log ends; None if somebody removed that."""
    return _head(conn, log, HEAD)


def _head(conn: Connection, log: Log, statement: str) -> Head | None:
    row = conn.execute(statement, [log]).fetchone()
    return None if row is None else Head(log, row[0], row[1])


def _placed(conn: Connection, found: Break) -> Break:
    """Look whether the row that is not in its place stands elsewhere."""
    for row in _rows(conn, found.log):
        if row.position != found.position and belongs(found, row):
            return Break(
                log=found.log,
                position=found.position,
                wrong=Wrong.REORDERED,
                detail=f"the row that was written there stands at {row.position}",
                before=found.before,
            )
    return found


def _rows(conn: Connection, log: Log) -> Iterator[Chained]:
    with conn.cursor(name=f"rows_of_{log}") as cursor:
        cursor.itersize = BATCH
        for position, hash_, *values in cursor.execute(ROWS[log]):
            if log is Log.AUDIT:
                values[-1] = _json(values[-1])
            yield Chained(position, tuple(values), hash_)


def _json(text: str) -> Any:
    """What the text says; the text itself where Python cannot hold it, which no row of ours is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
