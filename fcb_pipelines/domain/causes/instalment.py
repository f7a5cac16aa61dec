"""Instalment: an agreement lets a price be paid in equal parts, each rounded by itself.

Where that is declared the last takes the rest; which one that is, is counted from the day on which the agreement began.
"""

from dataclasses import replace
from fractions import Fraction

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.conventions import Instalments
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.money import minor_units, round_to
from fcb_pipelines.domain.period import add_months
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "instalment"


def _step(case: Case, pricing: Pricing) -> Step | None:
    record = case.holding(KIND)
    parts = record.number("instalments") if record else None
    # What the subscription itself says is in its list price already.
    if record is None or parts is None or not isinstance(pricing, Flat) or case.subscription.instalments > 1:
        return None
    part = pricing.in_parts(int(parts))
    if case.instalments is Instalments.LAST_TAKES_REST and int(parts) > 1:
        last = replace(part, rest=(minor_units(case.plan.currency), case.rounding))
        number = _number(case, record, int(parts))
        if number is None and last.due != Fraction(round_to(part.exact, minor_units(case.plan.currency), case.rounding)):
            # Nobody knows whether it is the last.
            return None
        part = last if number == int(parts) - 1 else part
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"in {int(parts)} instalments{', of which the last takes the rest' if part.rest else ''}",
        pricing=part,
        references=(record.reference,),
    )


def _number(case: Case, record: Evidence, parts: int) -> int | None:
    """Which of the instalments it is, from 0; None where the agreement does not say when it began.

    The first is of the first range that begins under it: whole months count, so that one of the 15th begins a month later.
    """
    if record.valid_from is None:
        return None
    first, now = (moment.astimezone(case.zone) for moment in (record.valid_from, case.service_from))
    months = (now.year - first.year) * 12 + now.month - first.month
    if (add_months(first.date(), months), first.time()) > (now.date(), now.time()):
        months -= 1
    return months // case.subscription.months % parts


CAUSE = PricingCause(
    name="instalment",
    stage=Stage.PRICE,
    rank=5,
    remedy=Remedy.FIX_MODEL,
    needs="an agreement to pay in instalments (evidence instalment)",
    step=_step,
    kinds=(KIND,),
)
