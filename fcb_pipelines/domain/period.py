"""Periods: half-open calendar months in a billing timezone.

Owns: the key `YYYY-MM`, its bounds, month arithmetic on stored anchors. Does not own: which periods are in scope (settings)
or what is due in them (subscriptions).
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.errors import InvalidInput

_SECOND = timedelta(seconds=1)

KEY = r"(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])"
"""Only the digits 0 to 9, or one month would have several keys; only years that the calendar can step on from."""


@dataclass(frozen=True, slots=True)
class Period:
    """One calendar month `[start, end)` in `zone`: `start` belongs to it, `end` to the next one."""

    key: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if not re.fullmatch(KEY, self.key):
            raise InvalidInput(f"{self.key!r} is not a period: write it as YYYY-MM, such as 2026-04")

    @property
    def start(self) -> datetime:
        """The first instant: local midnight of the first day, or what the clocks showed first where they skipped it."""
        return midnight(date(int(self.key[:4]), int(self.key[5:]), 1), self.zone)

    @property
    def end(self) -> datetime:
        """The first instant of the next month."""
        return self.next().start

    @property
    def days(self) -> int:
        """How many calendar days the month has."""
        return calendar.monthrange(int(self.key[:4]), int(self.key[5:]))[1]

    def __contains__(self, moment: datetime) -> bool:
        # In UTC, because two times of one zone are compared by their clocks in Python, and clocks go back.
        return self.start.astimezone(UTC) <= _utc(moment) < self.end.astimezone(UTC)

    def next(self) -> "Period":
        """The month that starts where this one ends."""
        return Period(month_key(add_months(date(int(self.key[:4]), int(self.key[5:]), 1), 1)), self.zone)

    def previous(self) -> "Period":
        """The month that ends where this one starts."""
        return Period(month_key(add_months(date(int(self.key[:4]), int(self.key[5:]), 1), -1)), self.zone)


def period_of(moment: datetime, zone: ZoneInfo) -> Period:
    """The period that a moment belongs to, by the zone's calendar; the one whose `[start, end)` holds it."""
    return _month(month_key(day_of(moment, zone)), zone)


@lru_cache(maxsize=1024)
def _month(key: str, zone: ZoneInfo) -> Period:
    """The same period for the same month: usage asks for one with every event."""
    return Period(key, zone)


def periods(first: Period, last: Period) -> Iterator[Period]:
    """All months from `first` to `last`, both included; none if `last` is earlier."""
    while first.key <= last.key:
        yield first
        first = first.next()


def month_key(day: date) -> str:
    """The key of the month that holds a day."""
    return f"{day.year:04d}-{day.month:02d}"


def add_months(anchor: date, months: int) -> date:
    """The anchor's day so many months on, or the month's last day where it has none (31 Jan → 28 Feb → 31 Mar).

    Always count from the stored anchor, never from the last date, or the day is lost after February.
    """
    index = anchor.year * 12 + anchor.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(anchor.day, calendar.monthrange(year, month + 1)[1]))


def moved_on(first: date, months: int, times: int) -> tuple[date, ...]:
    """The days that a day can be once it was moved on by so many months so many times.

    There are two where a month on the way does not have it: counted from the first day, or each time from the last one, by
    which it is lost (31 Jan → 28 Feb → 28 Mar).
    """
    last = first
    for _ in range(times):
        last = add_months(last, months)
    return tuple(dict.fromkeys((last, add_months(first, months * times))))


@lru_cache(maxsize=4096)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a calendar day in a zone, as its clocks showed it.

    Where clocks were put forward over midnight it is the moment at which they were; of a day that was skipped as a whole, such
    as 30 December 2011 in Samoa, it is the first instant of the next one. Of a midnight that comes twice it is the first.
    """
    written = datetime.combine(day, time.min, tzinfo=zone)
    shown = written.astimezone(UTC).astimezone(zone)
    return shown if shown.replace(tzinfo=None) == written.replace(tzinfo=None) else _after_gap(written, zone)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day whose first instant came last, never earlier for a later moment.

    It is the day that the clocks show, but where they are put back after midnight to before it (in Newfoundland until 2011, at
    one past midnight): the new day has begun and goes on.
    """
    instant = _utc(moment)
    local = instant.astimezone(zone)
    # The first instant of the next day can only have come already if the clocks were put back, which repeats what they showed.
    if not local.fold:
        return local.date()
    following = local.date() + timedelta(days=1)
    return following if midnight(following, zone).astimezone(UTC) <= instant else local.date()


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidInput(f"{moment.isoformat()} has no timezone, so its period cannot be told")
    return moment.astimezone(UTC)


def _after_gap(skipped: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks were put forward over a local time that they never showed."""
    before, after = (skipped.replace(fold=fold).astimezone(UTC) for fold in (1, 0))
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        before, after = (before, middle) if middle.astimezone(zone).date() >= skipped.date() else (middle, after)
    return after.astimezone(zone)
