"""Term ends: what will change the bills of a subscription after its boundary, so that none of it is lost with the flip.

Owns: which records tell of an end, and of a change that is scheduled. Does not own: what is billed then (expected, handed in).
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.evidence import DATA
from fcb_pipelines.domain.flip_plans import TermEnd
from fcb_pipelines.domain.history import BillingState
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.subscriptions import Subscription

SCHEDULED_CHANGE = "scheduled_change"
PENDING_CANCELLATION = "pending_cancellation"
END = "end"
_KINDS = ("trial", *(kind for kind in DATA if kind not in {"tax_inclusive", "tax_rate"}))
_FIELDS = {
    "subscription": ("plan", "billing_interval", "instalments", "contract_price", "discount_percent", "user", "status"),
    "plan": ("price_monthly", "price_quarterly", "price_yearly", "included_quantity", "unit_price", "charges", "currency"),
}
"""Of which the history says what they will be."""

NetAt = Callable[[datetime], Money | None]
"""What the first flat range that begins at a moment or later comes to, net; None where that cannot be told."""


def term_ends(
    one: Subscription, records: Records, state: BillingState | None, *, after: datetime, net_at: NetAt
) -> tuple[TermEnd, ...]:
    """Everything on record that ends or begins after a moment, in that order."""
    found = [*_of_evidence(one, records, after, net_at), *_of_history(one, records, after, net_at), *_ends(one, state, after)]
    return tuple(sorted(found, key=lambda end: (end.ends_at, end.kind, end.reference)))


def _of_evidence(one: Subscription, records: Records, after: datetime, net_at: NetAt) -> Iterator[TermEnd]:
    for kind in _KINDS:
        for subject_kind, subject in _subjects(one):
            for record in records.of(kind, subject_kind, subject):
                if record.valid_to is not None and record.valid_to > after:
                    yield _term(kind, record.valid_to, record.reference, net_at)
                if record.valid_from is not None and record.valid_from > after:
                    yield _term(SCHEDULED_CHANGE, record.valid_from, record.reference, net_at)


def _of_history(one: Subscription, records: Records, after: datetime, net_at: NetAt) -> Iterator[TermEnd]:
    for subject_kind, subject in _subjects(one):
        for name in _FIELDS[subject_kind]:
            for entry in records.changes(subject_kind, subject, name):
                if entry.valid_from > after:
                    words = f"{subject_kind} {subject}: {name} = {entry.value}"
                    yield _term(SCHEDULED_CHANGE, entry.valid_from, words, net_at)


def _ends(one: Subscription, state: BillingState | None, after: datetime) -> Iterator[TermEnd]:
    key = one.external_subscription_id
    if one.ended_at is not None:
        yield TermEnd(kind=END, ends_at=one.ended_at, reference=f"subscription {key}", net_after=None)
    if state is not None and state.cancel_at is not None and (one.ended_at is None or state.cancel_at < one.ended_at):
        reference = state.provider_id or f"billing state of {key}"
        yield TermEnd(kind=PENDING_CANCELLATION, ends_at=state.cancel_at, reference=reference, net_after=None)


def _subjects(one: Subscription) -> tuple[tuple[str, str], ...]:
    return ("subscription", one.external_subscription_id), ("plan", one.external_plan_id)


def _term(kind: str, ends_at: datetime, reference: str, net_at: NetAt) -> TermEnd:
    return TermEnd(kind=kind, ends_at=ends_at, reference=reference, net_after=net_at(ends_at))
