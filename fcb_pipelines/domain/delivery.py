"""Delivery: when a message is tried again, what an answer means, and what an operator is told.

Owns: the schedule and its bounds, the record of an attempt, what follows from it for the message and the endpoint. Does not
own: the HTTP request (webhooks/posting), storage (store/deliveries), the text of a message (messages).

Each message is delivered at least once: whoever receives it tells a repetition by its id.
"""

import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""How long each attempt waits after the one before: 10 attempts over 75 h 35 min 5 s."""
JITTER = Fraction(1, 5)
"""By how much of itself a wait is longer or shorter at most, so that what failed together is not tried together."""
TELL_AT = 4
"""The operator is told when so many attempts of a message failed."""
DISABLE_AFTER = timedelta(days=5)
"""An endpoint at which nothing but failures happened for so long is disabled."""
GONE = 410
"""Whoever answers this wants no more messages (RFC 9110, section 15.5.11)."""
MOST_ANSWER_BYTES = 20_000
"""So much of an answer is kept with its attempt."""
_SECONDS = re.compile(r"[0-9]{1,9}")


class DeliveryState(StrEnum):
    """Where a message to one endpoint stands."""

    WAITING = "waiting"
    """For its next attempt; held while the endpoint is disabled."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up after the last attempt; a person may replay it."""


class NoticeKind(StrEnum):
    """Why an operator is told."""

    FAILING = "delivery_failing"
    REFUSED = "delivery_refused"
    """The receiver says that the request is wrong, which waiting seldom mends."""
    DEAD = "delivery_dead"
    DISABLED = "endpoint_disabled"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST and what became of it."""

    started_at: datetime
    milliseconds: int
    status: int | None
    """None where no answer came."""
    failure: str | None
    """Why none came, in words; None where one came."""
    retry_after: str | None
    """The header, as it was sent."""
    answer: bytes
    """The beginning of the answer's body."""
    address: str | None
    """Where it was connected to."""

    @property
    def ended_at(self) -> datetime:
        """When the answer was there, or was given up."""
        return self.started_at + timedelta(milliseconds=self.milliseconds)

    @property
    def is_success(self) -> bool:
        """2xx alone; a redirect is none and is never followed."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - of RFC 9110

    @property
    def words(self) -> str:
        """What happened, for people."""
        return f"answered {self.status}" if self.status is not None else (self.failure or "no answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from an attempt for its message."""

    state: DeliveryState
    next_try_at: datetime | None
    """None once the message is delivered or dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What an operator is to be told."""

    kind: NoticeKind
    subject: str
    words: str


def verdict(attempt: Attempt, number: int, jitter: Fraction) -> Verdict:
    """What becomes of a message after its attempt of that number, the first being 1; `jitter` lies from -1 to 1."""
    if attempt.is_success:
        return Verdict(state=DeliveryState.DELIVERED, next_try_at=None)
    if number >= len(SCHEDULE):
        return Verdict(state=DeliveryState.DEAD, next_try_at=None)
    return Verdict(state=DeliveryState.WAITING, next_try_at=attempt.ended_at + wait(attempt, number, jitter))


def wait(attempt: Attempt, number: int, jitter: Fraction) -> timedelta:
    """How long nothing is sent after a failed attempt; what the receiver asks for counts within one and two waits of ours."""
    base = SCHEDULE[number]
    asked = _asked(attempt)
    if asked is not None:
        return min(max(asked, base), 2 * base)
    return base + timedelta(microseconds=int(base // timedelta(microseconds=1) * JITTER * jitter))


def _asked(attempt: Attempt) -> timedelta | None:
    """What Retry-After says: seconds or a date (RFC 9110, section 10.2.3); None for anything else."""
    text = (attempt.retry_after or "").strip()
    if _SECONDS.fullmatch(text):
        return timedelta(seconds=int(text))
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - attempt.ended_at


def why_disabled(attempt: Attempt, failing_since: datetime | None) -> str | None:
    """Why the endpoint is to be disabled after an attempt; None where it is not."""
    if attempt.status == GONE:
        return "it answered 410: it wants no more messages"
    if not attempt.is_success and failing_since is not None and attempt.ended_at - failing_since >= DISABLE_AFTER:
        return f"nothing but failures since {failing_since.astimezone(UTC):%Y-%m-%d %H:%M} UTC; the last: {attempt.words}"
    return None


def notices(
    attempt: Attempt, number: int, *, message_id: str, endpoint: str, disabled: str | None, was_refused: bool = False
) -> Iterator[Notice]:
    """What an operator is told after an attempt of that number; `endpoint` in words, `disabled`: why it was, just now.

    `was_refused`: whether an earlier attempt was answered 4xx, which is told once and again after a replay.
    """
    if disabled is not None:
        words = f"{endpoint} is disabled: {disabled}. Its messages are held: fcb endpoints enable, once it is mended"
        yield Notice(kind=NoticeKind.DISABLED, subject=endpoint, words=words)
    if attempt.is_success:
        return
    if number >= len(SCHEDULE):
        words = f"{message_id} to {endpoint} is dead after {number} attempts; the last {attempt.words}: fcb messages replay"
        yield Notice(kind=NoticeKind.DEAD, subject=message_id, words=words)
    elif number == TELL_AT:
        words = f"{message_id} to {endpoint} failed {number} times; the last {attempt.words}: fcb messages show {message_id}"
        yield Notice(kind=NoticeKind.FAILING, subject=message_id, words=words)
    elif (number == 1 or not was_refused) and _is_refused(attempt) and disabled is None:
        words = f"{endpoint} refuses {message_id}: it {attempt.words}. It is tried again: fcb messages show {message_id}"
        yield Notice(kind=NoticeKind.REFUSED, subject=message_id, words=words)


def _is_refused(attempt: Attempt) -> bool:
    return attempt.status is not None and 400 <= attempt.status < 500 and attempt.status != GONE  # noqa: PLR2004 - RFC 9110
