"""The sender: takes a lease on some events, posts them, and puts into effect what the answer means.

Owns: what follows from each answer. One request at a time per sender; senders of other processes on the same spool take other
events, and after a kill the lease ends and anybody sends them again, which their identity makes harmless. Does not own: when to
call it (background, client, `__main__`).
"""

import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from fcb_host import condition, holding, refusals, waiting
from fcb_host.answers import STORED, BatchRefused, KeyRefused, Result, Results, Unanswered
from fcb_host.backoff import KEY_REFUSED, UNREACHABLE, Backoff, Chance
from fcb_host.refusals import RefusedEvent
from fcb_host.settings import Settings
from fcb_host.spool import Spool
from fcb_host.transport import Transport
from fcb_host.waiting import Lease, Waiting

LOG = logging.getLogger("fcb_host")
LEASE_MARGIN_SECONDS = 30.0
_AROUND = len('{"events":[]}')


class Progress(Enum):
    """What one turn of the sender came to."""

    SENT = "sent"
    """Something was answered: there may be more."""
    NOTHING = "nothing"
    """No event is due."""
    PAUSED = "paused"
    """The central side is left alone for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a sender works with; clock and chance are handed in."""

    spool: Spool
    transport: Transport
    settings: Settings
    clock: Callable[[], float]
    """Seconds since 1970."""
    chance: Chance
    on_refused: Callable[[RefusedEvent], None] | None


class Sender:
    """Sends batch by batch, for any number of threads, of which one sends at a time."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._turn = threading.Lock()

    def send(self, *, ignores_pause: bool = False, patience_seconds: float = -1) -> Progress:
        """Send one batch, if one is due and the central side may be asked. Raises SpoolUnavailable."""
        if not self._turn.acquire(timeout=patience_seconds):
            return Progress.PAUSED
        try:
            leased = self._leased(ignores_pause=ignores_pause)
            if leased is None or not leased.events:
                return Progress.PAUSED if leased is None else Progress.NOTHING
            try:
                return Progress.SENT if self._deliver(leased.events) else Progress.PAUSED
            finally:
                with self._means.spool.transaction() as conn:
                    waiting.give_back(conn, leased)
        finally:
            self._turn.release()

    def after_fork(self) -> None:
        """Begin anew in a child: its parent's lock and connection are the parent's."""
        self._turn = threading.Lock()
        self._means.transport.after_fork()

    def close(self, timeout: float) -> None:
        """Close the connection once no request is running; one that runs longer keeps it to its own end."""
        if self._turn.acquire(timeout=timeout):
            self._means.transport.close()
            self._turn.release()

    def _leased(self, *, ignores_pause: bool) -> Lease | None:
        settings, now = self._means.settings, self._now()
        until = now + round(1000 * (settings.total_seconds + LEASE_MARGIN_SECONDS))
        with self._means.spool.transaction() as conn:
            if not ignores_pause and condition.pause(conn, now=now).until > now:
                return None
            waiting.mend_clock(conn, now=now)
            return waiting.lease(
                conn,
                token=secrets.token_hex(8),
                now=now,
                until=until,
                most=settings.batch_events,
                most_bytes=settings.batch_bytes - _AROUND,
            )

    def _deliver(self, events: Sequence[Waiting]) -> bool:
        """Send events, in halves where they are refused as a whole; answers whether the central side may be asked for more."""
        answer = self._means.transport.post([event.body for event in events])
        if isinstance(answer, BatchRefused) and len(events) > 1:
            middle = len(events) // 2
            return self._deliver(events[:middle]) and self._deliver(events[middle:])
        if isinstance(answer, Unanswered):
            self._pause(answer.reason, UNREACHABLE, least_seconds=answer.after_seconds)
            return False
        if isinstance(answer, KeyRefused):
            self._pause(answer.reason, KEY_REFUSED)
            return False
        if isinstance(answer, BatchRefused):
            # "rejected" is what the contract calls an event that was refused in a batch that was not.
            answer = Results((Result(status="rejected", code=answer.code, reason=answer.reason),))
        self._settle(events, answer.results)
        return True

    def _settle(self, events: Sequence[Waiting], results: Sequence[Result]) -> None:
        answered = list(zip(events, results, strict=True))
        now = self._now()
        with self._means.spool.transaction() as conn:
            waiting.remove(conn, [event for event, result in answered if result.status in STORED])
            others = [(event, result) for event, result in answered if result.status not in STORED]
            settled = [(event, result, self._not_stored(conn, event, result, now)) for event, result in others]
            condition.succeeded(conn, now=now)
            if others:
                condition.disagreed(conn, error=f"{others[-1][1].code}: {others[-1][1].reason}", now=now)
        self._say_held([result for event, result, refused in settled if refused is None and result.code not in event.firsts()])
        self._tell([refused for _, _, refused in settled if refused is not None])

    def _not_stored(self, conn: sqlite3.Connection, event: Waiting, result: Result, now: int) -> RefusedEvent | None:
        """Hold an event while its answer may change by itself; refuse any other."""
        settings, chance, code = self._means.settings, self._means.chance, result.code
        until = holding.until(conn, event, code=code, settings=settings, chance=chance, now=now)
        if until is None:
            return refusals.refuse(conn, event, code=code, reason=result.reason, now=now)
        waiting.hold(conn, event, code=code, reason=result.reason, now=now, until=until)
        return None

    def _say_held(self, newly: Sequence[Result]) -> None:
        if newly:
            said = "1 event is held" if len(newly) == 1 else f"{len(newly)} events are held"
            LOG.warning("%s and tried again later, first %s: %s", said, newly[0].code, newly[0].reason)

    def _tell(self, refused: Sequence[RefusedEvent]) -> None:
        if refused:
            said = "1 event was refused" if len(refused) == 1 else f"{len(refused)} events were refused"
            LOG.error("%s, first %s: %s", said, refused[0].code, refused[0].reason)
        if self._means.on_refused is not None:
            for one in refused:
                _call(self._means.on_refused, one)

    def _pause(self, error: str, backoff: Backoff, *, least_seconds: float = 0.0) -> None:
        now = self._now()
        with self._means.spool.transaction() as conn:
            failures = condition.pause(conn, now=now).failures + 1
            seconds = max(backoff.wait(failures, self._means.chance), least_seconds)
            condition.failed(conn, error=error, failures=failures, until=now + round(1000 * seconds), now=now)
        level = logging.ERROR if backoff is KEY_REFUSED else logging.WARNING
        LOG.log(level, "nothing was sent (%s), attempt %d in a row; the next one in %.0f s", error, failures, seconds)

    def _now(self) -> int:
        return round(self._means.clock() * 1000)


def _call(on_refused: Callable[[RefusedEvent], None], refused: RefusedEvent) -> None:
    try:
        on_refused(refused)
    except Exception:
        # The host's own code; what it was told of is in the spool, and sending must go on.
        LOG.exception("on_refused failed")
