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


class Remedy(StrEnum):
    """What an explained, carried or accepted difference asks for."""

    NONE = "none"
    """Timing: nothing is to be done."""
    FIX_MODEL = "fix_model"
    """Our price, interval, term or tax is wrong; open until the period is run again as a match."""
    FIX_SOURCE = "fix_source"
    """The source billed too much or too little: we owe or are owed."""
    CARRY = "carry"
    """Outside the model: somebody must say who bills it after the flip, or that it ended."""


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
class Finding:
    """A cause that was found, with its remedy and the records that it rests on."""

    cause: str
    remedy: Remedy
    words: str
    """For people, as part of a sentence."""
    references: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    """Where a convention makes the difference: those that fit, such as `proration = calendar_days`; one has to be declared."""
    family: str = ""
    """The plan family whose convention it is; empty for the service's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallStep:
    """What an amount is after a cause, from the list price on."""

    name: str
    words: str
    amount: Money
    """Rounded, net, of the instance."""
    residual: Money
    """What is left of the difference: the amount − what was billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Arithmetic that fits and that no record supports; never counted."""

    words: str
    amount: Money
    chance: str
    """How likely such arithmetic fits a random amount, from 0 to 1, four decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an instance is as it is, or what is missing to say so."""

    findings: tuple[Finding, ...] = ()
    waterfall: tuple[WaterfallStep, ...] = ()
    missing: tuple[str, ...] = ()
    """Records that would decide it."""
    suggestions: tuple[Suggestion, ...] = ()
    is_in_total: bool = False
    """Explained only by the total of an invoice: makes no subscription ready."""
    successor: str | None = None
    """Who bills a carried line after the flip, or that it ended."""
    settled_by: str | None = None
    """The acceptance that settles what it asks for; its own remedy is the last finding's."""

    @property
    def open_remedy(self) -> Remedy:
        """What is still to be done: a carried line has a successor or not; whoever signs may say that our model is wrong."""
        if self.settled_by is not None:
            signed = self.findings[-1].remedy
            return signed if signed is Remedy.FIX_MODEL else Remedy.NONE
        return Remedy.NONE if self.successor is not None else self.remedy

    @property
    def remedy(self) -> Remedy:
        """The gravest of its remedies."""
        return gravest(finding.remedy for finding in self.findings)


NO_EXPLANATION = Explanation()
_GRAVEST_LAST = (Remedy.NONE, Remedy.CARRY, Remedy.FIX_SOURCE, Remedy.FIX_MODEL)


def gravest(remedies: Iterable[Remedy]) -> Remedy:
    """The one that asks for most; none of none."""
    return max(remedies, key=_GRAVEST_LAST.index, default=Remedy.NONE)


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
    explanation: Explanation = NO_EXPLANATION

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
    def remedy(self) -> Remedy:
        """The gravest of its instances' remedies."""
        return gravest(i.explanation.remedy for i in self.instances)

    @property
    def sentence(self) -> str:
        """Why the row is as it is, in a sentence for people; empty where both sides agree or nothing is due."""
        return " ".join(said for i in self.instances if (said := _sentence(i)))

    @property
    def gist(self) -> str:
        """The sentence without the records that it would take, for where they stand beside it."""
        return " ".join(said for i in self.instances if (said := _sentence(i, is_short=True)))

    @property
    def is_due(self) -> bool:
        """Whether any of its instances is due."""
        return any(i.is_due for i in self.instances)


def _sentence(instance: Instance, *, is_short: bool = False) -> str:
    """What was billed and why, such as `Billed 9.14 CAD (flat): yearly price 200 ÷ 12; 17 of 31 days`."""
    if instance.verdict in {Verdict.MATCH, Verdict.NOTHING_DUE}:
        return ""
    billed = f"Billed {instance.actual.net}" if instance.actual is not None else "Not billed"
    owed = "" if instance.expected is None else f", {instance.expected.net} expected" if instance.difference else ""
    found = "; ".join(finding.words for finding in instance.explanation.findings)
    needed = "" if is_short else "; ".join(instance.explanation.missing)
    why = found or (f"no record says why. It would take: {needed}" if needed else "no record says why")
    return f"{billed}{owed} ({instance.charge}): {why}."


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
