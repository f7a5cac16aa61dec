"""Tier: usage is priced by another charge than the plan's, such as by tiers, by a record of the plan or the subscription."""

from dataclasses import replace

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.charges import MODELS, read_charge
from fcb_pipelines.domain.pricing import Metered, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "charge"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.of_charge(KIND)
    if record is None or not isinstance(pricing, Metered):
        return None
    charge = read_charge(record.data["price"])
    model = next(name for name, kind in MODELS.items() if kind is type(charge))
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"priced by a {model} charge of its own",
        pricing=replace(pricing, charge=charge),
        references=(record.reference,),
    )


CAUSE = PricingCause(
    name="tier",
    stage=Stage.TIER,
    rank=1,
    remedy=Remedy.FIX_MODEL,
    needs="the charge that its usage is priced by (evidence charge)",
    step=_step,
    kinds=(KIND,),
    is_for_usage=True,
)
