"""Charge instances: one charge of one subscription for one service range, due in advance or in arrears.

Owns: which instances a month holds, their ranges, and whether anything is due for them. Does not own: their price (rating) or
what was billed for them (reconciliation).

An instance belongs to the month that its service range starts in, in full and once. Flat prices are due at the start of their
range or, where that is declared, at its end; usage at its end. Ranges are whole days of the billing timezone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.conventions import Billed, Conventions, Months
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.period import Period, add_months, midnight, month_key
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.subscriptions import Subscription

DEFAULT = Conventions()
FLAT = "flat"
"""The charge of the flat price; every other charge is named after its metric."""

IN_TRIAL = "in_trial"
INTERNAL = "internal"
FREE = "free"
NOT_DUE = frozenset({IN_TRIAL, INTERNAL, FREE})
"""Notes that say why nothing is due for an instance."""
TERM_ATTESTED = "term_attested"
TERM_UNKNOWN = "term_unknown_at"
_UNDATED = "the terms that held at the start of the range (valid_from of the plan, or terms_assumed_from in fcb.toml)"
_CHANGED = "the source's history would tell, a new valid_from of the plan, or a history entry in fcb.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeInstance:
    """One charge of one subscription for `[service_from, service_to)`, due at `due_at`."""

    external_subscription_id: str
    charge: str
    service_from: datetime
    service_to: datetime
    due_at: datetime
    full_from: datetime
    """Start of the whole range of its interval: earlier than its own where the subscription began within it."""
    ended_at: datetime | None = None
    """Where the subscription ended within it."""
    notes: tuple[str, ...] = ()

    @property
    def line_key(self) -> str:
        """The stable key of the line that bills it."""
        return f"{self.external_subscription_id}/{self.charge}/{self.service_from.date().isoformat()}"


def flat_instances(
    subscription: Subscription, period: Period, conventions: Conventions = DEFAULT
) -> tuple[ChargeInstance, ...]:
    """The instances of the flat price whose range starts in a month, in order; none where none does.

    A monthly price follows the calendar, where its plan's conventions do not say otherwise: the range starts with the month,
    or with the subscription, and ends with the month. Every other follows the subscription's anchor, counted from that stored
    day each time, and starts in the middle of a range where the subscription did. So a month can have two: what was left of the
    range that it started in, and the next one.
    """
    zone = period.zone
    began = midnight(_day(subscription.started_at, zone), zone)
    found = []
    for full in _ranges(subscription, period, conventions.months):
        start = max(full[0], began)
        if _is_alive_at(subscription, start, full[1], conventions.months, zone=zone):
            ended = subscription.ended_at if subscription.ended_at is not None and subscription.ended_at < full[1] else None
            due_at = start if conventions.billed is Billed.IN_ADVANCE else full[1]
            instance = _instance(subscription, FLAT, start, full[1], due_at=due_at)
            found.append(replace(instance, full_from=full[0], ended_at=ended))
    return tuple(found)


def usage_instance(subscription: Subscription, metric: str, period: Period) -> ChargeInstance | None:
    """The usage charge of a month, due at the range's end, or None where the subscription was not alive."""
    if not subscription.is_alive_in(period):
        return None
    start = max(period.start, midnight(_day(subscription.started_at, period.zone), period.zone))
    end = min(period.end, _end_of_life(subscription, period.zone) or period.end)
    return _instance(subscription, metric, start, max(end, start + timedelta(days=1)), due_at=end)


def whole_month(subscription_id: str, metric: str, period: Period, note: str) -> ChargeInstance:
    """The usage charge for use outside the subscription's life: the whole month, marked."""
    return ChargeInstance(
        external_subscription_id=subscription_id,
        charge=metric,
        service_from=period.start,
        service_to=period.end,
        due_at=period.end,
        full_from=period.start,
        notes=(note,),
    )


def covering(subscription: Subscription, period: Period) -> tuple[datetime, datetime] | None:
    """The range of several months that covers a month in which no new one starts, or None."""
    is_covered = subscription.months > 1 and subscription.is_alive_in(period)
    if not is_covered or _ranges(subscription, period, Months.ANCHORED):
        return None
    first = period.start.astimezone(period.zone).date()
    return _range_of(anchor_day(subscription, period.zone), subscription.months, first, period.zone)


def anchor_day(subscription: Subscription, zone: ZoneInfo) -> date:
    """The stored day that ranges are counted from: the subscription's own anchor, else the day it started."""
    return _day(subscription.billing_anchor or subscription.started_at, zone)


def is_last_instalment(subscription: Subscription, full_from: datetime, zone: ZoneInfo) -> bool:
    """Whether a range is for the last of the instalments of its price, counted from the stored anchor."""
    since = _months_between(anchor_day(subscription, zone), _day(full_from, zone))
    return since // subscription.months % subscription.instalments == subscription.instalments - 1


def reasons_not_due(
    instance: ChargeInstance, evidence: Sequence[Evidence], *, is_internal: bool, is_free: bool
) -> tuple[str, ...]:
    """Why nothing is due for an instance although it exists: internal account, free plan, or inside a trial on record."""
    in_trial = any(
        record.kind == "trial"
        and record.subject_kind == "subscription"
        and record.subject_id == instance.external_subscription_id
        and _holds_on_first_day(record, instance)
        for record in evidence
    )
    found = ((INTERNAL, is_internal), (FREE, is_free), (IN_TRIAL, in_trial))
    return tuple(reason for reason, holds in found if holds)


def _holds_on_first_day(record: Evidence, instance: ChargeInstance) -> bool:
    """Whether a record holds at any time of the range's first day: a trial may begin in the afternoon, as its subscription."""
    day = instance.service_from, instance.service_from + timedelta(days=1)
    return (record.valid_from is None or record.valid_from < day[1]) and (record.valid_to is None or record.valid_to > day[0])


def term_note(plan: Plan, at: datetime, terms_from: datetime | None) -> str | None:
    """How we know the plan's terms at a moment: None if a record says so, attested if it has no date, else unknown.

    A plan that says it holds only from later on is not attested for the time before.
    """
    if plan.valid_from is not None:
        return None if plan.valid_from <= at else TERM_UNKNOWN
    return TERM_ATTESTED if terms_from is not None and terms_from <= at else TERM_UNKNOWN


def untold_terms(notes: Sequence[str]) -> tuple[str, ...]:
    """What would tell the terms of an instance without an amount: of those that snapshots saw change, between which days."""
    said = f"{TERM_UNKNOWN}: "
    changed = [note.removeprefix(said) for note in notes if note.startswith(said)]
    return tuple(f"{each}: {_CHANGED}" for each in changed) or (_UNDATED,)


def _instance(subscription: Subscription, charge: str, start: datetime, end: datetime, *, due_at: datetime) -> ChargeInstance:
    return ChargeInstance(
        external_subscription_id=subscription.external_subscription_id,
        charge=charge,
        service_from=start,
        service_to=end,
        due_at=due_at,
        full_from=start,
    )


def _ranges(subscription: Subscription, period: Period, months: Months) -> tuple[tuple[datetime, datetime], ...]:
    """The whole ranges that have an instance in a month, if it lives then: they start in it, or the life starts in both."""
    if _is_by_calendar(subscription, months):
        return ((period.start, period.end),)
    zone, size, started = period.zone, subscription.months, _day(subscription.started_at, period.zone)
    anchor = anchor_day(subscription, zone)
    since = _months_between(anchor, period.start.astimezone(zone).date())
    found = set() if since % size else {_counted(anchor, size, since, zone)}
    if month_key(started) == period.key:
        found.add(_range_of(anchor, size, started, zone))
    began = midnight(started, zone)
    return tuple(sorted(each for each in found if each[1] > began and max(each[0], began) in period))


def _is_by_calendar(subscription: Subscription, months: Months) -> bool:
    return subscription.interval is Interval.MONTHLY and months is Months.CALENDAR


def _range_of(anchor: date, size: int, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The range of so many months that holds a day, counted from an anchor that may be earlier or later."""
    since = _months_between(anchor, day) // size * size
    return _counted(anchor, size, since if add_months(anchor, since) <= day else since - size, zone)


def _counted(anchor: date, size: int, since: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The range of so many months that starts so many months after its anchor."""
    return midnight(add_months(anchor, since), zone), midnight(add_months(anchor, since + size), zone)


def _months_between(one: date, other: date) -> int:
    return (other.year - one.year) * 12 + other.month - one.month


def _is_alive_at(subscription: Subscription, start: datetime, end: datetime, months: Months, *, zone: ZoneInfo) -> bool:
    """Whether a range of the flat price is lived in. A year that ends at its own hour is not begun again that day."""
    if subscription.ended_at is not None and subscription.ended_at <= subscription.started_at:
        return False
    if not _is_by_calendar(subscription, months):
        start = datetime.combine(_day(start, zone), subscription.started_at.astimezone(zone).timetz().replace(tzinfo=zone))
    return subscription.started_at < end and (subscription.ended_at is None or subscription.ended_at > start)


def _end_of_life(subscription: Subscription, zone: ZoneInfo) -> datetime | None:
    """The midnight that ends the last day of its life."""
    if subscription.ended_at is None:
        return None
    day = midnight(_day(subscription.ended_at, zone), zone)
    return day if day == subscription.ended_at else midnight(_day(subscription.ended_at, zone) + timedelta(days=1), zone)


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()
