"""What `make faults` prints: a line per kind of fault, and what became of messages on their way."""

from collections import Counter
from collections.abc import Iterable, Sequence

from fcb_pipelines_tests.faults.journey.judged import Verdict as Arrived
from fcb_pipelines_tests.faults.rounds import Round

Journey = tuple[Counter[str], int, Arrived]
"""A round of messages on their way: how often what befell whom, how many messages there were, and what is wrong."""

HEADINGS = ("fault", "rounds", "calls disturbed", "asked again", "run again", "duplicates", "lost", "different")


def table(rounds: Sequence[Round]) -> list[str]:
    """The lines, the last of them with the sums."""
    kinds = sorted({each.what.fault.value for each in rounds})
    rows = [(kind, *figures(each for each in rounds if each.what.fault.value == kind)) for kind in kinds]
    lines = [HEADINGS, *(tuple(map(str, row)) for row in (*rows, ("all", *figures(rounds))))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return [_laid_out(line, widths) for line in lines]


def figures(rounds: Iterable[Round]) -> tuple[int, ...]:
    """Rounds, calls disturbed, calls asked again, steps run again, duplicates, lost, and what is otherwise wrong."""
    each = tuple(rounds)
    verdicts = [verdict for one in each for verdict in one.verdicts.values()]
    return (
        len(each),
        sum(one.disturbed for one in each),
        sum(one.retried for one in each),
        sum(len(one.ended) - 1 for one in each),
        sum(len(verdict.duplicates) for verdict in verdicts),
        sum(len(verdict.lost) for verdict in verdicts),
        sum(len(verdict.different) for verdict in verdicts),
    )


def journeys(played: Sequence[Journey]) -> list[str]:
    """How often what befell whom, and the sums."""
    struck = sum((each for each, _, _ in played), Counter[str]())
    verdicts = [verdict for _, _, verdict in played]
    sums = {
        "rounds": len(played),
        "messages": sum(messages for _, messages, _ in played),
        "lost": sum(len(each.lost) for each in verdicts),
        "duplicate effects": sum(len(each.duplicates) for each in verdicts),
        "ghosts": sum(len(each.ghosts) for each in verdicts),
        "otherwise different": sum(len(each.different) for each in verdicts),
    }
    rows = [*sorted(struck.items()), *sums.items()]
    width = max(len(what) for what, _ in rows)
    return [f"{what.ljust(width)}  {count:>7,}" for what, count in rows]


def _laid_out(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(line, widths, strict=True)
    return "  ".join((first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)))
