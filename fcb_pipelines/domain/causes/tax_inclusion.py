"""Tax inclusion: the listed price has its taxes in it, and the net is what is left without them."""

from dataclasses import replace
from fractions import Fraction

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.pricing import Discount, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "tax_inclusive"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.holding(KIND) or case.holding(KIND, "plan") or case.holding(KIND, "user")
    if record is None:
        return None
    rate = sum(map(Fraction, record.percents()), Fraction(0)) / 100
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"{' and '.join(f'{plain(each)} %' for each in record.percents())} of tax in the price",
        pricing=replace(pricing, discounts=(*pricing.discounts, Discount(factor=1 / (1 + rate)))),
        references=(record.reference,),
        parameter=f"tax mode of {record.subject_kind} {record.subject_id}" if record.subject_kind == "plan" else "",
    )


CAUSE = PricingCause(
    name="tax_inclusion",
    stage=Stage.TAX,
    rank=1,
    remedy=Remedy.FIX_MODEL,
    needs="that the price has its taxes in it, and at which rates (evidence tax_inclusive)",
    step=_step,
    kinds=(KIND,),
)
