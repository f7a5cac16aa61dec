"""The client that a host records its usage with.

Owns: what a host calls. Off, it does nothing at all: no thread, no connection, no file. Does not own: the spool, the sending.
"""

import os
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType

from fcb_host import condition, refusals, waiting
from fcb_host.background import Background
from fcb_host.backoff import Chance, full_jitter
from fcb_host.condition import Status
from fcb_host.errors import IdempotencyConflict
from fcb_host.events import UsageEvent
from fcb_host.refusals import GivenUp, RefusedEvent
from fcb_host.sender import Means, Progress, Sender
from fcb_host.settings import Settings, from_environment
from fcb_host.spool import Spool
from fcb_host.transport import Transport
from fcb_host.waiting import Put

_POLL_SECONDS = 0.05


class UsageClient:
    """Records usage durably and sends it once it can. For any number of threads, processes and forks on one spool.

    Without settings it is made from the environment (FCB_HOST_*). `on_refused` is called, by the thread that sends, for each
    event that waits for a person from now on; the list (`refused`) is the truth, the call a courtesy.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        on_refused: Callable[[RefusedEvent], None] | None = None,
        clock: Callable[[], float] = time.time,
        chance: Chance = full_jitter,
    ) -> None:
        self._settings = from_environment(os.environ) if settings is None else settings
        self._clock = clock
        self._parts: _Parts | None = None
        if self._settings.is_enabled and self._settings.spool is not None:
            spool = Spool(self._settings.spool, busy_seconds=self._settings.busy_seconds)
            self._parts = _Parts(spool, self._settings, clock, chance, on_refused)
            if self._settings.sends_in_background:
                self._parts.background.ensure()

    def __repr__(self) -> str:
        return f"UsageClient({self._settings!r})"

    def __enter__(self) -> "UsageClient":
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def is_enabled(self) -> bool:
        """Whether anything is recorded."""
        return self._settings.is_enabled

    def record(self, event: UsageEvent) -> None:
        """Keep an event; when this returns it is on the disk. See `record_many`."""
        self.record_many((event,))

    def record_many(self, events: Iterable[UsageEvent]) -> None:
        """Keep all of these events or none; when this returns they are on the disk, with one write for all.

        An event that waits already is kept once. Raises IdempotencyConflict when one waits with other content, SpoolFull and
        SpoolUnavailable.
        """
        if self._parts is None:
            return
        given = list(events)
        with self._parts.spool.transaction() as conn:
            done = waiting.put(conn, given, now=self._now(), max_events=self._settings.max_events)
            if Put.CONFLICT in done:
                event = given[done.index(Put.CONFLICT)]
                raise IdempotencyConflict(
                    f"{event.idempotency_key!r} of {event.metric!r} waits already with other content: take that one back by a "
                    "new event that voids it, or, where it is held,  python -m fcb_host give-up  and  drop  it"
                )
        self.wake()

    def flush(self, timeout: float, *, ignores_pause: bool = False) -> bool:
        """Send in this thread, for at most about `timeout` seconds; answers whether nothing waits any more.

        Ends early when nothing becomes due in time. A request that runs is not cut off: it may end later by its own timeout.
        `ignores_pause` makes the first attempt at once, such as after a person mended what was wrong.
        """
        if self._parts is None:
            return True
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            progress = self._parts.sender.send(ignores_pause=ignores_pause, patience_seconds=left)
            ignores_pause = False
            if progress is not Progress.SENT:
                seconds = self._seconds_until_due()
                if seconds is None or seconds > deadline - time.monotonic():
                    break
                time.sleep(max(seconds, _POLL_SECONDS))
        return self.status().queued == 0

    def status(self) -> Status:
        """How it stands, by all processes on this spool."""
        if self._parts is None:
            return Status(is_enabled=False)
        with self._parts.spool.reading() as conn:
            return condition.status(conn, now=self._now())

    def refused(self, *, after: int = 0, most: int = 1000) -> list[RefusedEvent]:
        """The events that wait for a person, by number."""
        if self._parts is None:
            return []
        with self._parts.spool.reading() as conn:
            return refusals.listed(conn, after=after, most=most)

    def retry(self, numbers: Sequence[int] | None = None) -> int:
        """Send refused events again, all or some; answers how many. An unreadable row is read again instead, not retried."""
        if self._parts is None:
            return 0
        with self._parts.spool.transaction() as conn:
            return refusals.retry(conn, numbers, now=self._now())

    def give_up(self, code: str, *, subscription: str | None = None) -> GivenUp:
        """Refuse now what is held for a code, of one subscription or of all, so that it can be dropped.

        What may be stored, because its last sending is not answered, is left: `flush` until it is answered, then ask again.
        """
        if self._parts is None:
            return GivenUp(refused=0, left=0)
        with self._parts.spool.transaction() as conn:
            return refusals.give_up(conn, code, subscription, now=self._now())

    def drop(self, numbers: Sequence[int]) -> int:
        """Forget refused events, for good; answers how many."""
        if self._parts is None:
            return 0
        with self._parts.spool.transaction() as conn:
            return refusals.drop(conn, numbers)

    def close(self, timeout: float = 5.0) -> None:
        """Stop the thread and close the spool, in about `timeout` seconds; what waits is sent by the next process."""
        if self._parts is not None:
            self._parts.close(timeout)

    @property
    def spool(self) -> Spool | None:
        """The spool, for a reader; None when off."""
        return None if self._parts is None else self._parts.spool

    @property
    def max_events(self) -> int:
        """As many events the spool may hold."""
        return self._settings.max_events

    def wake(self) -> None:
        """Let the background thread look now, if there shall be one: something was put into the spool."""
        if self._parts is not None and self._settings.sends_in_background:
            self._parts.background.ensure()
            self._parts.background.wake()

    def _seconds_until_due(self) -> float | None:
        if self._parts is None:
            return None
        now = self._now()
        with self._parts.spool.reading() as conn:
            due, paused = waiting.next_due(conn), condition.pause(conn, now=now).until
        return None if due is None else max(due - now, paused - now, 0) / 1000

    def _now(self) -> int:
        return round(self._clock() * 1000)


class _Parts:
    """What exists only while it is on."""

    def __init__(
        self,
        spool: Spool,
        settings: Settings,
        clock: Callable[[], float],
        chance: Chance,
        on_refused: Callable[[RefusedEvent], None] | None,
    ) -> None:
        self.spool = spool
        means = Means(
            spool=spool,
            transport=Transport(settings, clock),
            settings=settings,
            clock=clock,
            chance=chance,
            on_refused=on_refused,
        )
        self.sender = Sender(means)
        self.background = Background(self.sender, settings)
        _ON.add(self)

    def close(self, timeout: float) -> None:
        self.background.stop(timeout)
        self.sender.close(timeout)
        self.spool.close()

    def after_fork(self) -> None:
        self.sender.after_fork()
        self.background.after_fork()


_ON: "weakref.WeakSet[_Parts]" = weakref.WeakSet()


def _after_fork() -> None:
    for parts in list(_ON):
        parts.after_fork()


os.register_at_fork(after_in_child=_after_fork)
