"""Pace: how many records the next call to Odoo takes, by how long the last ones took.

Owns: the size of a batch. Does not own: what is in it (records, removal), or how many calls run at once (store/slots). The
seconds in here steer the pace and nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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


class Pace:
    """The size of batches of one kind of work: grows towards the target, shrinks after a slow call or one without an answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.size = FIRST

    def batches(self, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        """The items in order, each batch as large as the pace is when it is asked for."""
        start = 0
        while start < len(items):
            batch = items[start : start + self.size]
            start += len(batch)
            yield batch

    @contextmanager
    def measured(self, count: int) -> Iterator[None]:
        """Take the time of one call with `count` records; a call that raises tells nothing of the pace."""
        started = self._clock()
        yield
        self._took(count, self._clock() - started)

    def unanswered(self) -> None:
        """Halve: a call was too large to be answered in time, or that may be why it was not."""
        self.size = max(FEWEST, self.size // 2)

    @property
    def is_slowest(self) -> bool:
        """Whether the next batch cannot be smaller."""
        return self.size == FEWEST

    def _took(self, count: int, seconds: float) -> None:
        if count < self.size and seconds < TARGET_SECONDS:
            # The rest of the items was a small batch; what a large one takes it does not tell.
            return
        fitting = int(count * TARGET_SECONDS / max(seconds, TARGET_SECONDS / MOST))
        self.size = min(max(fitting, FEWEST), self.size * _GROWTH, MOST)
