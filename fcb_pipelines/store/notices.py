"""What an operator is to be told, in our store, until it was told.

Owns: table `notice`; the caller owns the transaction. Does not own: why there is one (domain/delivery), telling it
(acts/notices).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from fcb_pipelines.domain.delivery import Notice
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingNotice:
    """One that was not told yet, and whose turn it is to tell it."""

    notice_id: int
    lease: int
    service: str
    kind: str
    subject: str
    words: str
    raised_at: datetime
    attempts: int
    """That came to nothing so far."""
    taken_by: list[str]
    """The ways that took it already."""


ADD = """
    INSERT INTO notice (service, kind, subject, words, raised_at, next_try_at)
    VALUES (%(service)s, %(kind)s, %(subject)s, %(words)s, %(raised_at)s, clock_timestamp())
"""
TAKE = """
    WITH due AS (
        SELECT notice_id FROM notice
         WHERE told_at IS NULL AND next_try_at <= clock_timestamp()
           AND (lease_until IS NULL OR lease_until <= clock_timestamp())
         ORDER BY notice_id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
    UPDATE notice n SET lease = nextval('delivery_lease'), lease_until = clock_timestamp() + %(lasting)s
      FROM due WHERE n.notice_id = due.notice_id
    RETURNING n.notice_id, n.lease, n.service, n.kind, n.subject, n.words, n.raised_at, n.attempts, n.taken_by
"""
TOLD = """
    UPDATE notice SET told_at = clock_timestamp(), lease_until = NULL, problem = NULL
     WHERE (notice_id, lease) IN (SELECT * FROM unnest(%(notices)s::bigint[], %(leases)s::bigint[]))
"""
UNTOLD = """
    UPDATE notice SET attempts = attempts + 1, lease_until = NULL, problem = %(problem)s, taken_by = %(taken_by)s,
           next_try_at = clock_timestamp() + %(pause)s
     WHERE notice_id = %(notice_id)s AND lease = %(lease)s AND told_at IS NULL
"""
DUE = """
    SELECT count(*) FROM notice
     WHERE told_at IS NULL AND next_try_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until <= clock_timestamp())
"""
WAITING = "SELECT count(*), min(raised_at), max(problem) FROM notice WHERE service = %s AND told_at IS NULL"


def add(conn: Connection, service: str, notices: Iterable[Notice], now: datetime) -> None:
    """Have an operator told."""
    given = [
        {"service": service, "kind": one.kind.value, "subject": one.subject, "words": one.words, "raised_at": now}
        for one in notices
    ]
    with conn.cursor() as cursor:
        cursor.executemany(ADD, given)


def due(conn: Connection) -> int:
    """How much is to be told now, of every service."""
    row = conn.execute(DUE).fetchone()
    return 0 if row is None else int(row[0])


def take(conn: Connection, *, most: int, lasting: timedelta) -> tuple[WaitingNotice, ...]:
    """Take what is to be told now; commit it soon."""
    with conn.cursor(row_factory=class_row(WaitingNotice)) as cursor:
        found = cursor.execute(TAKE, {"most": most, "lasting": lasting}).fetchall()
    return tuple(sorted(found, key=lambda one: one.notice_id))


def note_told(conn: Connection, told: Sequence[WaitingNotice]) -> None:
    """Note that an operator was told."""
    conn.execute(TOLD, {"notices": [one.notice_id for one in told], "leases": [one.lease for one in told]})


def note_untold(conn: Connection, one: WaitingNotice, *, taken_by: Sequence[str], problem: str, pause: timedelta) -> None:
    """Note why an operator could not be told in every way, to be tried again in the others after a pause."""
    given = {"notice_id": one.notice_id, "lease": one.lease, "problem": problem, "pause": pause}
    conn.execute(UNTOLD, {**given, "taken_by": [*taken_by]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """What an operator was not told yet."""

    count: int
    since: datetime | None
    problem: str | None


def untold(conn: Connection, service: str) -> Untold:
    """How much an operator was not told yet, since when, and why."""
    row = conn.execute(WAITING, [service]).fetchone()
    return Untold(count=0, since=None, problem=None) if row is None else Untold(count=row[0], since=row[1], problem=row[2])
