"""Instalment: an agreement lets a price be paid in equal parts; each is rounded by itself."""

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "instalment"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.holding(KIND)
    parts = record.number("instalments") if record else None
    # What the subscription itself says is in its list price already.
    if record is None or parts is None or not isinstance(pricing, Flat) or case.subscription.instalments > 1:
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"in {int(parts)} instalments",
        pricing=pricing.in_parts(int(parts)),
        references=(record.reference,),
    )


CAUSE = PricingCause(
    name="instalment",
    stage=Stage.PRICE,
    rank=5,
    remedy=Remedy.FIX_MODEL,
    needs="an agreement to pay in instalments (evidence instalment)",
    step=_step,
    kinds=(KIND,),
)
