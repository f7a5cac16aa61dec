"""Billing interval: the listed price is for a longer time than the one that is billed, as a year billed month by month."""

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "list_interval"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.holding(KIND, "plan")
    # A contract's price comes with its own interval.
    if record is None or not isinstance(pricing, Flat) or not pricing.spans or case.holding("contract_price"):
        return None
    interval = record.interval(case.subscription.interval)
    parts = interval.months // case.subscription.interval.months
    if parts <= 1:
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"{interval} price {amount_text(pricing.spans[0].price, case.plan.currency)} ÷ {parts}",
        pricing=pricing.in_parts(parts),
        references=(record.reference,),
        parameter=f"interval of plan {case.plan.external_plan_id}",
    )


CAUSE = PricingCause(
    name="billing_interval",
    stage=Stage.PRICE,
    rank=4,
    remedy=Remedy.FIX_MODEL,
    needs="what interval the listed price of the plan is for (evidence list_interval)",
    step=_step,
    kinds=(KIND,),
)
