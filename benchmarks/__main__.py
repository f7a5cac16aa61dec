"""`make bench`: each figure beside its limit, measured in one run on this machine.

Owns: which figures there are and their limits. Figures are wall-clock seconds of whole processes or steps; a share above 1 is a
missed goal. Nothing here is a test: a busy machine is slower, so read figures beside each other.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import demo, late_usage, reconciling, usage, voids


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure and the most it may be."""

    name: str
    limit: float
    unit: str = "s"


GOALS = (
    Goal(name="fresh clone to printed summary", limit=90),
    Goal(name="processing beyond the import of Great Expectations", limit=15),
    Goal(name="code location loads", limit=5),
    Goal(name="Dagster page up", limit=30),
    Goal(name="second import that changes nothing", limit=15),
    Goal(name="real usage kept, beside a bare COPY of the same rows", limit=20, unit="× its time"),
    Goal(name="10,000 late events of 1,000 subscriptions adjusted", limit=2),
    Goal(name="1,000 events of one subscription taken back, beside storing them", limit=3, unit="× its time"),
    Goal(name="1,000,000 rows reconciled, beside a bare full outer join", limit=6, unit="× its time"),
)


def figures() -> Iterator[tuple[Goal, float]]:
    """Measure what can be measured here, one goal after the other."""
    measures: tuple[Callable[[], float | None], ...] = (
        demo.fresh_clone_to_summary,
        demo.processing_beyond_gx,
        demo.code_location,
        demo.page_up,
        demo.second_import,
        usage.kept_beside_copy,
        late_usage.seconds,
        voids.beside_storing,
        reconciling.beside_a_join,
    )
    for goal, measure in zip(GOALS, measures, strict=True):
        print(f"measuring: {goal.name} …", file=sys.stderr, flush=True)
        found = measure()
        if found is None:
            print(f"left out: {goal.name} (its data is not on this machine)", file=sys.stderr)
        else:
            yield goal, found


def main() -> None:
    """Print one line per figure."""
    print(f"{'figure':<66} {'measured':>10} {'limit':>8} {'share':>6}")
    for goal, found in figures():
        print(f"{goal.name:<66} {found:>10.2f} {goal.limit:>8.0f} {found / goal.limit:>6.2f}  {goal.unit}", flush=True)


if __name__ == "__main__":
    main()
