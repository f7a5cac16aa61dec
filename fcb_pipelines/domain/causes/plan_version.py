"""Plan version: the plan had another price at the start of the range than the one in its price list."""

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "plan_price"


def _step(case: Case, pricing: Pricing) -> Step | None:
    of_interval = [
        record
        for record in case.about(KIND, "plan")
        if record.holds_at(case.service_from) and record.interval(case.subscription.interval) is case.subscription.interval
    ]
    price = of_interval[-1].number("price") if of_interval else None
    if price is None or not isinstance(pricing, Flat):
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"price {amount_text(price, case.plan.currency)} of its plan at that time",
        pricing=pricing.priced(price=price),
        references=(of_interval[-1].reference,),
        parameter=f"price of plan {case.plan.external_plan_id}",
    )


CAUSE = PricingCause(
    name="plan_version",
    stage=Stage.PRICE,
    rank=1,
    remedy=Remedy.FIX_MODEL,
    needs="the price of the plan that held at the start of the range (evidence plan_price)",
    step=_step,
    kinds=(KIND,),
)
