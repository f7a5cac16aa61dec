"""Prints the figures of docs/explanations.md: `python -m fcb_pipelines_tests.seeded.figures [SIZE …]`.

Owns: how often each size is made, and the table. Takes minutes, which is why the tests make less of each.
"""

import sys
import time

from fcb_pipelines_tests.seeded.disturbing import explained_at_random, still_explained_a_cent_off
from fcb_pipelines_tests.seeded.generator import clean, seeded
from fcb_pipelines_tests.seeded.harness import reconciled, sides
from fcb_pipelines_tests.seeded.host import dice
from fcb_pipelines_tests.seeded.measures import Measured, measure

TIMES = {10: 100, 100: 30, 1000: 6, 10_000: 2}
RANDOM_AMOUNTS = 10_000
CENTS = 500


def of_size(size: int) -> str:
    """The figures of services of a size, as a row of the table."""
    found, invented, seconds = Measured(), 0, 0.0
    for seed in range(TIMES[size]):
        host = seeded(seed, size)
        world, before = host.world(), time.monotonic()
        rows = reconciled(sides(world))
        seconds += time.monotonic() - before
        measure(rows, host.truths, found)
        untouched = clean(seed, size)
        invented += len(measure(reconciled(sides(untouched.world())), untouched.truths).invented)
    if found.missed or found.unseen or found.invented or found.false:
        sys.stderr.write(f"{size}: {found}\n")
    unfound = len(found.unseen) + len(found.invented)
    row = (
        f"{size:,}",
        TIMES[size],
        f"{found.planted:,}",
        unfound,
        f"{found.explainable:,}",
        f"{found.share:.2%}",
        len(found.false),
    )
    return "| " + " | ".join(map(str, (*row, invented, f"{seconds / TIMES[size]:.2f} s"))) + " |"


def at_random() -> str:
    """How many random amounts are explained by the true records beside them."""
    rng, tried, hits, seed = dice(5), 0, list[str](), 0
    while tried < RANDOM_AMOUNTS:
        found, again = explained_at_random(seeded(seed, 1000, share=0.9), rng, every=4)
        tried, hits, seed = tried + found, hits + again, seed + 1
    return f"{len(hits)} of {tried:,} random amounts explained ({len(hits) / tried:.3%}): {hits[:5]}"


def a_cent_off() -> str:
    """How many explained instances are still explained a cent off."""
    tried, hits, seed = 0, list[str](), 100
    while tried < CENTS:
        found, still = still_explained_a_cent_off(seeded(seed, 25, share=0.8))
        tried, hits, seed = tried + found, hits + still, seed + 1
    return f"{len(hits)} of {tried:,} explained instances still explained a cent off: {hits[:5]}"


def main(sizes: list[int]) -> None:
    """Print what is asked for."""
    for size in sizes or TIMES:
        sys.stdout.write(f"{of_size(size)}\n")
        sys.stdout.flush()
    if not sizes:
        sys.stdout.write(f"{a_cent_off()}\n{at_random()}\n")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])
