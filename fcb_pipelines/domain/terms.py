"""Terms: everything that says what one subscription owes, and the cases of a month that follow from it.

Owns: the list pricing of each instance, by the terms that held at the start of its range, and which of them must be known for
it. Does not own: what held at a moment (seen), which instances there are (instances), what changes a list price (causes), the
lines (expected).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction

from fcb_pipelines.domain.case import NO_RECORDS, Case, Records
from fcb_pipelines.domain.conventions import BY_DEFAULT, Families, Instalments
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.instances import (
    FLAT,
    TERM_UNKNOWN,
    ChargeInstance,
    covering,
    flat_instances,
    is_last_instalment,
    usage_instance,
    whole_month,
)
from fcb_pipelines.domain.money import ZERO, Rounding, minor_units
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import CPU_SECONDS, Interval, MeteredCharge, Plan
from fcb_pipelines.domain.pricing import OF_ITS_MONTH, Discount, Flat, Metered, Pricing, Quota, Span
from fcb_pipelines.domain.quotas import Used, quota
from fcb_pipelines.domain.seen import NOTHING_SEEN, Seen, owner_at, plan_as_of, subscription_as_of
from fcb_pipelines.domain.subscriptions import Subscription

USAGE_OUTSIDE_LIFE = "usage_outside_life"
QUOTA_UNKNOWN = "quota_unknown"

_FLAT = frozenset({"plan", "currency", "billing_interval", "instalments", "contract_price", "discount_percent"})
"""Terms that every flat price is made of; a contract's price stands in place of the plan's, in the plan's currency."""
_USAGE = frozenset({"plan", "currency", "included_quantity", "unit_price", "unit_batch", "charges"})
_TOLD_BY = (("contract_price", "subscription"), ("plan_price", "plan"), ("quota", "subscription"), ("quota", "plan"))
"""Records that, adopted and holding, say a term in the place of what nobody knows."""


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
    seen: Seen = NOTHING_SEEN
    """What successive snapshots saw of plans and subscriptions that changed."""

    @property
    def is_dated(self) -> bool:
        """Whether anything is on record of what the subscription was from when on."""
        key = self.subscription.external_subscription_id
        return key in self.seen.subscriptions or self.adopted.has_history("subscription", key)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAt:
    """The subscription and its plan as they were at a moment."""

    subscription: Subscription
    plan: Plan
    unknown: Mapping[str, str]
    """Terms of which no record says what held then, and why."""


def cases(terms: Terms, period: Period, used: Used) -> Iterator[tuple[ChargeInstance, Case]]:
    """Every charge instance of a month with its case, each at its list price.

    Raises `InvalidInput` where the plan has no price for the subscription's interval (a missing price is not 0.00), or where
    the history says that the plan was another one and not which.
    """
    yield from flat_cases(terms, period)
    yield from usage_cases(terms, period, used)


def flat_cases(terms: Terms, period: Period) -> Iterator[tuple[ChargeInstance, Case]]:
    """The flat price due in a month: none, one, or two where a first range was cut short by the anchor. Raises as `cases`."""
    for instance in _instances(terms, period):
        held = terms_at(terms, instance.service_from)
        pricing = _flat(terms, held, instance, period)
        plans, untold = _plans(terms, instance)
        notes = (*instance.notes, *_unknown(terms, held, instance.service_from, _of_flat(held)), *untold)
        case = replace(_case(terms, instance, held, pricing, period), plans=plans)
        yield replace(instance, notes=tuple(dict.fromkeys(notes))), case


def _flat(terms: Terms, held: TermsAt, instance: ChargeInstance, period: Period) -> Flat:
    one = held.subscription
    price = one.contract_price if one.contract_price is not None else held.plan.flat_price(one.interval)
    return Flat(
        service_from=instance.full_from,
        service_to=instance.service_to,
        zone=period.zone,
        convention=terms.families.of(held.plan).conventions.proration,
        spans=(Span(service_from=instance.full_from, service_to=instance.service_to, price=price),),
        instalments=one.instalments,
        discounts=() if one.discount_percent is None else (Discount(percent=one.discount_percent),),
        rest=_rest(terms, held, instance, period),
    )


def _rest(terms: Terms, held: TermsAt, instance: ChargeInstance, period: Period) -> tuple[int, Rounding] | None:
    """How the price is rounded of which the last instalment takes the rest; None where it does not, or this is not the last."""
    declared, one = terms.families.of(held.plan).conventions, held.subscription
    if declared.instalments is Instalments.EACH or one.instalments == 1:
        return None
    is_last = is_last_instalment(one, instance.full_from, period.zone)
    return (minor_units(held.plan.currency), declared.rounding) if is_last else None


def _shape(terms: Terms, at: datetime) -> TermsAt:
    """What says where ranges begin and when they are due: the terms of a moment, such as that with which a month begins."""
    if not terms.families.declared and not terms.is_dated:
        return TermsAt(subscription=terms.subscription, plan=terms.plan, unknown={})
    try:
        return terms_at(terms, max(at, terms.subscription.started_at))
    except InvalidInput:
        # Nobody knows what that was; where it matters, the price of the range says so.
        return TermsAt(subscription=terms.subscription, plan=terms.plan, unknown={})


def _instances(terms: Terms, period: Period) -> tuple[ChargeInstance, ...]:
    """The ranges of a month by the terms that it begins with and, if those changed, by what it ends with."""
    shape = _shape(terms, period.start)
    found = flat_instances(shape.subscription, period, terms.families.of(shape.plan).conventions)
    if not terms.is_dated:
        return found
    found = tuple(one if _is_of(shape, terms, one) else _changed_before(one) for one in found)
    later, known = _shape(terms, period.end - timedelta(days=1)), {one.service_from for one in found}
    if later.subscription.months != shape.subscription.months:
        new = flat_instances(later.subscription, period, terms.families.of(later.plan).conventions)
        found = (*found, *(one for one in new if _is_of(later, terms, one) and one.service_from not in known))
    return found or _uncovered(terms, shape, period)


def _is_of(shape: TermsAt, terms: Terms, one: ChargeInstance) -> bool:
    """Whether a range begins under terms by which it is as long as it is."""
    return _shape(terms, one.service_from).subscription.months == shape.subscription.months


def _changed_before(one: ChargeInstance) -> ChargeInstance:
    why = f"{TERM_UNKNOWN}: its billing interval changed between the month's start and the range's"
    return replace(one, notes=(*one.notes, why))


def _uncovered(terms: Terms, shape: TermsAt, period: Period) -> tuple[ChargeInstance, ...]:
    """A month of which nobody knows that an earlier range covers it: the interval was another one when that began."""
    covers, one = covering(shape.subscription, period), shape.subscription
    if covers is None:
        return ()
    why = [shape.unknown[name] for name in ("billing_interval", "instalments") if name in shape.unknown]
    if not why and _shape(terms, covers[0]).subscription.months != one.months:
        first, end = (moment.astimezone(period.zone).date() for moment in covers)
        why = [f"its billing interval changed within {first} to {end}, and no record says what is due for the rest of it"]
    return tuple(whole_month(one.external_subscription_id, FLAT, period, f"{TERM_UNKNOWN}: {each}") for each in why[:1])


def _of_flat(held: TermsAt) -> frozenset[str]:
    """The terms that a flat price is made of."""
    if held.subscription.contract_price is not None and "contract_price" not in held.unknown:
        return _FLAT
    return _FLAT | {f"price_{held.subscription.interval}"}


def _unknown(terms: Terms, held: TermsAt, at: datetime, needed: Iterable[str]) -> tuple[str, ...]:
    """Why nobody knows what an instance costs: a note for each term that it needs and that no record says."""
    missing = [name for name in held.unknown if name in needed]
    for kind, subject_kind in _TOLD_BY if missing else ():
        subject = held.plan.external_plan_id if subject_kind == "plan" else held.subscription.external_subscription_id
        for record in terms.adopted.of(kind, subject_kind, subject):
            missing = [name for name in missing if not (record.holds_at(at) and name in _said(record, held))]
    return tuple(f"{TERM_UNKNOWN}: {held.unknown[name]}" for name in missing)


def _said(record: Evidence, held: TermsAt) -> Collection[str]:
    """The terms that a record says; none names a currency, a price of a plan is for one interval, a quota may be another's."""
    if record.kind == "quota":
        return ("included_quantity",) if CPU_SECONDS in record.data.get("charges", [CPU_SECONDS]) else ()
    if record.kind == "plan_price":
        return (f"price_{record.interval(held.subscription.interval)}",)
    return ("contract_price", *(f"price_{each}" for each in Interval))


def _plans(terms: Terms, instance: ChargeInstance) -> tuple[Mapping[str, Plan], tuple[str, ...]]:
    """All plans, those that it went over to within a range as they were then, and why one of them is not known."""
    key = terms.subscription.external_subscription_id
    changes = terms.adopted.changes("subscription", key, "plan") if terms.seen.plans else ()
    found, notes = dict(terms.plans) if changes else terms.plans, []
    for entry in changes:
        plan = terms.plans.get(entry.value or "")
        if plan is not None and instance.service_from <= entry.valid_from < instance.service_to:
            held = plan_as_of(plan, entry.valid_from, terms.seen, terms.adopted)
            found = {**found, plan.external_plan_id: held.record}
            notes += [held.unknown[name] for name in held.unknown if name.startswith("price_")]
    return found, tuple(f"{TERM_UNKNOWN}: {note}" for note in notes)


def usage_cases(terms: Terms, period: Period, used: Used) -> Iterator[tuple[ChargeInstance, Case]]:
    """The usage of a month, an instance for each metered charge of the plan.

    A subscription that did not live then has those of which it used anything. What is left of a quota that runs over several
    months may not be known; the instance then has a note that begins with `QUOTA_UNKNOWN`. Raises as `cases`.
    """
    lived = usage_instance(terms.subscription, CPU_SECONDS, period)
    if lived is None and not any(used.of_month.values()):
        return
    held, key = terms_at(terms, lived.service_from if lived else period.start), terms.subscription.external_subscription_id
    unknown = _unknown(terms, held, lived.service_from if lived else period.start, _USAGE)
    for charge in held.plan.metered:
        quantity = used.of_month.get(charge.metric, ZERO)
        if lived is None and not quantity:
            continue
        instance = replace(lived, charge=charge.code) if lived else whole_month(key, charge.code, period, USAGE_OUTSIDE_LIFE)
        counted, notes = _counted(terms, held.plan, charge, period, used)
        pricing = Metered(charge=charge.charge, quantity=Fraction(quantity), quota=counted, metric=charge.metric)
        case = _case(terms, instance, held, pricing, period)
        yield replace(instance, notes=(*instance.notes, *unknown, *notes)), case


def _counted(terms: Terms, plan: Plan, charge: MeteredCharge, period: Period, used: Used) -> tuple[Quota, tuple[str, ...]]:
    """How its included quantity counts, and why that is not known."""
    convention = terms.families.of(plan).conventions.quota_proration
    try:
        return quota(terms.subscription, charge, period, convention, used), ()
    except InvalidInput as error:
        return OF_ITS_MONTH, (f"{QUOTA_UNKNOWN}: {error}",)


def is_known(instance: ChargeInstance) -> bool:
    """Whether it can be priced: a record says which terms held, and what was left of its quota."""
    return not any(note.startswith((QUOTA_UNKNOWN, TERM_UNKNOWN)) for note in instance.notes)


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
    """The plan at the start of a range, with the terms that it had then. Raises as `terms_at`."""
    return terms_at(terms, at).plan


def terms_at(terms: Terms, at: datetime) -> TermsAt:
    """The subscription and its plan at the start of a range, by the source's history and by what was seen.

    Raises `InvalidInput` where the history begins later, so that nobody knows what held before, or names an unknown plan.
    """
    one = subscription_as_of(terms.subscription, at, terms.seen, terms.adopted)
    named = one.record.external_plan_id
    plan = terms.plan if named == terms.plan.external_plan_id else terms.plans.get(named)
    if plan is None:
        raise InvalidInput(f"its history names plan {named} on {at.date()}, which is missing from the snapshot, or bad there")
    held = plan_as_of(plan, at, terms.seen, terms.adopted)
    return TermsAt(subscription=one.record, plan=held.record, unknown={**one.unknown, **held.unknown})


def _case(terms: Terms, instance: ChargeInstance, held: TermsAt, pricing: Pricing, period: Period) -> Case:
    return Case(
        subscription=held.subscription,
        plan=held.plan,
        charge=instance.charge,
        service_from=instance.service_from,
        service_to=instance.service_to,
        due_at=instance.due_at,
        zone=period.zone,
        pricing=pricing,
        external_user_id=owner_at(terms.subscription, terms.adopted, instance.service_from),
        adopted=terms.adopted,
        plans=terms.plans,
        family=terms.families.of(held.plan).name,
        rounding=terms.families.of(held.plan).conventions.rounding,
        instalments=terms.families.of(held.plan).conventions.instalments,
    )
