"""Proration: the subscription began, or was not active, within the range, and only its time is paid for."""

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy

KIND = "inactive"


def _step(case: Case, pricing: Pricing) -> Step | None:
    if not isinstance(pricing, Flat):
        return None
    cut, words, references = pricing, [], []
    if case.service_from > pricing.service_from:
        cut = cut.without(pricing.service_from, case.service_from)
        words.append(f"started {case.service_from.astimezone(case.zone).date().isoformat()}")
        references.append(f"subscriptions/{case.subscription.external_subscription_id}")
    for record in case.about(KIND):
        start = max(record.valid_from or pricing.service_from, pricing.service_from)
        if start < (record.valid_to or pricing.service_to) and start < pricing.service_to:
            cut = cut.without(start, record.valid_to)
            words.append(f"not active from {start.astimezone(case.zone).date().isoformat()}")
            references.append(record.reference)
    if not words:
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"{cut.portion} ({cut.convention}); {', '.join(words)}",
        pricing=cut,
        references=tuple(references),
        parameter=f"proration of {case.family or 'the service'}",
    )


CAUSE = PricingCause(
    name="proration",
    stage=Stage.PRORATION,
    rank=1,
    remedy=Remedy.FIX_MODEL,
    needs="when the subscription started, or was not active (subscriptions, evidence inactive)",
    step=_step,
)
