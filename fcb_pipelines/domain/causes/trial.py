"""Trial: part of the range was free by a trial on record."""

from dataclasses import replace

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rows import Remedy

KIND = "trial"


def _step(case: Case, pricing: Pricing) -> Step | None:
    if not isinstance(pricing, Flat):
        return None
    records = [
        record
        for record in case.about(KIND)
        if (record.valid_from is None or record.valid_from < pricing.service_to)
        and (record.valid_to is None or record.valid_to > case.service_from)
    ]
    if not records:
        return None
    cut = pricing
    for record in records:
        cut = cut.without(record.valid_from or pricing.service_from, record.valid_to)
        if cut.convention is Proration.NONE and (record.valid_from is None or record.valid_from < case.first_day_ends):
            # A range that begins in its trial is free as a whole where parts are not priced.
            cut = replace(cut, spans=())
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"{cut.portion} ({cut.convention}); the rest was a trial",
        pricing=cut,
        references=tuple(record.reference for record in records),
        parameter=f"proration of {case.family or 'the service'}",
    )


CAUSE = PricingCause(
    name="trial",
    stage=Stage.PRORATION,
    rank=3,
    remedy=Remedy.FIX_MODEL,
    needs="a trial that holds within the range (evidence trial)",
    step=_step,
    kinds=(KIND,),
)
