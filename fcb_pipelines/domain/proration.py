"""Proration: which share of a full service range a subscription's life covers.

Owns: the five proration conventions. Does not own: which convention holds (settings), the price that is shared out.
A share is exact; money is rounded once, after price × share (200 × 17/31 is 109.68).
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.period import day_of

WHOLE = Fraction(1)
NOTHING = Fraction(0)

_DAYS_OF_MONTH = 30
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


class Proration(StrEnum):
    """How a part of a service range is priced."""

    NONE = "none"
    """Any part costs as much as the whole."""
    CALENDAR_DAYS = "calendar_days"
    """Local days alive ÷ local days of the range; the day of the end is not counted."""
    CALENDAR_DAYS_INCLUSIVE = "calendar_days_inclusive"
    """The same with the day of the end counted where it lies within the range; a life of one day costs one day.

    Two lives which follow one another share the day on which one ends and the other starts: together they cost a day more.
    """
    FIXED_30_DAYS = "fixed_30_days"
    """Local days alive ÷ 30 for each month of the range, never more than the whole."""
    SECONDS = "seconds"
    """Elapsed time alive ÷ elapsed time of the range; a day of 23 hours is shorter than others."""


def share(
    convention: Proration,
    *,
    service_from: datetime,
    service_to: datetime,
    started_at: datetime,
    ended_at: datetime | None,
    zone: ZoneInfo,
) -> Fraction:
    """The share, 0 to 1, of the range `[service_from, service_to)` that the life `[started_at, ended_at)` covers.

    `ended_at` None is a life without an end. Days are those of `zone`; the day of an end is not counted, so that two lives
    which follow one another never share a day, but under `calendar_days_inclusive`. A life that covers the range is the whole
    under every convention. Raises `InvalidInput` for an empty range, a time without a zone, or a range shorter than a month
    under `fixed_30_days`.
    """
    full_from, full_to, start, end = (_utc(moment) for moment in (service_from, service_to, started_at, ended_at or service_to))
    if full_to <= full_from:
        raise InvalidInput(f"the service range from {service_from.isoformat()} is empty")
    start, end = max(start, full_from), min(end, full_to)
    if end <= start:
        return NOTHING
    if (start, end) == (full_from, full_to) or convention is Proration.NONE:
        return WHOLE
    if convention is Proration.SECONDS:
        return Fraction((end - start) // _TICK, (full_to - full_from) // _TICK)
    first, last = day_of(full_from, zone), day_of(full_to, zone)
    until = day_of(end, zone)
    if convention is Proration.CALENDAR_DAYS_INCLUSIVE:
        until = min(until + _DAY, last)
    return min(WHOLE, Fraction((until - day_of(start, zone)).days, _days(convention, first, last)))


def _days(convention: Proration, first: date, last: date) -> int:
    """How many days the whole range counts as."""
    if convention is Proration.FIXED_30_DAYS:
        days = _DAYS_OF_MONTH * ((last.year - first.year) * 12 + last.month - first.month)
    else:
        days = (last - first).days
    if days <= 0:
        raise InvalidInput(f"a service range from {first} to {last} is too short for {convention}")
    return days


def _utc(moment: datetime) -> datetime:
    # Two times of one zone are compared and subtracted by their clocks in Python; only in UTC is that the time elapsed.
    if moment.tzinfo is None:
        raise InvalidInput(f"{moment.isoformat()} has no timezone, so no share can be told")
    return moment.astimezone(UTC)
