"""What is at stake in a charge instance, and which cause it is counted under.

Owns: the weight of an open instance, the label of a difference. Does not own: whether it is open (domain/clean), verdicts.
"""

from collections.abc import Iterable

from fcb_pipelines.domain.clean import Against, asks_for_our_model, is_without_successor
from fcb_pipelines.domain.money import ZERO, Money, total
from fcb_pipelines.domain.rows import Amounts, Instance, Remedy, Row, Verdict

UNDECIDED = "undecided"
_WHERE_BILLED = frozenset({"consolidated_invoice"})
"""Causes that say where it was billed, not why it is another amount."""


def against(instance: Instance) -> Against | None:
    """What stands against a period because of an instance; None where nothing does."""
    if instance.verdict is Verdict.UNEXPLAINED:
        return Against.UNEXPLAINED
    if is_without_successor(instance):
        return Against.NO_SUCCESSOR
    return Against.FIX_MODEL if asks_for_our_model(instance) else None


def stake(instance: Instance) -> Money:
    """The larger of |net difference| and |tax difference|; where both are nothing, what was billed."""
    tax = _tax(instance.expected, instance.currency) - _tax(instance.actual, instance.currency)
    return max(abs(instance.difference), abs(tax)) or instance.billed


def stakes(instances: Iterable[Instance], currency: str) -> Money:
    """What is at stake in instances of one currency."""
    return total((stake(one) for one in instances), currency)


def cause(instance: Instance) -> str:
    """Under which name a difference is counted: its causes, its kind where it is carried, or that nobody decided it."""
    if instance.verdict is Verdict.UNEXPLAINED:
        return UNDECIDED
    if instance.verdict is Verdict.CARRIED:
        return f"carried: {instance.charge}"
    if instance.verdict is Verdict.ACCEPTED:
        return "accepted"
    return causes(instance) or instance.verdict.value


def causes(instance: Instance, remedy: Remedy | None = None) -> str:
    """The names of its causes, or of those with a remedy; those that say where it was billed only where there are no others."""
    found = {one.cause for one in instance.explanation.findings if remedy is None or one.remedy is remedy}
    return " + ".join(sorted(found - _WHERE_BILLED or found))


def open_instances(row: Row) -> tuple[Instance, ...]:
    """Those that stand against the period."""
    return tuple(one for one in row.instances if against(one) is not None)


def _tax(side: Amounts | None, currency: str) -> Money:
    return Money(ZERO, currency) if side is None or side.tax is None else side.tax
