"""Quantity change: more or fewer units from a day on; each part of the range counts with its own quantity."""

from decimal import Decimal

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.money import ZERO, decimal, plain
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy


def _step(case: Case, pricing: Pricing) -> Step | None:
    entries = case.records.changes("subscription", case.subscription.external_subscription_id, "quantity")
    told = [(entry, quantity) for entry in entries if (quantity := _quantity(entry)) is not None]
    before = [each for each in told if each[0].valid_from < case.first_day_ends]
    if not isinstance(pricing, Flat) or not told:
        return None
    used = before[-1:] + [each for each in told if case.first_day_ends <= each[0].valid_from < pricing.service_to]
    for entry, quantity in used:
        is_first = entry.valid_from < case.first_day_ends
        pricing = pricing.priced(quantity=quantity) if is_first else pricing.changed_at(entry.valid_from, quantity=quantity)
    if not used:
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"quantity {' then '.join(plain(quantity) for _, quantity in used)}",
        pricing=pricing,
        references=tuple(f"history/{entry.subject_id}/quantity/{entry.valid_from.isoformat()}" for entry, _ in used),
    )


def _quantity(entry: HistoryEntry) -> Decimal | None:
    try:
        quantity = decimal(entry.value or "")
    except InvalidInput:
        return None
    return None if quantity < ZERO else quantity


CAUSE = PricingCause(
    name="quantity_change",
    stage=Stage.QUANTITY,
    remedy=Remedy.FIX_MODEL,
    needs="how many units there were from when on (history of the field quantity)",
    step=_step,
)
