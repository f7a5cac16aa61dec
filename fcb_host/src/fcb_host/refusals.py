"""What was refused for good: kept with its reason until a person retries or drops it.

Owns: the table `refused`. Functions take a connection of the spool; the caller owns the transaction. Does not own: who refuses
(sender, reader).
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from fcb_host import waiting
from fcb_host.waiting import Waiting

UNREADABLE = "unreadable"
"""The code of a row of the source that is no event: it is corrected there and read again, not retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedEvent:
    """An event that is not stored centrally and will not be without a person."""

    number: int
    """Its number in this spool, for retry and drop."""
    code: str
    reason: str
    event: dict[str, Any]
    """What was sent, or of an unreadable row what was found."""
    recorded_at: datetime
    refused_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """What became of events that were to be given up."""

    refused: int
    left: int
    """As many were left as they are: their last sending is not answered, so that they may be stored."""


def refuse(conn: sqlite3.Connection, event: Waiting, *, code: str, reason: str, now: int) -> RefusedEvent:
    """Move a waiting event here."""
    waiting.remove(conn, [event])
    return keep(
        conn, identity=event.identity, body=event.body, code=code, reason=reason, recorded_at=event.recorded_at, now=now
    )


def keep(
    conn: sqlite3.Connection, *, identity: bytes, body: str, code: str, reason: str, recorded_at: int, now: int
) -> RefusedEvent:
    """Keep what was refused, once: the same content with the same code has one row, with the last reason."""
    same = (identity, body, code)
    conn.execute("DELETE FROM refused WHERE identity = ? AND body = ? AND code = ?", same)
    number = conn.execute(
        "INSERT INTO refused (identity, body, code, reason, recorded_at, refused_at) VALUES (?, ?, ?, ?, ?, ?)",
        (*same, reason, recorded_at, now),
    ).lastrowid
    return _refused((number, code, reason, body, recorded_at, now))


def listed(conn: sqlite3.Connection, *, after: int = 0, most: int = 1000) -> list[RefusedEvent]:
    """The refused events by number, after one number."""
    rows = conn.execute(
        "SELECT number, code, reason, body, recorded_at, refused_at FROM refused WHERE number > ? ORDER BY number LIMIT ?",
        (after, most),
    )
    return [_refused(row) for row in rows]


def retry(conn: sqlite3.Connection, numbers: Sequence[int] | None, *, now: int) -> int:
    """Let refused events wait to be sent again, all of them or those with these numbers; answers how many.

    An unreadable row stays, and so does one whose identity waits already with other content.
    """
    chosen = _numbers(conn) if numbers is None else numbers
    return sum(_retry_one(conn, number, now) for number in chosen)


def drop(conn: sqlite3.Connection, numbers: Sequence[int] | None) -> int:
    """Forget refused events, all of them or those with these numbers; answers how many."""
    chosen = _numbers(conn) if numbers is None else numbers
    return sum(conn.execute("DELETE FROM refused WHERE number = ?", (number,)).rowcount for number in chosen)


def give_up(conn: sqlite3.Connection, code: str, subscription: str | None, *, now: int) -> GivenUp:
    """Refuse now what is held for a code, of one subscription or of all.

    What may be stored is left to its next answer: who records it anew under another key would have it counted twice.
    """
    held = conn.execute(
        """
        SELECT position, identity, body, held_reason, recorded_at, may_be_stored FROM event
         WHERE held_code = ? AND (? IS NULL OR held_of = ?)
        """,
        (code, subscription, subscription),
    ).fetchall()
    known = [row for *row, may_be_stored in held if not may_be_stored]
    for position, identity, body, reason, recorded_at in known:
        conn.execute("DELETE FROM event WHERE position = ?", (position,))
        keep(conn, identity=identity, body=body, code=code, reason=reason, recorded_at=recorded_at, now=now)
    return GivenUp(refused=len(known), left=len(held) - len(known))


def _numbers(conn: sqlite3.Connection) -> list[int]:
    return [number for (number,) in conn.execute("SELECT number FROM refused ORDER BY number")]


def _retry_one(conn: sqlite3.Connection, number: int, now: int) -> int:
    moved = conn.execute(
        """
        INSERT INTO event (identity, body, recorded_at, due_at)
        SELECT identity, body, ?, ? FROM refused WHERE number = ? AND code <> ?
            ON CONFLICT (identity) DO NOTHING
        """,
        (now, now, number, UNREADABLE),
    ).rowcount
    if moved == 1:
        conn.execute("DELETE FROM refused WHERE number = ?", (number,))
    return max(moved, 0)


def _refused(row: tuple[Any, ...]) -> RefusedEvent:
    number, code, reason, body, recorded_at, refused_at = row
    return RefusedEvent(
        number=number,
        code=code,
        reason=reason,
        event=json.loads(body),
        recorded_at=moment(recorded_at),
        refused_at=moment(refused_at),
    )


def moment(milliseconds: int) -> datetime:
    """A moment of the spool as people read it."""
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
