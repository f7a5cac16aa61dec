"""Intake: what becomes of an event that a host pushes.

Owns: the outcomes, their codes, and which times are accepted. Does not own: how an event is written on the wire, how it is
stored (store/pushed).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import UsageEvent

MOST_AHEAD = timedelta(minutes=5)
"""How far the clock of a host may be ahead of ours."""


class Outcome(StrEnum):
    """What became of an event."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """The same was stored before; it counts once."""
    CONFLICT = "conflict"
    """Other content is stored under its identity, and stands."""
    REJECTED = "rejected"
    """It cannot be stored."""


class Code(StrEnum):
    """Why an event was not stored, for programs."""

    INVALID = "invalid"
    UNKNOWN_SUBSCRIPTION = "unknown_subscription"
    UNKNOWN_METRIC = "unknown_metric"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    NOTHING_TO_VOID = "nothing_to_void"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of one event; a code and a reason where it was not stored."""

    outcome: Outcome
    is_late: bool = False
    """Whether its own month is closed, so that it is on a later bill."""
    code: Code | None = None
    reason: str = ""


def rejected(code: Code, reason: str) -> Result:
    """An event that cannot be stored."""
    return Result(outcome=Outcome.REJECTED, code=code, reason=reason)


def conflict(reason: str) -> Result:
    """An event that contradicts what is stored."""
    return Result(outcome=Outcome.CONFLICT, code=Code.CONFLICT, reason=reason)


def untimely(event: UsageEvent, now: datetime, window: timedelta, *, may_backfill: bool) -> Result | None:
    """Why an event of that time is not accepted now; None where it is. `window` is how far back events may lie."""
    for name, at in (("started_at", event.started_at), ("ended_at", event.ended_at)):
        if at is not None and at > now + MOST_AHEAD:
            return rejected(Code.IN_THE_FUTURE, f"{name} is more than 5 minutes in the future: it is {now.isoformat()} here")
    if event.started_at < now - window and not may_backfill:
        return rejected(
            Code.TOO_OLD, f"started_at is more than {window.days} days ago: only a key with usage:backfill may send it"
        )
    return None


def before_scope(period: Period, first: str) -> Result | None:
    """Why an event of a period is not accepted: nobody here bills the months before `first`, so it would never be on a bill."""
    if period.key >= first:
        return None
    return rejected(Code.TOO_OLD, f"started_at is before {first}, the first month that is billed here")
