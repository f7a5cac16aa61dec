"""Coverage: the share of billed money and of due subscriptions that is decided.

Owns: the three shares of a month, per currency and on absolute amounts. Does not own: verdicts (rows).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.rows import DECIDED, Instance, Row, Verdict

NOTHING_BILLED = "nothing billed"
NOTHING_DUE = "nothing due"
PROVED = frozenset({Verdict.MATCH, Verdict.EXPLAINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Shares from 0 to 1 as text with four decimals, cut and never rounded up; an empty denominator says so in words."""

    money: Mapping[str, str]
    """Per currency: Σ|net| of actual lines that are decided ÷ Σ|net| of all."""
    proved_money: Mapping[str, str]
    """Per currency: matched and explained ones only."""
    subscriptions: str
    """Due subscriptions with a decided row ÷ due ones."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing billed and nothing due is left undecided."""
        shares = {*self.money.values(), self.subscriptions} - {NOTHING_BILLED, NOTHING_DUE}
        return shares <= {"1.0000"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Rows of which it is known that all of them agree, in one currency."""

    currency: str
    due: int
    """Of the rows: those of which something is due."""
    billed: Decimal
    """Σ|net|."""


def coverage(rows: Sequence[Row], currency: str, agreed: Sequence[Agreed] = ()) -> Coverage:
    """The coverage of a month's rows, and of those that agree; `currency` is named even where nothing was billed in it."""
    instances = [instance for row in rows for instance in row.instances]
    due = [row for row in rows if row.is_due and row.external_subscription_id is not None]
    decided = sum(all(is_decided(one) or one.verdict is Verdict.NOTHING_DUE for one in row.instances) for row in due)
    besides = sum(one.due for one in agreed)
    return Coverage(
        money=_shares(instances, is_decided, currency, agreed),
        proved_money=_shares(instances, _is_proved, currency, agreed),
        subscriptions=share(Decimal(decided + besides), Decimal(len(due) + besides), NOTHING_DUE),
    )


def is_decided(instance: Instance) -> bool:
    """Whether somebody or something decided it: what is carried only once its successor is known."""
    return instance.verdict in DECIDED and (
        instance.verdict is not Verdict.CARRIED or instance.explanation.successor is not None
    )


def _is_proved(instance: Instance) -> bool:
    return instance.verdict in PROVED


def _shares(
    instances: Sequence[Instance], counts: Callable[[Instance], bool], currency: str, agreed: Sequence[Agreed]
) -> dict[str, str]:
    decided: dict[str, Decimal] = defaultdict(Decimal)
    billed: dict[str, Decimal] = defaultdict(Decimal, {currency: ZERO})
    for one in agreed:
        billed[one.currency] += one.billed
        decided[one.currency] += one.billed
    for instance in instances:
        billed[instance.currency] += instance.billed.amount
        if counts(instance):
            decided[instance.currency] += instance.billed.amount
    return {code: share(decided[code], billed[code], NOTHING_BILLED) for code in sorted(billed)}


def share(part: Decimal, whole: Decimal, if_empty: str) -> str:
    """A share as text with four decimals: cut, not rounded, because 99.999 % must never read as complete."""
    return f"{int(Fraction(part) / Fraction(whole) * 10_000) / Decimal(10_000):.4f}" if whole else if_empty
