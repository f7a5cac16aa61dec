"""The condition of a spool: the pause of its senders, the last success and failure, and the figures for people.

Owns: the table `fact`. All processes on one spool share a pause, so that one refusal is enough and a restart does not hammer.
Functions take a connection of the spool; the caller owns the transaction. Does not own: how long a pause is (backoff).
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from fcb_host.refusals import moment
from fcb_host.waiting import LONGEST_WAIT_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How it stands. Holds no secret."""

    is_enabled: bool
    queued: int = 0
    """Events that wait to be sent, those in flight and held included."""
    held: int = 0
    """Of these, how many wait for the central side to learn of their subscription."""
    in_flight: int = 0
    """Of these, how many are in requests that are running now."""
    oldest_age_seconds: float = 0.0
    """How long the event that came first has been waiting."""
    refused: int = 0
    """Events that wait for a person."""
    last_success_at: datetime | None = None
    last_error: str | None = None
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


def status(conn: sqlite3.Connection, *, now: int) -> Status:
    """The figures. Takes as long for millions of events as for one."""
    facts = _facts(conn)
    until = pause(conn, now=now).until
    oldest = conn.execute("SELECT recorded_at FROM event ORDER BY position LIMIT 1").fetchone()
    (in_flight,) = conn.execute("SELECT coalesce(sum(events), 0) FROM lease WHERE until > ?", (now,)).fetchone()
    (held,) = conn.execute("SELECT count(*) FROM event WHERE attempts > 0").fetchone()
    return Status(
        is_enabled=True,
        queued=int(facts["queued"] or 0),
        held=held,
        in_flight=in_flight,
        oldest_age_seconds=max(now - oldest[0], 0) / 1000 if oldest else 0.0,
        refused=int(facts["refused"] or 0),
        last_success_at=_moment(facts.get("last_success_at")),
        last_error=str(facts["last_error"]) if facts.get("last_error") else None,
        last_error_at=_moment(facts.get("last_error_at")),
        paused_until=moment(until) if until > now else None,
    )


def _facts(conn: sqlite3.Connection) -> dict[str, int | str | None]:
    return dict(conn.execute("SELECT name, value FROM fact"))


def _remember(conn: sqlite3.Connection, **facts: int | str) -> None:
    conn.executemany(
        "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", list(facts.items())
    )


def _moment(at: int | str | None) -> datetime | None:
    return moment(int(at)) if at else None
