"""Maximum: a charge asks at most so much, by a record of its plan or its subscription."""

from dataclasses import replace

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import amount_text
from fcb_pipelines.domain.pricing import Metered, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "maximum"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.of_charge(KIND)
    amount = record.number("amount") if record else None
    if record is None or amount is None or not isinstance(pricing, Metered):
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"at most {amount_text(amount, case.plan.currency)}",
        pricing=replace(pricing, charge=replace(pricing.charge, maximum_amount=amount)),
        references=(record.reference,),
    )


CAUSE = PricingCause(
    name="maximum",
    stage=Stage.TIER,
    rank=4,
    remedy=Remedy.FIX_MODEL,
    needs="a maximum of the charge (evidence maximum)",
    step=_step,
    kinds=(KIND,),
    is_for_usage=True,
)
