"""Quota: another quantity is included than the plan's, by a record of the plan or of the subscription."""

from dataclasses import replace
from decimal import Decimal

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.pricing import Metered, Pricing
from fcb_pipelines.domain.rating import Package, Standard
from fcb_pipelines.domain.rows import Remedy

KIND = "quota"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.of_charge(KIND)
    included = record.number("included_quantity") if record else None
    if record is None or included is None or not isinstance(pricing, Metered):
        return None
    charge = _with(pricing.charge, included)
    if charge is None:
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"{plain(included)} included",
        pricing=replace(pricing, charge=charge),
        references=(record.reference,),
    )


def _with(charge: object, included: Decimal) -> Standard | Package | None:
    return replace(charge, included_quantity=included) if isinstance(charge, Standard | Package) else None


CAUSE = PricingCause(
    name="quota",
    stage=Stage.TIER,
    rank=2,
    remedy=Remedy.FIX_MODEL,
    needs="another included quantity of the plan or the subscription (evidence quota)",
    step=_step,
    kinds=(KIND,),
    is_for_usage=True,
)
