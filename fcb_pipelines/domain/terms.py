"""Terms: everything that says what one subscription owes, and the cases of a month that follow from it.

Owns: which plan and customer held at the start of a range, and the list pricing of each instance. Does not own: which instances
there are (instances), what changes a list price (causes), the lines (expected).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from fcb_pipelines.domain.case import NO_RECORDS, Case, Records
from fcb_pipelines.domain.conventions import BY_DEFAULT, Conventions, Families
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.instances import ChargeInstance, flat_instances, usage_instance, whole_month
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import CPU_SECONDS, MeteredCharge, Plan
from fcb_pipelines.domain.pricing import OF_ITS_MONTH, Discount, Flat, Metered, Pricing, Quota, Span
from fcb_pipelines.domain.quotas import Used, quota
from fcb_pipelines.domain.subscriptions import Subscription

USAGE_OUTSIDE_LIFE = "usage_outside_life"
QUOTA_UNKNOWN = "quota_unknown"


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
    families: Families = BY_DEFAULT
    """By which conventions its plan is billed."""
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """All plans of the source, by id."""
    adopted: Records = NO_RECORDS
    """The source's history, and the terms that people adopted."""


def cases(terms: Terms, period: Period, used: Used) -> Iterator[tuple[ChargeInstance, Case]]:
    """Every charge instance of a month with its case, each at its list price.

    Raises `InvalidInput` where the plan has no price for the subscription's interval (a missing price is not 0.00), or where
    the history says that the plan was another one and not which.
    """
    yield from flat_cases(terms, period)
    yield from usage_cases(terms, period, used)


def flat_cases(terms: Terms, period: Period) -> Iterator[tuple[ChargeInstance, Case]]:
    """The flat price due in a month: none, one, or two where a first range was cut short by the anchor. Raises as `cases`."""
    one = terms.subscription
    for instance in flat_instances(one, period, _shape(terms, period)):
        plan = plan_at(terms, instance.service_from)
        price = one.contract_price if one.contract_price is not None else plan.flat_price(one.interval)
        whole = Span(service_from=instance.full_from, service_to=instance.service_to, price=price)
        pricing = Flat(
            service_from=instance.full_from,
            service_to=instance.service_to,
            zone=period.zone,
            convention=terms.families.of(plan).conventions.proration,
            spans=(whole,),
            instalments=one.instalments,
            discounts=() if one.discount_percent is None else (Discount(percent=one.discount_percent),),
        )
        yield instance, _case(terms, instance, plan, pricing, period)


def _shape(terms: Terms, period: Period) -> Conventions:
    """What says where ranges begin and when they are due: the conventions of the plan that the month begins with."""
    if not terms.families.declared:
        return terms.families.service.conventions
    try:
        plan = plan_at(terms, max(period.start, terms.subscription.started_at))
    except InvalidInput:
        # Nobody knows which plan that was; where it matters, the price of the range says so.
        plan = terms.plan
    return terms.families.of(plan).conventions


def usage_cases(terms: Terms, period: Period, used: Used) -> Iterator[tuple[ChargeInstance, Case]]:
    """The usage of a month, an instance for each metered charge of the plan.

    A subscription that did not live then has those of which it used anything. What is left of a quota that runs over several
    months may not be known; the instance then has a note that begins with `QUOTA_UNKNOWN`. Raises as `cases`.
    """
    lived = usage_instance(terms.subscription, CPU_SECONDS, period)
    if lived is None and not any(used.of_month.values()):
        return
    plan = plan_at(terms, lived.service_from if lived else period.start)
    for charge in plan.metered:
        quantity = used.of_month.get(charge.metric, ZERO)
        if lived is None and not quantity:
            continue
        instance = replace(lived, charge=charge.code) if lived else _outside_life(terms, charge, period)
        counted, notes = _counted(terms, plan, charge, period, used)
        pricing = Metered(charge=charge.charge, quantity=Fraction(quantity), quota=counted, metric=charge.metric)
        yield replace(instance, notes=(*instance.notes, *notes)), _case(terms, instance, plan, pricing, period)


def _outside_life(terms: Terms, charge: MeteredCharge, period: Period) -> ChargeInstance:
    return whole_month(terms.subscription.external_subscription_id, charge.code, period, USAGE_OUTSIDE_LIFE)


def _counted(terms: Terms, plan: Plan, charge: MeteredCharge, period: Period, used: Used) -> tuple[Quota, tuple[str, ...]]:
    """How its included quantity counts, and why that is not known."""
    convention = terms.families.of(plan).conventions.quota_proration
    try:
        return quota(terms.subscription, charge, period, convention, used), ()
    except InvalidInput as error:
        return OF_ITS_MONTH, (f"{QUOTA_UNKNOWN}: {error}",)


def is_known(instance: ChargeInstance) -> bool:
    """Whether its usage can be priced: what is left of its quota is known."""
    return not any(note.startswith(QUOTA_UNKNOWN) for note in instance.notes)


def unpriced(terms: Terms, period: Period, used: Used) -> Iterator[str]:
    """The metrics of which a month has usage that no charge of the plan prices."""
    if any(used.of_month.values()):
        priced = {charge.metric for charge in priced_by(terms, period)}
        yield from (metric for metric, quantity in sorted(used.of_month.items()) if quantity and metric not in priced)


def priced_by(terms: Terms, period: Period) -> tuple[MeteredCharge, ...]:
    """The metered charges of a month: those of the plan that held when its usage began. Raises as `cases`."""
    lived = usage_instance(terms.subscription, CPU_SECONDS, period)
    return plan_at(terms, lived.service_from if lived else period.start).metered


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
        family=terms.families.of(plan).name,
        rounding=terms.families.of(plan).conventions.rounding,
    )
