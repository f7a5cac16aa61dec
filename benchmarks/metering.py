"""`make bench-metering`: how fast pushed usage is taken, server and Postgres included, beside what Postgres alone can do.

`fcb serve` runs as an operator starts it, with one worker, on an embedded Postgres that waits for the disk; who pushes is
another process. Two servers take turns, one on an empty store and one in which `--stored` events lie already, and a figure is
the median of its rounds: a busy machine is slower from one minute to the next, so read ratios rather than rates.

- Batches: events a second of batches of 1,000, all subscriptions in turn, over `--connections`; ÷ the rate of a bare
  `INSERT … ON CONFLICT DO NOTHING` of the same rows into such a table with one key, a thousand in a transaction.
- Single events: one event a request, `--rate` a second whatever is answered; milliseconds from when an event was due.
- Memory: the most that the server had over the last tenth of `--soak` events ÷ that over the first tenth.
- The host's client: events a second into its spool, and from there to the server, with one connection.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.metering_client import BATCH
from benchmarks.metering_server import Bench, bare, bench, copied, fill, postgres

EMPTY, FULL = "empty", "full"
Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured, and the least or the most that it shall be; neither where it is only told."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def is_missed(self) -> bool:
        """Whether it is not what it shall be."""
        return (self.least is not None and self.value < self.least) or (self.most is not None and self.value > self.most)

    @property
    def goal(self) -> str:
        """What it shall be, in words."""
        if self.least is not None:
            return f"≥ {self.least:g}"
        return "" if self.most is None else f"≤ {self.most:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of batches came to, in events a second."""

    pushed: float
    inserted: float
    copied: float


def batch_round(made: Bench, given: argparse.Namespace) -> Round:
    """One round of batches, and Postgres alone with the same rows right after it."""
    first, events = made.batches, given.batches * BATCH
    seconds = made.push("batches", batches=given.batches, connections=given.connections)["seconds"]
    rows = made.rows(first, given.batches)
    if len(rows) != events:
        raise RuntimeError(f"{len(rows)} of {events} events are stored")
    return Round(pushed=events / seconds, inserted=events / bare(made, rows), copied=events / copied(made, rows))


def batch_figures(benches: list[Bench], given: argparse.Namespace) -> Iterator[Figure]:
    rounds = in_turns(benches, given.rounds, lambda made: batch_round(made, given))
    own = [each[0] for each in rounds]
    yield Figure(name="batches of 1,000", value=median(one.pushed for one in own), unit="events/s", least=10_000)
    ratio = median(one.pushed / one.inserted for one in own)
    yield Figure(name="… ÷ a bare INSERT … ON CONFLICT", value=ratio, unit="×", least=0.4)
    yield Figure(name="the bare INSERT alone", value=median(one.inserted for one in own), unit="events/s")
    yield Figure(name="one COPY of the same rows", value=median(one.copied for one in own), unit="events/s")
    if len(benches) > 1:
        share = median(full.pushed / empty.pushed for empty, full in rounds)
        yield Figure(name=f"batches with {given.stored:,} events stored ÷ without", value=share, unit="×", least=0.9)


def single_figures(benches: list[Bench], given: argparse.Namespace) -> Iterator[Figure]:
    rounds = in_turns(benches, given.single_rounds, lambda made: made.push("singles", rate=given.rate, seconds=given.seconds))
    for number, made in enumerate(benches):
        of_one = [each[number] for each in rounds]
        what = f"single events at {given.rate}/s{'' if made.name == EMPTY else f', {given.stored:,} stored'}"
        for name, most in (("p50", None), ("p95", 25.0), ("p99", None), ("most", None)):
            yield Figure(name=f"{what}: {name}", value=median(each[name] for each in of_one), unit="ms", most=most)
        answered = median(each["rate"] for each in of_one)
        yield Figure(name=f"{what}: answered", value=answered, unit="events/s", least=0.9 * given.rate)


def host_figures(made: Bench, given: argparse.Namespace) -> Iterator[Figure]:
    pace = made.push("host", batches=given.batches)
    yield Figure(name="the host's client: to its spool", value=given.batches * BATCH / pace["recorded"], unit="events/s")
    yield Figure(name="the host's client: to the server", value=given.batches * BATCH / pace["sent"], unit="events/s")


def memory_figures(made: Bench, given: argparse.Namespace) -> Iterator[Figure]:
    with made.watched() as samples:
        seconds = made.push("batches", batches=given.soak // BATCH, connections=given.connections)["seconds"]
    tenth = max(1, len(samples) // 10)
    first, last = max(samples[:tenth]), max(samples[-tenth:])
    yield Figure(name=f"batches over {given.soak:,} events", value=given.soak / seconds, unit="events/s")
    yield Figure(name="memory at the end", value=last / 1024, unit="MiB")
    yield Figure(name="memory over the last tenth ÷ over the first", value=last / first, unit="×", most=1.1)


def in_turns(benches: list[Bench], rounds: int, measure: Callable[[Bench], Measured]) -> list[list[Measured]]:
    """What each server came to in each round; who begins changes, for the disk still writes what the one before left."""
    found: list[list[Measured]] = []
    for number in range(rounds):
        order = benches if number % 2 == 0 else benches[::-1]
        of_round = {made.name: measure(made) for made in order}
        found.append([of_round[made.name] for made in benches])
    return found


def median(values: Iterator[float]) -> float:
    return statistics.median(values)


def figures(given: argparse.Namespace) -> Iterator[Figure]:
    """Measure one after the other."""
    with ExitStack() as stack:
        admin = stack.enter_context(postgres())
        names = [EMPTY, *([FULL] if given.stored else [])]
        benches = [stack.enter_context(bench(admin, name, subscriptions=given.subscriptions)) for name in names]
        for made in benches[1:]:
            print(f"storing {given.stored:,} events …", file=sys.stderr, flush=True)
            fill(made, given.stored)
        yield from batch_figures(benches, given)
        yield from single_figures(benches, given)
        yield from host_figures(benches[0], given)
        yield from memory_figures(benches[0], given)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metering", description="How fast pushed usage is taken.")
    for name, default, text in (
        ("--rounds", 5, "rounds of batches"),
        ("--batches", 100, "batches of 1,000 in a round"),
        ("--connections", 4, "requests under way at once"),
        ("--subscriptions", 1000, "subscriptions that the events are of"),
        ("--single-rounds", 3, "rounds of single events"),
        ("--seconds", 20, "seconds of a round of single events"),
        ("--rate", 500, "single events a second"),
        ("--stored", 10_000_000, "events stored already, for the second server; 0 leaves it out"),
        ("--soak", 2_000_000, "events over which memory is watched"),
    ):
        parser.add_argument(name, type=int, default=default, help=f"{text} ({default:,})")
    return parser.parse_args()


def main() -> None:
    """Print one line per figure; ends with 1 if one misses its goal."""
    is_missed = False
    print(f"{'figure':<60} {'measured':>10} {'goal':>9}")
    for figure in figures(parsed()):
        print(f"{figure.name:<60} {figure.value:>10,.2f} {figure.goal:>9}  {figure.unit}", flush=True)
        is_missed |= figure.is_missed
    sys.exit(is_missed)


if __name__ == "__main__":
    main()
