"""The figures of a period, per currency: where the money is.

Owns: the five numbers, the sums by verdict, the steps from what our model bills to what was billed. Does not own: which rows
are behind a number (selections), how a figure is shown (amounts, pages).

Each sum over verdicts, and each waterfall, closes to the cent: it is taken from the same instances.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.domain.clean import is_without_successor
from fcb_pipelines.domain.coverage import PROVED
from fcb_pipelines.domain.money import ZERO, Money, amount_text, total
from fcb_pipelines.domain.rows import Amounts, Instance, Row, Verdict
from fcb_pipelines.report.stakes import cause

MOST_STEPS = 12
"""Steps of a waterfall, its two ends not counted; the smallest beyond them are one."""
OTHERS = "other causes"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSum:
    """The instances of one verdict in one currency."""

    verdict: Verdict
    rows: int
    instances: int
    expected: Money
    actual: Money
    difference: Money
    abs_difference: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureStep:
    """A step from what our model bills to what was billed."""

    cause: str
    change: Money
    """What it adds to what our model bills."""
    after: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A charge instance in the picture of both sides; an absent side is at nothing."""

    expected: Money
    actual: Money
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyFigures:
    """All figures of one currency; net."""

    currency: str
    billed: Money
    expected: Money
    proved: Money
    accepted: Money
    carried: Money
    carried_open: Money
    """Of the carried: without a successor."""
    undecided: Money
    """Of the billed."""
    unbilled: Money
    """Expected and not billed, undecided."""
    verdicts: tuple[VerdictSum, ...]
    waterfall: tuple[FigureStep, ...]
    points: tuple[Point, ...]


def figures(rows: Iterable[Row], own: str) -> tuple[CurrencyFigures, ...]:
    """The figures of each currency that a row has, the service's own first."""
    placed: dict[str, list[tuple[str, Instance]]] = defaultdict(list)
    for row in rows:
        for one in row.instances:
            placed[one.currency].append((row.row_id, one))
    return tuple(_of_currency(code, placed[code]) for code in sorted(placed, key=lambda code: (code != own, code)))


def summary(found: Iterable[CurrencyFigures], agreed: Mapping[str, Decimal] | None = None) -> dict[str, str]:
    """The five numbers of each currency by name, such as `billed CAD`, for whoever shows no pages.

    `agreed` is the net of rows that are not among those of the figures, and of which both sides agree, by currency.
    """
    agreed, figured = agreed or {}, {each.currency: each for each in found}
    every = [*figured.values(), *(_of_currency(currency, []) for currency in agreed if currency not in figured)]
    return {
        f"{name} {each.currency}": amount_text(amount.amount, each.currency)
        for each in every
        for besides in [Money(agreed.get(each.currency, ZERO), each.currency)]
        for name, amount in (
            ("billed", each.billed + besides),
            ("proved", each.proved + besides),
            ("accepted", each.accepted),
            ("carried", each.carried),
            ("undecided", each.undecided),
            ("due and not billed", each.unbilled),
        )
    }


def _of_currency(currency: str, placed: Sequence[tuple[str, Instance]]) -> CurrencyFigures:
    instances = [one for _, one in placed]

    def billed(verdicts: Iterable[Verdict]) -> Money:
        wanted = frozenset(verdicts)
        return actual_of((one for one in instances if one.verdict in wanted), currency)

    missing = (one for one in instances if one.verdict is Verdict.UNEXPLAINED and one.actual is None)
    return CurrencyFigures(
        currency=currency,
        billed=actual_of(instances, currency),
        expected=expected_of(instances, currency),
        proved=billed(PROVED),
        accepted=billed([Verdict.ACCEPTED]),
        carried=billed([Verdict.CARRIED]),
        carried_open=actual_of((one for one in instances if is_without_successor(one)), currency),
        undecided=billed([Verdict.UNEXPLAINED]),
        unbilled=expected_of(missing, currency),
        verdicts=tuple(_verdict_sums(currency, placed)),
        waterfall=_waterfall(currency, instances),
        points=tuple(_point(one) for one in instances if one.verdict is not Verdict.NOTHING_DUE),
    )


def _verdict_sums(currency: str, placed: Sequence[tuple[str, Instance]]) -> Iterable[VerdictSum]:
    for verdict in Verdict:
        found = [(row_id, one) for row_id, one in placed if one.verdict is verdict]
        if found:
            instances = [one for _, one in found]
            yield VerdictSum(
                verdict=verdict,
                rows=len({row_id for row_id, _ in found}),
                instances=len(found),
                expected=expected_of(instances, currency),
                actual=actual_of(instances, currency),
                difference=total((one.difference for one in instances), currency),
                abs_difference=total((abs(one.difference) for one in instances), currency),
            )


def _waterfall(currency: str, instances: Iterable[Instance]) -> tuple[FigureStep, ...]:
    """The causes by the size of what they change; what is billed otherwise than expected is −difference."""
    changes: dict[str, list[Money]] = defaultdict(list)
    expected = []
    for one in instances:
        expected.append(_net(one.expected, currency))
        if one.difference:
            changes[cause(one)].append(-one.difference)
    summed = {name: total(found, currency) for name, found in changes.items()}
    ranked = sorted(summed, key=lambda name: (-abs(summed[name]).amount, name))
    shown = [(name, summed[name]) for name in ranked[:MOST_STEPS]]
    if ranked[MOST_STEPS:]:
        shown.append((OTHERS, total((summed[name] for name in ranked[MOST_STEPS:]), currency)))
    after, steps = total(expected, currency), []
    for name, change in shown:
        after += change
        steps.append(FigureStep(cause=name, change=change, after=after))
    return tuple(steps)


def actual_of(instances: Iterable[Instance], currency: str) -> Money:
    """Σ net of the actual sides."""
    return total((_net(one.actual, currency) for one in instances), currency)


def expected_of(instances: Iterable[Instance], currency: str) -> Money:
    """Σ net of the expected sides."""
    return total((_net(one.expected, currency) for one in instances), currency)


def _point(one: Instance) -> Point:
    return Point(expected=_net(one.expected, one.currency), actual=_net(one.actual, one.currency), verdict=one.verdict)


def _net(side: Amounts | None, currency: str) -> Money:
    return Money(ZERO, currency) if side is None else side.net
