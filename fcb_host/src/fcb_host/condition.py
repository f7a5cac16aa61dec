"""The condition of a spool: the pause of its senders, the last success and failure, and the figures for people.

Owns: the table `fact`. All processes on one spool share a pause, so that one refusal is enough and a restart does not hammer.
Functions take a connection of the spool; the caller owns the transaction. Does not own: how long a pause is (backoff).
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from fcb_host.refusals import moment
from fcb_host.waiting import LONGEST_WAIT_MS

MOST_HELD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Events of one subscription that are held for one code."""

    external_subscription_id: str
    code: str
    reason: str
    """What the central side said of one of them."""
    events: int
    since: datetime
    """When it said so first."""
    next_at: datetime
    """When the first of them is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How it stands. Holds no secret."""

    is_enabled: bool
    queued: int = 0
    """Events that wait to be sent, those in flight and held included."""
    held: int = 0
    """Of these, how many the central side would not take yet, for a reason that may pass: they are tried again later."""
    held_subscriptions: int = 0
    """Of how many subscriptions these are."""
    held_longest: tuple[Held, ...] = ()
    """Which they are, by subscription and code: those that are held longest, and no more than ten."""
    in_flight: int = 0
    """Of these, how many are in requests that are running now."""
    oldest_age_seconds: float = 0.0
    """How long the event that came first has been waiting."""
    refused: int = 0
    """Events that wait for a person."""
    last_success_at: datetime | None = None
    last_error: str | None = None
    """Why nothing could be sent, or why an event was held or refused, whichever was last."""
    last_error_at: datetime | None = None
    paused_until: datetime | None = None
    """Nobody sends from this spool before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """How often sending failed in a row, and until when nobody tries."""

    failures: int
    until: int


def pause(conn: sqlite3.Connection, *, now: int) -> Pause:
    """The pause as it stands; one that reaches too far was written before the clock was set back, and is over."""
    facts = _facts(conn)
    until = int(facts.get("paused_until") or 0)
    return Pause(failures=int(facts.get("failures") or 0), until=0 if until > now + LONGEST_WAIT_MS else until)


def failed(conn: sqlite3.Connection, *, error: str, failures: int, until: int, now: int) -> None:
    """Remember a failure and pause."""
    _remember(conn, failures=failures, paused_until=until, last_error=error, last_error_at=now)


def succeeded(conn: sqlite3.Connection, *, now: int) -> None:
    """Remember that the central side answered, and end the pause."""
    _remember(conn, failures=0, paused_until=0, last_success_at=now)


def disagreed(conn: sqlite3.Connection, *, error: str, now: int) -> None:
    """Remember why an event was not stored, though the central side answered."""
    _remember(conn, last_error=error, last_error_at=now)


def status(conn: sqlite3.Connection, *, now: int) -> Status:
    """The figures. Takes as long for millions of events as for one, unless millions are held."""
    facts = _facts(conn)
    until = pause(conn, now=now).until
    oldest = conn.execute("SELECT recorded_at FROM event ORDER BY position LIMIT 1").fetchone()
    (in_flight,) = conn.execute("SELECT coalesce(sum(events), 0) FROM lease WHERE until > ?", (now,)).fetchone()
    held, subscriptions = conn.execute(
        "SELECT count(*), count(DISTINCT held_of) FROM event WHERE held_code IS NOT NULL"
    ).fetchone()
    return Status(
        is_enabled=True,
        queued=int(facts["queued"] or 0),
        held=held,
        held_subscriptions=subscriptions,
        held_longest=_held_longest(conn) if held else (),
        in_flight=in_flight,
        oldest_age_seconds=max(now - oldest[0], 0) / 1000 if oldest else 0.0,
        refused=int(facts["refused"] or 0),
        last_success_at=_moment(facts.get("last_success_at")),
        last_error=str(facts["last_error"]) if facts.get("last_error") else None,
        last_error_at=_moment(facts.get("last_error_at")),
        paused_until=moment(until) if until > now else None,
    )


def _held_longest(conn: sqlite3.Connection) -> tuple[Held, ...]:
    found = conn.execute(
        """
        SELECT held_of, held_code, count(*), min(held_since), min(due_at)
          FROM event WHERE held_code IS NOT NULL GROUP BY held_code, held_of ORDER BY 4, 1, 2 LIMIT ?
        """,
        (MOST_HELD,),
    ).fetchall()
    return tuple(
        Held(
            external_subscription_id=subscription,
            code=code,
            reason=_reason(conn, subscription, code),
            events=events,
            since=moment(since),
            next_at=moment(next_at),
        )
        for subscription, code, events, since, next_at in found
    )


def _reason(conn: sqlite3.Connection, subscription: str, code: str) -> str:
    latest = conn.execute(
        "SELECT held_reason FROM event WHERE held_code = ? AND held_of = ? ORDER BY held_since DESC LIMIT 1",
        (code, subscription),
    ).fetchone()
    return str(latest[0])


def _facts(conn: sqlite3.Connection) -> dict[str, int | str | None]:
    return dict(conn.execute("SELECT name, value FROM fact"))


def _remember(conn: sqlite3.Connection, **facts: int | str) -> None:
    conn.executemany(
        "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", list(facts.items())
    )


def _moment(at: int | str | None) -> datetime | None:
    return moment(int(at)) if at else None
