"""Pace: how many records the next call to Odoo takes, by how long the last ones took.

Owns: the size of a batch, and that there is no further one once the work is given up. Does not own: what is in it (records,
removal), the threads that send it (lanes), or how many calls run at once (store/slots). The seconds in here steer the pace and
nothing else.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from math import ceil
from typing import TypeVar

Item = TypeVar("Item")
Clock = Callable[[], float]
"""Seconds since some moment, such as `time.monotonic`."""

FEWEST, MOST = 10, 1000
FIRST = 100
TARGET_SECONDS = 4.0
"""What a call shall take. Odoo ends one after 60 seconds of its own processor time, and keeps nothing of it."""
_GROWTH = 4
"""A batch is at most this many times the last one: one quick call is no proof that a far larger one is."""

_PARTS = 8
"""What is left is shared among the lanes in batches of at least this part of the pace: a call alone costs some hundredths of a
second, and the last lane to end is alone for half a second at most."""


class Pace:
    """The size of batches of one kind of work: grows towards the target, shrinks after a slow call or one without an answer.

    Several lanes share one pace: what a call takes beside others is what the next will take beside others.
    """

    def __init__(self, clock: Clock, *, lanes: int = 1) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._is_over = False
        self.lanes = lanes
        self.size = FIRST

    def batches(self, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        """The items in order, each batch as large as the pace is when it is asked for, or a lane's share of what is left."""
        start = 0
        while start < len(items):
            share = max(ceil((len(items) - start) / self.lanes), self.size // _PARTS, FEWEST)
            batch = items[start : start + min(self.size, share)]
            start += len(batch)
            yield batch

    @contextmanager
    def measured(self, count: int) -> Iterator[None]:
        """Take the time of one call with `count` records, by the clock of the thread that makes it.

        A call that raises tells nothing of the pace. Raises CancelledError once the work was given up.
        """
        if self._is_over:
            raise CancelledError("another call of the same work failed")
        started = self._clock()
        yield
        self._took(count, self._clock() - started)

    def unanswered(self) -> None:
        """Halve: a call was too large to be answered in time, or that may be why it was not."""
        with self._lock:
            self.size = max(FEWEST, self.size // 2)

    def give_up(self) -> None:
        """Let no further call of this work begin, whichever thread would make it."""
        self._is_over = True

    @property
    def is_slowest(self) -> bool:
        """Whether the next batch cannot be smaller."""
        return self.size == FEWEST

    def _took(self, count: int, seconds: float) -> None:
        fitting = int(count * TARGET_SECONDS / max(seconds, TARGET_SECONDS / MOST))
        with self._lock:
            # A batch smaller than the pace is a rest, or of the time before it grew; what a large one takes it does not tell.
            if count >= self.size or seconds >= TARGET_SECONDS:
                self.size = min(max(fitting, FEWEST), self.size * _GROWTH, MOST)
