"""Lanes: the batches of one piece of work sent to Odoo by several threads at once.

Owns: the threads, and what becomes of the others when one fails. Does not own: how large a batch is (pace), how many calls go
on at once over all our processes (store/slots): a lane whose call finds no slot free waits.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from fcb_pipelines.domain.errors import RolledBack
from fcb_pipelines.odoo.pace import Clock, Pace

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int], None]
"""Told how many records were done since it was last told; always by the thread that asked for the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """How many calls one piece of work makes at once, and the clock that each is measured by, in the thread that makes it."""

    count: int = 1
    clock: Clock = time.monotonic

    def pace(self) -> Pace:
        """The pace that they share, for one piece of work."""
        return Pace(self.clock, lanes=self.count)


ONE_LANE = Lanes()


def in_lanes(pace: Pace, items: Sequence[Item], work: Callable[[Sequence[Item]], Result], progress: Progress) -> list[Result]:
    """What the work makes of all items, in batches and in no certain order; with one lane in the thread that asks.

    The work must be such that doing it twice is as good as once, and batches must not need each other. What fails in one lane,
    or comes to the thread that asks, is raised when the calls under way in the others have ended; no further one begins, and
    what they did is not told.

    `RolledBack` alone is no failure yet: two batches may have wanted the same row of Odoo's, such as a counter without gaps.
    That batch, and all after it, is sent when the others have ended, in a single lane.
    """
    batches, results = pace.batches(items), list[Result]()

    def ended(batch: Sequence[Item], result: Result) -> None:
        results.append(result)
        progress(len(batch))

    collided = _side_by_side(pace, batches, work, ended) if pace.lanes > 1 else []
    for batch in chain(collided, batches):
        ended(batch, work(batch))
    return results


def _side_by_side(
    pace: Pace,
    batches: Iterator[Sequence[Item]],
    work: Callable[[Sequence[Item]], Result],
    ended: Callable[[Sequence[Item], Result], None],
) -> list[Sequence[Item]]:
    """Work until no batch is left or one was rolled back; those that were."""
    under_way: dict[Future[Result], Sequence[Item]] = {}
    collided: list[Sequence[Item]] = []
    with ThreadPoolExecutor(pace.lanes, thread_name_prefix="odoo") as threads:
        try:
            while under_way or not collided:
                free = 0 if collided else pace.lanes - len(under_way)
                under_way |= {threads.submit(work, batch): batch for batch in islice(batches, free)}
                if not under_way:
                    break
                wait(under_way, return_when=FIRST_COMPLETED)
                for each in [each for each in under_way if each.done()]:
                    collided += _rolled_back(each, under_way.pop(each), ended)
        except BaseException:
            # Leaving the block waits for the calls under way.
            pace.give_up()
            raise
    return collided


def _rolled_back(
    done: Future[Result], batch: Sequence[Item], ended: Callable[[Sequence[Item], Result], None]
) -> list[Sequence[Item]]:
    """The batch, if it was; else nothing. Raises what it failed with."""
    try:
        result = done.result()
    except RolledBack:
        return [batch]
    ended(batch, result)
    return []
