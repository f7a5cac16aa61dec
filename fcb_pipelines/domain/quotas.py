"""Quotas: how much of a charge's included quantity counts in a month, and what was used of it before.

Owns: the time that an included quantity is for, its part for a life that began or ended within it. Does not own: which
quantities were metered (they are handed in), shares (proration), the price of what is above (pricing).

An included quantity of a quarter or a year belongs to whole calendar months, as usage does: its time begins with the month of
the subscription's anchor. What an earlier month of that time used counts against it; where nobody metered that month, what is
left is not known, and nothing is guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.instances import anchor_day
from fcb_pipelines.domain.period import Period, add_months, day_of, midnight, month_key
from fcb_pipelines.domain.plans import CPU_SECONDS, Interval, MeteredCharge
from fcb_pipelines.domain.pricing import OF_ITS_MONTH, Quota
from fcb_pipelines.domain.proration import NOTHING, WHOLE, Proration, share
from fcb_pipelines.domain.subscriptions import Subscription

Metered = Callable[[str, str], Decimal | None]
"""(metric, month) → units that a subscription used then; None where the month was never metered."""


def never_metered(_metric: str, _month: str) -> None:
    """Nothing is known of any other month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one subscription used."""

    of_month: Mapping[str, Decimal] = field(default_factory=dict)
    """Units by metric, of the month that is rated; a metric that is absent was not used."""
    of: Metered = never_metered
    """Of other months."""


NOTHING_USED = Used()


def cpu(quantity: Decimal) -> Used:
    """So many units of the first metric, and nothing known of other months."""
    return Used(of_month={CPU_SECONDS: quantity})


def quota(subscription: Subscription, charge: MeteredCharge, period: Period, convention: Proration, used: Used) -> Quota:
    """What there is of a charge's included quantity in a month.

    Raises `InvalidInput` where the charge shares it out and no convention says how, or where an earlier month of its time was
    never metered.
    """
    part = _share(subscription, charge, period, convention)
    if charge.included_interval is Interval.MONTHLY:
        return OF_ITS_MONTH if part == WHOLE else Quota(share=part)
    months = _months(subscription, charge.included_interval, period)
    before = used_before(charge.metric, [month for month in months if month < period.key], used.of)
    return Quota(share=part, used_before=before, months=months)


def used_before(metric: str, months: list[str], of: Metered) -> Fraction:
    """The units of some months; raises `InvalidInput` where one was never metered."""
    total = NOTHING
    for month in months:
        units = of(metric, month)
        if units is None:
            raise InvalidInput(f"its included quantity counts from {months[0]} on, and {month} was never metered")
        total += Fraction(units)
    return total


def _months(subscription: Subscription, interval: Interval, period: Period) -> tuple[str, ...]:
    """The months of a quota's time in which the subscription may have used anything."""
    first = _first_month(subscription, interval, period)
    started = month_key(day_of(subscription.started_at, period.zone))
    every = (month_key(add_months(first, number)) for number in range(interval.months))
    return tuple(month for month in every if month >= min(started, period.key))


def _first_month(subscription: Subscription, interval: Interval, period: Period) -> date:
    """The first of the month that the quota's time around a period begins with."""
    anchor, month = anchor_day(subscription, period.zone), date.fromisoformat(f"{period.key}-01")
    since = (month.year - anchor.year) * 12 + month.month - anchor.month
    return add_months(month, -(since % interval.months))


def _share(subscription: Subscription, charge: MeteredCharge, period: Period, convention: Proration) -> Fraction:
    """The part of the quota's time that the subscription lived in, as far as it was known when the month ended."""
    if charge.is_prorated is False or (charge.is_prorated is None and convention is Proration.NONE):
        return WHOLE
    if convention is Proration.NONE:
        raise InvalidInput(
            f"the included quantity of charge {charge.code} is shared out, and fcb.toml declares no quota_proration"
        )
    start, end = _bounds(subscription, charge.included_interval, period)
    ended = subscription.ended_at if subscription.ended_at is not None and subscription.ended_at < period.end else None
    if subscription.started_at >= end or (ended is not None and ended <= start):
        return WHOLE
    return share(
        convention, service_from=start, service_to=end, started_at=subscription.started_at, ended_at=ended, zone=period.zone
    )


def _bounds(subscription: Subscription, interval: Interval, period: Period) -> tuple[datetime, datetime]:
    first = _first_month(subscription, interval, period)
    return midnight(first, period.zone), midnight(add_months(first, interval.months), period.zone)
