"""The records of a reconciliation: instances and rows, their statuses and verdicts.

Owns: what a row is and how its figures follow from its instances. Does not own: how sides meet (matching, reconciliation).
A difference is expected − actual.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fcb_pipelines.domain.money import ZERO, Money, total


class Status(StrEnum):
    """How the two sides of an instance or a row compare."""

    MATCH = "match"
    DELTA = "delta"
    ONLY_EXPECTED = "only_expected"
    ONLY_ACTUAL = "only_actual"
    NOTHING_DUE = "nothing_due"


class Verdict(StrEnum):
    """What is decided about a status, from best to worst."""

    NOTHING_DUE = "nothing_due"
    MATCH = "match"
    EXPLAINED = "explained"
    CARRIED = "carried"
    ACCEPTED = "accepted"
    UNEXPLAINED = "unexplained"


DECIDED = frozenset({Verdict.MATCH, Verdict.EXPLAINED, Verdict.CARRIED, Verdict.ACCEPTED})
_WORST_LAST = tuple(Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """One side of a comparison. Tax and gross are absent where the tax is undecided."""

    net: Money
    tax: Money | None
    gross: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A record that an instance rests on."""

    kind: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One charge instance compared, or actual lines that no instance stands behind."""

    charge: str
    service_from: datetime | None
    service_to: datetime | None
    due_at: datetime | None
    currency: str
    expected: Amounts | None
    actual: Amounts | None
    status: Status
    verdict: Verdict
    is_due: bool
    billed: Money
    """Σ|net| of its actual lines: the weight of the instance in the coverage."""
    notes: tuple[str, ...] = ()
    evidence: tuple[Reference, ...] = ()

    @property
    def difference(self) -> Money:
        """Expected net − actual net; an absent side counts as nothing."""
        return _net(self.expected, self.currency) - _net(self.actual, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One (service, subscription, month) with its instances, or one actual line that belongs to no subscription."""

    row_id: str
    external_subscription_id: str | None
    external_user_id: str
    currency: str
    line_key: str | None
    external_invoice_ids: tuple[str, ...]
    instances: tuple[Instance, ...]
    notes: tuple[str, ...] = ()

    @property
    def expected(self) -> Amounts | None:
        """Sum of the expected sides; absent where all are."""
        return _summed([i.expected for i in self.instances], self.currency)

    @property
    def actual(self) -> Amounts | None:
        """Sum of the actual sides; absent where all are."""
        return _summed([i.actual for i in self.instances], self.currency)

    @property
    def difference(self) -> Money:
        """Expected net − actual net of the whole row; may hide errors that cancel, `abs_difference` does not."""
        return total((i.difference for i in self.instances), self.currency)

    @property
    def abs_difference(self) -> Money:
        """Σ|difference| of the instances."""
        return total((abs(i.difference) for i in self.instances), self.currency)

    @property
    def status(self) -> Status:
        """The one status of all its instances that are due or billed; a mixture is a delta."""
        found = {i.status for i in self.instances} - {Status.NOTHING_DUE}
        if not found:
            return Status.NOTHING_DUE
        return found.pop() if len(found) == 1 else Status.DELTA

    @property
    def verdict(self) -> Verdict:
        """The worst of its instances."""
        return max((i.verdict for i in self.instances), key=_WORST_LAST.index, default=Verdict.NOTHING_DUE)

    @property
    def is_due(self) -> bool:
        """Whether any of its instances is due."""
        return any(i.is_due for i in self.instances)


def _summed(sides: Iterable[Amounts | None], currency: str) -> Amounts | None:
    present = [side for side in sides if side is not None]
    if not present:
        return None
    taxes = [side.tax for side in present if side.tax is not None]
    net = total((side.net for side in present), currency)
    tax = total(taxes, currency) if len(taxes) == len(present) else None
    return Amounts(net=net, tax=tax, gross=None if tax is None else net + tax)


def _net(side: Amounts | None, currency: str) -> Money:
    return Money(ZERO, currency) if side is None else side.net
