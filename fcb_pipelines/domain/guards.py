"""Guards: what is billed twice, and what nobody bills, over the source and Odoo together, in the time after a flip.

Owns: the facts that are compared, the rules, what each finding asks a person to do. Does not own: reading either system
(acts/guards), alarms (alarms, store/alarms).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import combinations
from typing import Any, Protocol

from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.live_months import boundary_of
from fcb_pipelines.domain.money import Money, total

ChargeKey = tuple[str, str]
"""Subscription and charge."""

INVOICING = timedelta(days=1)
"""After the lag, the day on which Odoo's invoices of a month are made and posted."""


class Kind(StrEnum):
    """What a guard finds, the gravest first."""

    BILLED_TWICE = "billed_twice"
    """Odoo claims or invoiced what the source billed."""
    INVOICED_TWICE = "invoiced_twice"
    """Two invoices of Odoo for the same."""
    CARRIED_TWICE = "carried_twice"
    """A line outside the model that the source billed, and Odoo too."""
    NEVER_BILLED = "never_billed"
    """Due, past its lag, and in neither system."""
    CLAIM_MISSING = "claim_missing"
    """Due for a live subscription, and nobody claims it."""
    FINAL_BILL_MISSING = "final_bill_missing"
    """Left to the source, which did not bill it."""


STOPS_POSTING = frozenset({Kind.BILLED_TWICE, Kind.INVOICED_TWICE, Kind.CARRIED_TWICE})
"""While something is billed twice nothing more is posted; what nobody billed is cured by posting."""
WHAT_TO_DO: Mapping[Kind, str] = {
    Kind.BILLED_TWICE: "stop at once (fcb stop), then give one of both back: a credit note in the system that must not bill it",
    Kind.INVOICED_TWICE: "stop at once (fcb stop), then give one of both back by a credit note in Odoo",
    Kind.CARRIED_TWICE: "give one of both back, and say who bills it from now on (fcb carry)",
    Kind.NEVER_BILLED: "look why its invoice was not made or posted (fcb live), or its flip not ended (fcb flip --go): nobody "
    "else bills it",
    Kind.CLAIM_MISSING: "make the month's invoices (fcb live), which claim it, or look why they cannot",
    Kind.FINAL_BILL_MISSING: "have the source issue its final bill, then take a snapshot (fcb import); Odoo never bills it",
}


class Ranged(Protocol):
    """What is for `[service_from, service_to)`."""

    @property
    def service_from(self) -> datetime:
        """Its start."""

    @property
    def service_to(self) -> datetime:
        """Its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueInstance:
    """A charge instance that we expect, of a subscription that is or was live."""

    external_subscription_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    decides_at: datetime
    """When it is told whether it was billed: it is due, and its lag is over."""
    net: Money | None
    is_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBilled:
    """A line of the source that counts as billed."""

    line_key: str
    external_subscription_id: str | None
    external_user_id: str
    charge: str | None
    service_from: datetime | None
    service_to: datetime | None
    net: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class OdooBilled:
    """An instance, or a line of the source that was carried, on an invoice of Odoo that is not cancelled or given back."""

    reference: str
    """The invoice, by our external id or its number."""
    external_subscription_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    is_posted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardFacts:
    """What both systems say, of the subscriptions and the months that are watched."""

    as_of: datetime
    """The time of the snapshot: what the source had not billed by then."""
    now: datetime
    boundaries: Mapping[str, Mapping[str, datetime]]
    """Live subscription → charge → from when on Odoo bills."""
    due: Sequence[DueInstance] = ()
    source: Sequence[SourceBilled] = ()
    odoo: Sequence[OdooBilled] = ()
    claims: Sequence[Claim] = ()
    """Those that stand."""
    carried: Mapping[str, str] = field(default_factory=dict)
    """Line of the source → the posted invoice in Odoo, or the claim of Odoo, that bills it."""
    lag: timedelta = timedelta(0)


def instance_of(key: str) -> tuple[str, date] | None:
    """The charge and the first day that the key of a line says, such as `flat/2026-05-01`; else None, as of late usage."""
    charge, _, day = key.rpartition("/")
    try:
        return (charge, date.fromisoformat(day)) if charge and "/" not in charge else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is billed twice, or that nobody bills."""

    kind: Kind
    subject: str
    """The instance as `subscription/charge/day`, or the line."""
    words: str
    evidence: Mapping[str, Any]
    """JSON without floats."""

    @property
    def what_to_do(self) -> str:
        """For people."""
        return WHAT_TO_DO[self.kind]


def findings(facts: GuardFacts) -> tuple[Finding, ...]:
    """Everything that is billed twice or that nobody bills, the gravest first; each once."""
    by = _ByCharge(facts)
    found = [*_twice(facts, by), *_invoiced_twice(by), *_carried(facts), *_never(facts, by), *_final(facts, by)]
    order = list(Kind)
    unique = {(one.kind, one.subject): one for one in found}
    return tuple(sorted(unique.values(), key=lambda one: (order.index(one.kind), one.subject)))


class _ByCharge:
    """The facts by subscription and charge; lines of the source that were given back in full are left out."""

    def __init__(self, facts: GuardFacts) -> None:
        self.due: dict[ChargeKey, list[DueInstance]] = defaultdict(list)
        self.source: dict[ChargeKey, list[Bill]] = defaultdict(list)
        self.odoo: dict[ChargeKey, list[OdooBilled]] = defaultdict(list)
        self.claims: dict[ChargeKey, list[Claim]] = defaultdict(list)
        for due in facts.due:
            self.due[due.external_subscription_id, due.charge].append(due)
        for billed in facts.odoo:
            self.odoo[billed.external_subscription_id, billed.charge].append(billed)
        for claim in facts.claims:
            self.claims[claim.charge_key].append(claim)
        for key, bill in bills(facts.source):
            self.source[key].append(bill)


@dataclass(frozen=True, slots=True)
class Bill:
    """What the source billed for one range of a charge, all lines of it together."""

    service_from: datetime
    service_to: datetime
    net: Money
    lines: tuple[str, ...]


def bills(lines: Iterable[SourceBilled]) -> Iterator[tuple[ChargeKey, Bill]]:
    """What the source billed, by charge; what it gave back in full, or says no range of, is left out."""
    found: dict[tuple[str, str, datetime, datetime, str], list[SourceBilled]] = defaultdict(list)
    for line in lines:
        if line.external_subscription_id and line.charge and line.service_from and line.service_to:
            range_ = line.service_from, line.service_to
            found[line.external_subscription_id, line.charge, *range_, line.net.currency].append(line)
    for (subscription, charge, start, end, currency), each in found.items():
        net = total((line.net for line in each), currency)
        if net.amount > 0:
            yield (subscription, charge), Bill(start, end, net, tuple(sorted(line.line_key for line in each)))


def overlap(one: Ranged, other: Ranged) -> bool:
    """Whether two ranges share any time."""
    return one.service_from < other.service_to and other.service_from < one.service_to


def _twice(facts: GuardFacts, by: _ByCharge) -> Iterator[Finding]:
    for key, bills in by.source.items():
        for bill in bills:
            claims = [f"claim {one.reference}" for one in by.claims[key] if one.biller is Biller.ODOO and overlap(one, bill)]
            both = sorted({*claims, *(f"invoice {one.reference}" for one in by.odoo[key] if overlap(one, bill))})
            if both:
                words = f"the source bills {bill.net} for it ({', '.join(bill.lines)}), and so does Odoo ({', '.join(both)})"
                yield _finding(Kind.BILLED_TWICE, _subject(key, bill), words, source=list(bill.lines), odoo=both)


def _invoiced_twice(by: _ByCharge) -> Iterator[Finding]:
    for key, each in by.odoo.items():
        for one, other in combinations(sorted(each, key=lambda one: (one.service_from, one.reference)), 2):
            if one.reference != other.reference and overlap(one, other):
                both = sorted({one.reference, other.reference})
                words = f"it stands on two invoices in Odoo: {' and '.join(both)}"
                yield _finding(Kind.INVOICED_TWICE, _subject(key, other), words, odoo=both)


def _carried(facts: GuardFacts) -> Iterator[Finding]:
    for line in facts.source:
        where = facts.carried.get(line.line_key)
        if where is not None and line.net.amount > 0:
            words = f"the source bills {line.net} outside the model ({line.line_key}), and so does Odoo ({where})"
            yield _finding(Kind.CARRIED_TWICE, line.line_key, words, source=[line.line_key], odoo=[where])


def _never(facts: GuardFacts, by: _ByCharge) -> Iterator[Finding]:
    for key, each in by.due.items():
        boundary = boundary_of(facts.boundaries.get(key[0], {}), key[1])
        for one in each:
            is_ours = boundary is not None and one.is_due and one.service_from >= boundary
            is_late = facts.now >= one.decides_at + INVOICING
            if is_ours and is_late and not any(overlap(one, bill) for bill in by.source[key]):
                yield from _unbilled(one, by, key)


def _unbilled(one: DueInstance, by: _ByCharge, key: ChargeKey) -> Iterator[Finding]:
    amount = "an amount that is not known" if one.net is None else str(one.net)
    if not any(claim.service_from <= one.service_from and one.service_to <= claim.service_to for claim in by.claims[key]):
        words = f"{amount} is due, and neither the source nor Odoo claims it"
        yield _finding(Kind.CLAIM_MISSING, _subject(key, one), words)
        return
    on = [billed for billed in by.odoo[key] if overlap(one, billed)]
    if any(billed.is_posted for billed in on):
        return
    drafts = sorted(billed.reference for billed in on)
    where = f"its invoice in Odoo is still a draft ({', '.join(drafts)})" if drafts else "it is in neither system"
    words = f"{amount} was to be billed by {one.decides_at.date().isoformat()}, and {where}"
    yield _finding(Kind.NEVER_BILLED, _subject(key, one), words, odoo=drafts)


def _final(facts: GuardFacts, by: _ByCharge) -> Iterator[Finding]:
    """What was left to the source, is due there and on no line of it; nothing is wanted where nothing is due."""
    for key, claims in by.claims.items():
        ends = facts.boundaries.get(key[0], {}).get(key[1])
        for claim in claims:
            is_left = claim.biller is Biller.SOURCE and ends is not None and claim.service_to <= ends
            if not is_left or facts.as_of < claim.service_to + facts.lag:
                continue
            is_due = any(one.is_due and overlap(one, claim) for one in by.due[key])
            if is_due and not any(overlap(bill, claim) for bill in by.source[key]):
                words = f"the source was to bill it up to {claim.service_to.date().isoformat()}, and has not"
                yield _finding(Kind.FINAL_BILL_MISSING, _subject(key, claim), words, claim=claim.reference)


def _subject(key: ChargeKey, one: Ranged) -> str:
    return f"{key[0]}/{key[1]}/{one.service_from.date().isoformat()}"


def _finding(kind: Kind, subject: str, words: str, **evidence: Any) -> Finding:
    return Finding(kind=kind, subject=subject, words=words, evidence=evidence)
