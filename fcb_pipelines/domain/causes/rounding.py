"""Rounding: an amount exactly between two cents goes to the other one than by the declared convention."""

from dataclasses import replace

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import Rounding, minor_units, round_to
from fcb_pipelines.domain.pricing import Discount, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "rounding"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.holding(KIND, "plan")
    if record is None:
        return None
    mode, decimals = Rounding(record.data["mode"]), minor_units(case.plan.currency)
    if round_to(pricing.exact, decimals, mode) == round_to(pricing.exact, decimals, case.rounding):
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"rounded {mode.replace('_', ' ')}",
        pricing=replace(pricing, discounts=(*pricing.discounts, Discount(rounded=(decimals, mode)))),
        references=(record.reference,),
        parameter=f"rounding of plan {case.plan.external_plan_id}",
    )


CAUSE = PricingCause(
    name="rounding",
    stage=Stage.ROUNDING,
    remedy=Remedy.FIX_MODEL,
    needs="how the source rounds an amount exactly between two cents (evidence rounding)",
    step=_step,
    kinds=(KIND,),
)
