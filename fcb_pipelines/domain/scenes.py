"""Scenes: what a month's matching left to be judged, and the causes that judge it.

Owns: what a judging cause is given, and its answer. Does not own: the causes (`causes`, one file each), how amounts are
predicted (steps), how sides meet (matching).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.carried import Item, Successor
from fcb_pipelines.domain.case import NO_RECORDS, Cause, Records
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.matching import Left, Met
from fcb_pipelines.domain.rows import Finding
from fcb_pipelines.domain.steps import all_causes
from fcb_pipelines.domain.tax import TaxRounding


class View(StrEnum):
    """What is looked at."""

    ABSENT = "absent"
    """An instance that nothing was billed for."""
    LEFT = "left"
    """A line that met no instance."""
    MET = "met"
    """Instances and lines whose amounts agree, by whatever prediction."""
    TAX = "tax"
    """Lines whose tax does not follow from their net under the declared convention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What is known of the month beside its instances and lines."""

    as_of: datetime
    """The time of the snapshot, so that the same snapshot gives the same answers whenever it is looked at."""
    closes_at: datetime
    """The month's end and the lag after it: before, what is absent is not yet issued."""
    lag: timedelta = timedelta(0)
    """How long after an instance is due its invoice must have been issued."""
    zone: ZoneInfo
    records: Records = NO_RECORDS
    tax_rounding: TaxRounding = TaxRounding.LINE
    billing_states: Mapping[str, BillingState] = field(default_factory=dict)
    internal: frozenset[str] = frozenset()
    """Accounts of the service itself."""
    paying: frozenset[str] = frozenset()
    """Customers who ever paid an invoice, or have a payment method stored."""
    untold: Mapping[str, Sequence[ActualLine]] = field(default_factory=dict)
    """Customer → lines of any month of which no record says what they pay for."""
    alive: frozenset[str] = frozenset()
    """Subscriptions that live in the month."""
    successors: Mapping[Item, Successor] = field(default_factory=dict)
    """What people said of carried items."""
    recurring: frozenset[Item] = frozenset()
    """Carried items that are billed again and again."""

    def decides_at(self, one: ExpectedLine) -> datetime:
        """When it is told whether an instance was billed: with the month, or later where it is due later, as in arrears."""
        return max(self.closes_at, one.due_at + self.lag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a judging cause is given."""

    view: View
    month: Month
    expected: tuple[ExpectedLine, ...] = ()
    lines: tuple[ActualLine, ...] = ()
    met: Met | None = None
    left: Left | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingCause(Cause):
    """A cause that says something of what met, or did not meet."""

    view: View
    judge: Callable[[Scene], Finding | None]
    """What it finds; None where its records say nothing of the scene."""
    explains: bool
    """Whether what it finds decides; a leak or a second bill is named and never explained."""
    rank: int = 0
    """Place among the causes of one view: the first that finds something says it."""
    kinds: tuple[str, ...] = ()
    """Kinds of records about a subscription or its customer by which it says something of bills that agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What was found, and whether that explains it."""

    finding: Finding
    explains: bool


@cache
def judging_causes(view: View) -> tuple[JudgingCause, ...]:
    """The causes of a view, in order."""
    found = [cause for cause in all_causes() if isinstance(cause, JudgingCause) and cause.view is view]
    return tuple(sorted(found, key=lambda cause: (cause.rank, cause.name)))


def kinds_looked_at() -> frozenset[str]:
    """Kinds of records about a subscription or its customer by which a cause may say something of bills that agree."""
    return frozenset(kind for cause in judging_causes(View.MET) for kind in cause.kinds)


def judged(scene: Scene) -> tuple[Judgement, ...]:
    """Everything that the causes of its view say of a scene."""
    found = ((cause, cause.judge(scene)) for cause in judging_causes(scene.view))
    return tuple(Judgement(finding=finding, explains=cause.explains) for cause, finding in found if finding is not None)


def first_judged(scene: Scene) -> Judgement | None:
    """What the first cause of its view says that finds anything."""
    return next(iter(judged(scene)), None)
