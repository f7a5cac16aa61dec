"""A case: one charge instance with the records that may say why it was billed otherwise, and what a cause makes of it.

Owns: the records that a cause is given, what it answers, the order of steps. Does not own: the causes (`causes`, one
file each), how their predictions meet what was billed (explaining).

A cause is a pure function of a case. What it needs comes from records; nothing is searched for.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.conventions import Instalments
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.history import BillingState, HistoryEntry
from fcb_pipelines.domain.money import Money, Rounding
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.pricing import Flat, Metered, Pricing
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy
from fcb_pipelines.domain.subscriptions import Subscription


class Stage(IntEnum):
    """The fixed order in which causes change a pricing: the steps of the waterfall."""

    QUANTITY = 1
    PRICE = 2
    TIER = 3
    PRORATION = 4
    DISCOUNT = 5
    CREDIT = 6
    TAX = 7
    ROUNDING = 8


class Records:
    """Records about subscriptions, plans, users and invoices, found by their subject."""

    def __init__(self, evidence: Iterable[Evidence] = (), history: Iterable[HistoryEntry] = ()) -> None:
        """Index them once; where several hold, the order is by start, then by reference."""
        self._evidence: dict[tuple[str, str, str], list[Evidence]] = defaultdict(list)
        self._history: dict[tuple[str, str, str], list[HistoryEntry]] = defaultdict(list)
        self._valued: dict[tuple[str, str], dict[str, list[Evidence]]] = {}
        for record in sorted(evidence, key=_by_start):
            self._evidence[record.kind, record.subject_kind, record.subject_id].append(record)
        for entry in sorted(history, key=lambda entry: (entry.valid_from, entry.value or "")):
            self._history[entry.subject_kind, entry.subject_id, entry.field].append(entry)
        self._told = {(kind, subject) for kind, subject, _ in self._history}

    def of(self, kind: str, subject_kind: str, subject_id: str) -> Sequence[Evidence]:
        """All records of a kind about a subject, whenever they hold."""
        return self._evidence.get((kind, subject_kind, subject_id), ())

    def valued(self, kind: str, key: str, value: str) -> Sequence[Evidence]:
        """All records of a kind whose data has a value at a key, in the order of their start."""
        if (kind, key) not in self._valued:
            found: dict[str, list[Evidence]] = defaultdict(list)
            for record in sorted(self._all(kind), key=_by_start):
                found[str(record.data.get(key))].append(record)
            self._valued[kind, key] = found
        return self._valued[kind, key].get(value, ())

    def _all(self, kind: str) -> Iterator[Evidence]:
        for (found, _, _), records in self._evidence.items():
            if found == kind:
                yield from records

    def changed(self, subject_kind: str, name: str) -> frozenset[str]:
        """The subjects of a kind of which it is on record what a field was."""
        return frozenset(subject for kind, subject, field in self._history if (kind, field) == (subject_kind, name))

    def changes(self, subject_kind: str, subject_id: str, name: str) -> Sequence[HistoryEntry]:
        """What a field of a subject was from when on, in order."""
        return self._history.get((subject_kind, subject_id, name), ())

    def has_history(self, subject_kind: str, subject_id: str) -> bool:
        """Whether anything is on record of what a subject was from when on."""
        return (subject_kind, subject_id) in self._told


def _by_start(record: Evidence) -> tuple[bool, str, str]:
    return record.valid_from is not None, "" if record.valid_from is None else record.valid_from.isoformat(), record.reference


NO_RECORDS = Records()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUsage:
    """The quantity of a usage charge as counted in another way, and the events that make the difference."""

    cause: str
    quantity: Fraction
    words: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One charge instance at its list price, and what is on record about it."""

    subscription: Subscription
    plan: Plan
    """The plan that held at the start of the range."""
    charge: str
    service_from: datetime
    service_to: datetime
    due_at: datetime
    zone: ZoneInfo
    pricing: Pricing
    """The whole range at its list price, under the declared convention: where the waterfall begins."""
    external_user_id: str
    """The customer as of the start of the range."""
    adopted: Records = NO_RECORDS
    """What our own rating knows: the history of the source, and terms that people adopted."""
    records: Records = NO_RECORDS
    """Everything on record, what was adopted too."""
    plans: Mapping[str, Plan] = field(default_factory=dict)
    usage: tuple[OtherUsage, ...] = ()
    billing_state: BillingState | None = None
    family: str = ""
    """The plan family whose convention holds."""
    rounding: Rounding = Rounding.HALF_UP
    """How its amount is rounded, by that convention."""
    walked: list[tuple["Step", ...]] = field(default_factory=list, init=False, compare=False, repr=False)
    """Its waterfall, once somebody walked it: a case is asked many times, and every step is a function of it alone."""
    instalments: Instalments = Instalments.EACH
    """How a price in instalments is rounded, by that convention."""
    by_line: Money | None = None
    """What the lines that bill it come to, each rounded by itself, where they are predicted one by one."""

    def holding(self, kind: str, subject_kind: str = "subscription") -> Evidence | None:
        """The record of a kind that holds at the start of the range; of several the one that began last."""
        found = [record for record in self.about(kind, subject_kind) if record.holds_at(self.service_from)]
        return found[-1] if found else None

    def of_charge(self, kind: str) -> Evidence | None:
        """The record of a kind that holds at the start of the range and means this charge: its subscription's or its plan's.

        One that names `charges` means those alone; of several the one that began last holds.
        """
        for subject_kind in ("subscription", "plan"):
            found = [
                record
                for record in self.about(kind, subject_kind)
                if record.holds_at(self.service_from) and self.charge in record.data.get("charges", [self.charge])
            ]
            if found:
                return found[-1]
        return None

    def about(self, kind: str, subject_kind: str = "subscription") -> Sequence[Evidence]:
        """The records of a kind about its subscription, its plan or its customer, in the order of their start."""
        return self.records.of(kind, subject_kind, self.subject(subject_kind))

    def subject(self, subject_kind: str) -> str:
        """Its subscription, plan or customer, by id."""
        ids = {
            "subscription": self.subscription.external_subscription_id,
            "plan": self.plan.external_plan_id,
            "user": self.external_user_id,
        }
        return ids[subject_kind]

    def under(self, convention: Proration) -> "Case":
        """The same case priced under another convention; of usage the same."""
        pricing = self.pricing
        if not isinstance(pricing, Flat) or pricing.convention is convention:
            return self
        return replace(self, pricing=replace(pricing, convention=convention))

    @property
    def as_rated(self) -> "Case":
        """The case as our own rating sees it: without records that nobody adopted."""
        return replace(self, records=self.adopted, usage=())

    @property
    def first_day_ends(self) -> datetime:
        """The end of the range's first day: a change or trial that begins in the afternoon holds for the day."""
        return self.service_from + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a cause makes of a pricing, by which records."""

    cause: str
    remedy: Remedy
    words: str
    """For people, as part of a sentence: `yearly price 200.00 ÷ 12`."""
    pricing: Pricing
    references: tuple[str, ...]
    parameter: str = ""
    """What must hold for all siblings that share the record, such as `plan 227: yearly`; empty where it is the row's own."""


StepOf = Callable[[Case, Pricing], Step | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a row may differ, what it asks for, and the record that decides it."""

    name: str
    remedy: Remedy
    needs: str
    """In words; shown where the record is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingCause(Cause):
    """A cause that changes the pricing of an instance where its records are there."""

    stage: Stage
    rank: int = 0
    """Place among the causes of one stage."""
    step: StepOf
    """The step that the records demand; answers None where they say nothing of the case."""
    kinds: tuple[str, ...] = ()
    """Kinds of evidence that can be adopted as a term of our own."""
    is_for_usage: bool = False
    """Whether it is about quantities and their charges, not about flat prices."""


def counted_otherwise(cause: str, remedy: Remedy) -> StepOf:
    """The step of a cause by which a quantity is counted in another way, from the usage that a case was given for it."""

    def step(case: Case, pricing: Pricing) -> Step | None:
        told = next((other for other in case.usage if other.cause == cause), None)
        if told is None or not isinstance(pricing, Metered):
            return None
        changed = replace(pricing, quantity=told.quantity)
        return Step(cause=cause, remedy=remedy, words=told.words, pricing=changed, references=told.references)

    return step
