"""Currency: the plan is listed in another currency, and billed at a stored rate of the day on which the charge is due."""

from dataclasses import replace
from fractions import Fraction

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.pricing import Discount, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "exchange_rate"


def _step(case: Case, pricing: Pricing) -> Step | None:
    held = [record for record in case.about(KIND, "plan") if record.holds_at(case.due_at)]
    rate = held[-1].number("rate") if held else None
    # A contract's price is in the currency that is billed.
    if rate is None or case.holding("contract_price"):
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"× {plain(rate)}, the exchange rate on {case.due_at.astimezone(case.zone).date().isoformat()}",
        pricing=replace(pricing, discounts=(*pricing.discounts, Discount(factor=Fraction(rate)))),
        references=(held[-1].reference,),
        parameter=f"currency of plan {case.plan.external_plan_id}",
    )


CAUSE = PricingCause(
    name="currency",
    stage=Stage.PRICE,
    rank=6,
    remedy=Remedy.FIX_MODEL,
    needs="the exchange rate of the plan's listed currency on the day the charge is due (evidence exchange_rate)",
    step=_step,
    kinds=(KIND,),
)
