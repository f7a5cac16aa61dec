from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.period import Period, add_months, day_of, midnight, month_key, moved_on, period_of, periods

TORONTO = ZoneInfo("America/Toronto")
# Clocks change at midnight in Amman (once on the first of a month), Havana and Santiago; Lord Howe moves by half an hour;
# Newfoundland put them back from one past midnight, once on the first of a month; Apia skipped a day.
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "America/Toronto",
        "America/St_Johns",
        "Asia/Amman",
        "America/Havana",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    )
]
ANY_ZONE = st.sampled_from(ZONES) | st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
ANY_KEY = st.dates(date(1970, 1, 1), date(2100, 12, 1)).map(month_key)
MOMENTS = st.integers(0, 4_133_980_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
EPSILON = timedelta(microseconds=1)


def april(zone: ZoneInfo = TORONTO) -> Period:
    return Period("2026-04", zone)


@pytest.mark.parametrize(
    "key", ["", "2026", "2026-4", "2026-13", "2026-00", "26-04", "2026-04-01", " 2026-04", "20２６-04", "0000-01", "9999-12"]
)
def test_a_key_that_is_no_month_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="write it as YYYY-MM"):
        Period(key, TORONTO)


def test_a_period_starts_and_ends_at_local_midnight() -> None:
    march = Period("2026-03", TORONTO)
    assert march.start.isoformat() == "2026-03-01T00:00:00-05:00"
    assert march.end.isoformat() == "2026-04-01T00:00:00-04:00"
    assert march.end.astimezone(UTC) - march.start.astimezone(UTC) == timedelta(days=31, hours=-1)


def test_the_start_belongs_to_a_period_and_the_end_to_the_next() -> None:
    assert april().start in april()
    assert april().end - EPSILON in april()
    assert april().end not in april()
    assert april().end in april().next()


def test_a_year_ends_and_the_next_begins() -> None:
    assert Period("2025-12", TORONTO).next() == Period("2026-01", TORONTO)


@pytest.mark.parametrize(("key", "days"), [("2026-02", 28), ("2028-02", 29), ("2026-04", 30), ("2026-12", 31)])
def test_a_period_has_the_days_of_its_month(key: str, days: int) -> None:
    assert Period(key, TORONTO).days == days


def test_a_moment_belongs_to_the_month_of_the_zone() -> None:
    moment = datetime(2026, 5, 1, 3, 59, tzinfo=UTC)
    assert period_of(moment, TORONTO).key == "2026-04"
    assert period_of(moment, ZoneInfo("UTC")).key == "2026-05"


def test_a_moment_without_a_zone_belongs_to_no_period() -> None:
    naive = april().start.replace(tzinfo=None)
    for ask in (lambda: period_of(naive, TORONTO), lambda: naive in april(), lambda: day_of(naive, TORONTO)):
        with pytest.raises(InvalidInput, match="has no timezone"):
            ask()


def test_periods_run_from_the_first_to_the_last() -> None:
    first, last = Period("2025-11", TORONTO), Period("2026-02", TORONTO)
    assert [period.key for period in periods(first, last)] == ["2025-11", "2025-12", "2026-01", "2026-02"]
    assert list(periods(first, first)) == [first]
    assert list(periods(last, first)) == []


@given(key=ANY_KEY, zone=ANY_ZONE)
def test_periods_tile_the_calendar(key: str, zone: ZoneInfo) -> None:
    months = [Period(key, zone)]
    months += [months[-1].next()]
    months += [months[-1].next()]
    for month, following in pairwise(months):
        assert month.end == following.start
        assert month.end.astimezone(UTC) - month.start.astimezone(UTC) > timedelta(days=27, hours=22)


@given(moment=MOMENTS, zone=ANY_ZONE)
def test_every_moment_lies_in_exactly_its_own_period(moment: datetime, zone: ZoneInfo) -> None:
    period = period_of(moment, zone)
    assert moment in period
    assert moment not in period.next()
    assert period.key == month_key(day_of(moment, zone))
    assert sum(moment in month for month in (period.previous(), period, period.next())) == 1


@given(key=ANY_KEY, zone=ANY_ZONE)
def test_the_moment_before_the_start_is_of_the_month_before(key: str, zone: ZoneInfo) -> None:
    period = Period(key, zone)
    before = period_of(period.start.astimezone(UTC) - EPSILON, zone)
    assert before.next() == period


MONTHS = [date(year, month, 1) for year in range(1970, 2101) for month in range(1, 13)]


@pytest.mark.slow
def test_months_tile_the_years_1970_to_2100_in_every_zone() -> None:
    """A start is the first instant of its month: what comes just before is of the month before, by the clocks themselves."""
    for zone in zones_of_different_rules():
        before = datetime(1969, 12, 1, 12, tzinfo=UTC)
        for first in MONTHS:
            shown = midnight(first, zone)
            start = shown.astimezone(UTC)
            assert shown.date() == first, (zone, first)
            assert (start - EPSILON).astimezone(zone).date() < first, (zone, first)
            assert timedelta(days=27, hours=22) < start - before < timedelta(days=32), (zone, first)
            before = start


def zones_of_different_rules() -> list[ZoneInfo]:
    """All zones there are, but one of those that differ by name alone."""
    by_rules = {rules(name): name for name in sorted(available_timezones())}
    assert len(by_rules) > 300
    return [ZoneInfo(name) for name in by_rules.values()]


def rules(name: str) -> bytes:
    files = (Path(folder, name) for folder in TZPATH)
    return next((file.read_bytes() for file in files if file.is_file()), name.encode())


@pytest.mark.parametrize(
    ("name", "year"),
    [("America/St_Johns", 2009), ("America/Moncton", 2006), ("America/Sao_Paulo", 2018), ("Pacific/Apia", 2011)],
)
def test_a_day_never_comes_back_when_clocks_do(name: str, year: int) -> None:
    zone = ZoneInfo(name)
    noon = datetime(year, 1, 1, 12, tzinfo=UTC)
    days = [day_of(noon + timedelta(minutes=30 * half_hours), zone) for half_hours in range(48 * 366)]
    assert days == sorted(days)


@pytest.mark.parametrize(
    ("zone", "day", "first", "why"),
    [
        ("Asia/Amman", "2016-04-01", "2016-04-01T01:00:00+03:00", "put forward at midnight"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", "put forward at midnight"),
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T00:00:00-03:00", "put back at midnight, which then came"),
        ("Asia/Beirut", "2026-03-29", "2026-03-29T01:00:00+03:00", "put forward at midnight"),
        ("Africa/Cairo", "2026-04-24", "2026-04-24T01:00:00+03:00", "put forward at midnight"),
        ("Africa/Cairo", "2026-10-30", "2026-10-30T00:00:00+02:00", "put back at midnight, which then came"),
        ("America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00", "put back from one to midnight, which came twice"),
        ("America/St_Johns", "2009-11-01", "2009-11-01T00:00:00-02:30", "put back from one past midnight, which came twice"),
        ("America/Nuuk", "2026-03-29", "2026-03-29T00:00:00-01:00", "put forward from eleven to midnight"),
        ("America/Toronto", "1919-03-31", "1919-03-31T00:30:00-04:00", "put forward from half past eleven"),
        ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", "the day was skipped"),
        ("Pacific/Kwajalein", "1993-08-21", "1993-08-22T00:00:00+12:00", "the day was skipped"),
        ("America/Toronto", "2026-03-08", "2026-03-08T00:00:00-05:00", "put forward later that day"),
    ],
)
def test_a_day_begins_with_what_the_clocks_showed_first(zone: str, day: str, first: str, why: str) -> None:
    shown = midnight(date.fromisoformat(day), ZoneInfo(zone))
    assert shown.isoformat() == first, why
    assert (shown.astimezone(UTC) - EPSILON).astimezone(shown.tzinfo).date() < date.fromisoformat(day)


def test_the_minutes_before_a_new_month_that_come_again_after_it_began_are_its_own() -> None:
    newfoundland = ZoneInfo("America/St_Johns")
    october, november = Period("2009-10", newfoundland), Period("2009-11", newfoundland)
    again = datetime(2009, 10, 31, 23, 30, tzinfo=newfoundland, fold=1)
    once = again.replace(fold=0)
    assert (period_of(once, newfoundland), once in october, once in november) == (october, True, False)
    assert (period_of(again, newfoundland), again in october, again in november) == (november, False, True)
    assert day_of(again, newfoundland) == date(2009, 11, 1)


def test_clocks_that_are_put_back_at_midnight_lengthen_the_old_day() -> None:
    brazil = ZoneInfo("America/Sao_Paulo")
    again = datetime(2018, 2, 17, 23, 30, tzinfo=brazil, fold=1)
    assert day_of(again, brazil) == date(2018, 2, 17)
    assert day_of(again + timedelta(minutes=30), brazil) == date(2018, 2, 18)


def test_anchored_months_fall_back_to_the_last_day_and_return() -> None:
    anchor = date(2026, 1, 31)
    shown = [add_months(anchor, months).isoformat() for months in range(5)]
    assert shown == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert add_months(date(2024, 2, 29), 48) == date(2028, 2, 29)
    assert add_months(anchor, -2) == date(2025, 11, 30)
    assert add_months(date(2026, 12, 15), 1) == date(2027, 1, 15)


@pytest.mark.parametrize(
    ("first", "months", "times", "days"),
    [
        ("2026-07-01", 1, 0, ["2026-07-01"]),
        ("2026-07-01", 1, 2, ["2026-09-01"]),
        ("2026-07-01", 12, 1, ["2027-07-01"]),
        ("2026-01-31", 1, 1, ["2026-02-28"]),
        ("2026-01-31", 1, 2, ["2026-03-28", "2026-03-31"]),
    ],
)
def test_a_day_is_moved_on_from_the_last_one_or_the_first(first: str, months: int, times: int, days: list[str]) -> None:
    assert [one.isoformat() for one in moved_on(date.fromisoformat(first), months, times)] == days


@pytest.mark.parametrize(
    ("anchor", "every", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28 2026-03-31 2026-04-30"),
        ("2028-01-30", 1, "2028-02-29 2028-03-30 2028-04-30"),
        ("2025-11-30", 3, "2026-02-28 2026-05-30 2026-08-30"),
        ("2026-08-31", 3, "2026-11-30 2027-02-28 2027-05-31"),
        ("2024-02-29", 12, "2025-02-28 2026-02-28 2027-02-28 2028-02-29"),
        ("2096-02-29", 12, "2097-02-28 2098-02-28 2099-02-28 2100-02-28"),
    ],
)
def test_intervals_are_counted_from_the_stored_anchor_and_not_from_the_last_date(
    anchor: str, every: int, expected: str
) -> None:
    days = expected.split()
    stored = date.fromisoformat(anchor)
    assert [add_months(stored, every * number).isoformat() for number in range(1, len(days) + 1)] == days


@given(anchor=st.dates(date(1990, 1, 1), date(2037, 12, 31)), months=st.integers(-200, 200))
def test_anchored_months_step_through_every_month_once(anchor: date, months: int) -> None:
    day, following = add_months(anchor, months), add_months(anchor, months + 1)
    assert (following.year * 12 + following.month) - (day.year * 12 + day.month) == 1
    assert day.day == anchor.day or (day.day < anchor.day and (day + timedelta(days=1)).day == 1)
