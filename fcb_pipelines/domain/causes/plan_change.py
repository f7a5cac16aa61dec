"""Plan change: the subscription went over to another plan within the range; each part costs what its own plan costs."""

from fcb_pipelines.domain.case import Case, PricingCause, Stage, Step
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.pricing import Flat, Pricing
from fcb_pipelines.domain.rows import Remedy


def _step(case: Case, pricing: Pricing) -> Step | None:
    if not isinstance(pricing, Flat):
        return None
    changes = [entry for entry in _changes(case) if case.first_day_ends <= entry.valid_from < pricing.service_to]
    names = []
    for entry in changes:
        plan = case.plans.get(entry.value or "")
        price = plan.flat_prices.get(case.subscription.interval) if plan else None
        if plan is None or price is None:
            return None
        pricing = pricing.changed_at(entry.valid_from, price=price)
        names.append(f"{plan.name} from {entry.valid_from.astimezone(case.zone).date().isoformat()}")
    if not changes:
        return None
    return Step(
        cause=CAUSE.name,
        remedy=CAUSE.remedy,
        words=f"changed to {', '.join(names)}",
        pricing=pricing,
        references=tuple(f"history/{entry.subject_id}/plan/{entry.valid_from.isoformat()}" for entry in changes),
    )


def _changes(case: Case) -> list[HistoryEntry]:
    return list(case.records.changes("subscription", case.subscription.external_subscription_id, "plan"))


CAUSE = PricingCause(
    name="plan_change",
    stage=Stage.PRICE,
    rank=2,
    remedy=Remedy.FIX_MODEL,
    needs="the change of its plan, with its day (history of the field plan)",
    step=_step,
)
