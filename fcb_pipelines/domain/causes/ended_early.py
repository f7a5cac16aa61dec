"""Ended early: the subscription ended within the range, and only the time before is paid for."""

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy


def _step(case: Case, pricing: Pricing) -> Step | None:
    ended = case.subscription.ended_at
    if not isinstance(pricing, Flat) or ended is None or not pricing.service_from < ended < pricing.service_to:
        return None
    cut = pricing.without(ended, None)
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"{cut.portion} ({cut.convention}); ended {ended.astimezone(case.zone).date().isoformat()}",
        pricing=cut,
        references=(f"subscriptions/{case.subscription.external_subscription_id}",),
        parameter=f"proration of {case.family or 'the service'}",
    )


CAUSE = PricingCause(
    name="ended_early",
    stage=Stage.PRORATION,
    rank=2,
    remedy=Remedy.FIX_MODEL,
    needs="when the subscription ended (subscriptions)",
    step=_step,
)
