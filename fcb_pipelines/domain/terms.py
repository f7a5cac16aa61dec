"""Terms: everything that says what one subscription owes, and the cases of a month that follow from it.

Owns: which plan and customer held at the start of a range, and the list pricing of each instance. Does not own: which instances
there are (instances), what changes a list price (causes), the lines (expected).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.case import NO_RECORDS, Case, Records
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.instances import ChargeInstance, flat_instance, usage_instance, whole_month
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import CPU_SECONDS, Plan
from fcb_pipelines.domain.pricing import Discount, Flat, Metered, Pricing, Span
from fcb_pipelines.domain.proration import Proration
from fcb_pipelines.domain.rating import Standard
from fcb_pipelines.domain.subscriptions import Subscription

USAGE_OUTSIDE_LIFE = "usage_outside_life"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Everything that says what one subscription owes."""

    subscription: Subscription
    plan: Plan
    """The one that it is on today."""
    user: User
    evidence: Sequence[Evidence]
    terms_from: datetime | None
    """Attested: undated terms held since then."""
    proration: Proration
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """All plans of the source, by id."""
    adopted: Records = NO_RECORDS
    """The source's history, and the terms that people adopted."""
    family: str = ""


def flat_case(terms: Terms, period: Period) -> tuple[ChargeInstance, Case] | None:
    """The flat price due in a month; None where none is.

    Raises `InvalidInput` where the plan has no price for the subscription's interval (a missing price is not 0.00), or where
    the history says that the plan was another one and not which.
    """
    instance = flat_instance(terms.subscription, period)
    if instance is None:
        return None
    plan = plan_at(terms, instance.service_from)
    one = terms.subscription
    price = one.contract_price if one.contract_price is not None else plan.flat_price(one.interval)
    whole = Span(service_from=instance.full_from, service_to=instance.service_to, price=price)
    pricing = Flat(
        service_from=instance.full_from,
        service_to=instance.service_to,
        zone=period.zone,
        convention=terms.proration,
        spans=(whole,),
        discounts=() if one.discount_percent is None else (Discount(percent=one.discount_percent),),
    )
    return instance, _case(terms, instance, plan, pricing, period)


def usage_case(terms: Terms, period: Period, used: Decimal) -> tuple[ChargeInstance, Case] | None:
    """The usage of a month; None where it neither lived nor used anything. `used` are its units of cpu_seconds."""
    instance = usage_instance(terms.subscription, CPU_SECONDS, period)
    if instance is None and used:
        instance = whole_month(terms.subscription.external_subscription_id, CPU_SECONDS, period, USAGE_OUTSIDE_LIFE)
    if instance is None:
        return None
    plan = plan_at(terms, instance.service_from)
    overage = Standard(unit_price=plan.unit_price, included_quantity=plan.included_quantity, unit_batch=plan.unit_batch)
    return instance, _case(terms, instance, plan, Metered(charge=overage, quantity=Fraction(used)), period)


def plan_at(terms: Terms, at: datetime) -> Plan:
    """The plan at the start of a range, by the source's history; without one, that of today.

    Raises `InvalidInput` where the history begins later, so that nobody knows what held before, or names an unknown plan.
    """
    entries = terms.adopted.changes("subscription", terms.subscription.external_subscription_id, "plan")
    if not entries:
        return terms.plan
    named = _value_at(entries, at)
    if named is None:
        first = entries[0].valid_from.date().isoformat()
        raise InvalidInput(f"its history names its plan from {first} on, and no record says which it was on {at.date()}")
    plan = terms.plans.get(named)
    if plan is None:
        raise InvalidInput(f"its history names plan {named} on {at.date()}, which is missing from the snapshot, or bad there")
    return plan


def owner_at(subscription: Subscription, records: Records, at: datetime) -> str:
    """The customer at the start of a range, by the source's history; without one, that of today."""
    entries = records.changes("subscription", subscription.external_subscription_id, "user")
    return _value_at(entries, at) or subscription.external_user_id


def _value_at(entries: Sequence[HistoryEntry], at: datetime) -> str | None:
    """What held at a moment; what began on the same day holds for the day."""
    held = [entry for entry in entries if entry.valid_from < at + timedelta(days=1)]
    return held[-1].value if held else None


def _case(terms: Terms, instance: ChargeInstance, plan: Plan, pricing: Pricing, period: Period) -> Case:
    return Case(
        subscription=terms.subscription,
        plan=plan,
        charge=instance.charge,
        service_from=instance.service_from,
        service_to=instance.service_to,
        due_at=instance.due_at,
        zone=period.zone,
        pricing=pricing,
        external_user_id=owner_at(terms.subscription, terms.adopted, instance.service_from),
        adopted=terms.adopted,
        plans=terms.plans,
        family=terms.family,
    )
