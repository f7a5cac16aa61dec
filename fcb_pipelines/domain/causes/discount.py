"""Discount: a coupon or an agreed discount that holds on the day the charge is due, for its plan, with uses left."""

from collections.abc import Iterator
from dataclasses import replace

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import ZERO, amount_text, plain
from fcb_pipelines.domain.pricing import Discount, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "discount"


def _step(case: Case, pricing: Pricing) -> Step | None:
    records = list(_holding(case))
    if not records:
        return None
    discounts = tuple(Discount(percent=record.number("percent"), amount=record.number("amount")) for record in records)
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=", ".join(_words(record, case.plan.currency) for record in records),
        pricing=replace(pricing, discounts=(*pricing.discounts, *discounts)),
        references=tuple(record.reference for record in records),
    )


def _holding(case: Case) -> Iterator[Evidence]:
    """Those of the subscription first, then those of the customer."""
    for record in (*case.about(KIND), *case.about(KIND, "user")):
        charges = record.data.get("charges") or [FLAT]
        plans = record.data.get("plans")
        is_meant = case.charge in charges and (not plans or case.plan.external_plan_id in plans)
        if is_meant and record.holds_at(case.due_at) and _has_uses_left(case, record):
            yield record


def _has_uses_left(case: Case, record: Evidence) -> bool:
    """Whether the record is among the first redemptions of its coupon, as many as that allows."""
    uses, coupon = record.number("max_uses"), record.data.get("coupon")
    if uses is None or coupon is None:
        return True
    first = case.records.valued(KIND, "coupon", str(coupon))[: int(uses)]
    return any(each is record for each in first)


def _words(record: Evidence, currency: str) -> str:
    percent, amount, coupon = record.number("percent"), record.number("amount"), record.data.get("coupon")
    off = f"{plain(percent)} %" if percent is not None else amount_text(amount or ZERO, currency)
    return f"less {off} by {f'coupon {coupon}' if coupon else 'an agreed discount'}"


CAUSE = PricingCause(
    name="discount",
    stage=Stage.DISCOUNT,
    remedy=Remedy.FIX_MODEL,
    needs="a discount that holds on the day the charge is due, for its plan, with uses left (evidence discount)",
    step=_step,
    kinds=(KIND,),
)
