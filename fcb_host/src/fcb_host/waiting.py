"""The events that wait to be sent: putting them in, leasing them to a sender, and what becomes of them.

Owns: the table `event` and its leases. Functions take a connection of the spool; the caller owns the transaction. Does not own:
what was refused (refusals), what an answer means (answers, sender).
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fcb_host.errors import SpoolFull
from fcb_host.events import UsageEvent

LONGEST_WAIT_MS = 2 * 86_400_000
"""Nothing waits longer than this; a row that seems to was written before the clock was set back."""
_COMMA = 1
_COLUMNS = ("position", "identity", "body", "recorded_at", "attempts", "held_firsts")


class Put(Enum):
    """What became of an event that was to be put into the spool."""

    NEW = "new"
    KNOWN = "known"
    """The same is waiting already, or was refused and waits for a person."""
    CONFLICT = "conflict"
    """Another content of the same identity is waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A leased event."""

    position: int
    identity: bytes
    body: str
    recorded_at: int
    attempts: int
    """How often it was held before, for whatever code."""
    held_firsts: str
    leased_until: int

    def firsts(self) -> dict[str, int]:
        """Each code that it was held for before, with when that answer came first."""
        return dict(json.loads(self.held_firsts))

    def since(self, code: str, now: int) -> int:
        """When it was answered with this code first; never later than now, even if the clock was set back."""
        return min(self.firsts().get(code, now), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Some events that only one sender sends until the lease ends, then anybody may."""

    token: str
    until: int
    events: tuple[Waiting, ...]


def put(conn: sqlite3.Connection, events: Iterable[UsageEvent], *, now: int, max_events: int) -> list[Put]:
    """Put events in, in order. Raises SpoolFull; then the caller rolls back."""
    done = [_put_one(conn, event, now) for event in events]
    if Put.NEW in done:
        held = int(conn.execute("SELECT sum(value) FROM fact WHERE name IN ('queued', 'refused')").fetchone()[0])
        if held > max_events:
            raise SpoolFull(f"the spool holds as many events as it may ({max_events}): see  python -m fcb_host status")
    return done


def lease(conn: sqlite3.Connection, *, token: str, now: int, until: int, most: int, most_bytes: int) -> Lease:
    """Take the oldest events that are due: at least one if there are any, at most so many, and so many bytes as a JSON list.

    From here on they may be stored, until `hold` or `remove` says what was answered; no end of a lease takes that back.
    """
    due = conn.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM event WHERE due_at <= ? ORDER BY due_at, position LIMIT ?",  # noqa: S608 (our own names)
        (now, most),
    ).fetchall()
    taken = tuple(_fitting(due, most_bytes, until))
    if taken:
        leasing = "UPDATE event SET due_at = ?, may_be_stored = 1 WHERE position = ?"
        conn.executemany(leasing, [(until, one.position) for one in taken])
        conn.execute("INSERT INTO lease VALUES (?, ?, ?)", (token, until, len(taken)))
    return Lease(token=token, until=until, events=taken)


def give_back(conn: sqlite3.Connection, leased: Lease) -> None:
    """End a lease: what still waits under it is due as it was before, unless another sender has taken it meanwhile."""
    conn.executemany(
        "UPDATE event SET due_at = recorded_at WHERE position = ? AND due_at = ?",
        [(one.position, leased.until) for one in leased.events],
    )
    conn.execute("DELETE FROM lease WHERE token = ?", (leased.token,))


def remove(conn: sqlite3.Connection, events: Sequence[Waiting]) -> None:
    """Forget events that are stored centrally or were moved elsewhere."""
    conn.executemany("DELETE FROM event WHERE position = ?", [(one.position,) for one in events])


def hold(conn: sqlite3.Connection, event: Waiting, *, code: str, reason: str, now: int, until: int) -> None:
    """Let an event wait longer, and keep why: it is not stored, unless another sender has taken it meanwhile."""
    subscription = json.loads(event.body)["external_subscription_id"]
    since = event.since(code, now)
    firsts = json.dumps({**event.firsts(), code: since})
    conn.execute(
        """
        UPDATE event
           SET may_be_stored = may_be_stored AND due_at <> ?, due_at = ?, attempts = ?, held_code = ?, held_reason = ?,
               held_since = ?, held_of = ?, held_firsts = ?
         WHERE position = ?
        """,
        (event.leased_until, until, event.attempts + 1, code, reason, since, subscription, firsts, event.position),
    )


def can_be_taken_back(conn: sqlite3.Connection, identity: bytes) -> bool:
    """Whether an event of this identity waits that is itself no void."""
    found = conn.execute("SELECT body FROM event WHERE identity = ?", (identity,)).fetchone()
    return found is not None and "voids" not in json.loads(found[0])


def next_due(conn: sqlite3.Connection) -> int | None:
    """When the first event becomes due, perhaps in the past; None when none waits."""
    found: int | None = conn.execute("SELECT min(due_at) FROM event").fetchone()[0]
    return found


def mend_clock(conn: sqlite3.Connection, *, now: int) -> None:
    """Let nothing wait longer than anything can: the clock was set back since."""
    latest = now + LONGEST_WAIT_MS
    conn.execute("UPDATE event SET due_at = ? WHERE due_at > ?", (now, latest))
    conn.execute("DELETE FROM lease WHERE until < ? OR until > ?", (now, latest))


def _put_one(conn: sqlite3.Connection, event: UsageEvent, now: int) -> Put:
    identity, body = event.identity, event.body
    if conn.execute("SELECT 1 FROM refused WHERE identity = ? AND body = ?", (identity, body)).fetchone():
        return Put.KNOWN
    inserted = conn.execute(
        "INSERT INTO event (identity, body, recorded_at, due_at) VALUES (?, ?, ?, ?) ON CONFLICT (identity) DO NOTHING",
        (identity, body, now, now),
    )
    if inserted.rowcount == 1:
        return Put.NEW
    (waiting,) = conn.execute("SELECT body FROM event WHERE identity = ?", (identity,)).fetchone()
    return Put.KNOWN if waiting == body else Put.CONFLICT


def _fitting(due: Iterable[tuple[Any, ...]], most_bytes: int, until: int) -> Iterable[Waiting]:
    size = 0
    for row in due:
        event = Waiting(**dict(zip(_COLUMNS, row, strict=True)), leased_until=until)
        own = len(event.body.encode()) + _COMMA
        if size and size + own > most_bytes:
            return
        size += own
        yield event
