"""Rounding: an amount exactly between two cents goes to the other one, or each line for a change is rounded by itself."""

from dataclasses import replace

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import Money, Rounding, minor_units, round_to
from fcb_pipelines.domain.pricing import Discount, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "rounding"


def _step(case: Case, pricing: Pricing) -> Step | None:
    if case.by_line is not None:
        return _by_line(case, pricing, case.by_line)
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


def _by_line(case: Case, pricing: Pricing, lines: Money) -> Step | None:
    """The amount that the lines come to; a record of how the source rounds says nothing of a sum that is rounded before."""
    decimals = minor_units(lines.currency)
    amount = round_to(pricing.exact, decimals, case.rounding)
    if amount == lines.amount:
        return None
    apart = (Discount(rounded=(decimals, case.rounding)), Discount(amount=amount - lines.amount))
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words="each line of its changes rounded by itself",
        pricing=replace(pricing, discounts=(*pricing.discounts, *apart)),
        references=(f"subscriptions/{case.subscription.external_subscription_id}",),
    )


CAUSE = PricingCause(
    name="rounding",
    stage=Stage.ROUNDING,
    remedy=Remedy.FIX_MODEL,
    needs="how the source rounds an amount exactly between two cents (evidence rounding)",
    step=_step,
    kinds=(KIND,),
)
