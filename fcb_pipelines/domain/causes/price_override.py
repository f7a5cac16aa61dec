"""Price override: a contract gives one subscription a flat price of its own, and with it the interval that the price is for."""

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "contract_price"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.holding(KIND)
    price = record.number("price") if record else None
    if record is None or price is None or not isinstance(pricing, Flat):
        return None
    interval = record.interval(case.subscription.interval)
    parts = max(interval.months // case.subscription.interval.months, 1)
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"contract price {amount_text(price, case.plan.currency)}",
        pricing=pricing.priced(price=price).in_parts(parts),
        references=(record.reference,),
    )


CAUSE = PricingCause(
    name="price_override",
    stage=Stage.PRICE,
    rank=3,
    remedy=Remedy.FIX_MODEL,
    needs="a contract price of the subscription that holds at the start of the range (evidence contract_price)",
    step=_step,
    kinds=(KIND,),
)
