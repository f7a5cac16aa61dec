from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.period import Period, add_months, midnight, month_key, period_of, periods

TORONTO = ZoneInfo("America/Toronto")
# Clocks change at midnight in Amman (once on the first of a month), Havana and Santiago; Lord Howe moves by half an hour.
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
    )
]
ANY_ZONE = st.sampled_from(ZONES)
ANY_KEY = st.dates(date(1990, 1, 1), date(2037, 12, 1)).map(month_key)
MOMENTS = st.integers(0, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
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
    with pytest.raises(InvalidInput, match="has no timezone"):
        period_of(april().start.replace(tzinfo=None), TORONTO)


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
    assert period.key == month_key(moment.astimezone(zone).date())


@given(key=ANY_KEY, zone=ANY_ZONE)
def test_the_moment_before_the_start_is_of_the_month_before(key: str, zone: ZoneInfo) -> None:
    period = Period(key, zone)
    before = period_of(period.start.astimezone(UTC) - EPSILON, zone)
    assert before.next() == period


def test_a_month_whose_first_midnight_does_not_exist_starts_when_the_clocks_change() -> None:
    amman = ZoneInfo("Asia/Amman")
    assert midnight(date(2016, 4, 1), amman).astimezone(UTC) == datetime(2016, 3, 31, 22, tzinfo=UTC)


def test_anchored_months_fall_back_to_the_last_day_and_return() -> None:
    anchor = date(2026, 1, 31)
    shown = [add_months(anchor, months).isoformat() for months in range(5)]
    assert shown == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]
    assert add_months(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert add_months(date(2024, 2, 29), 48) == date(2028, 2, 29)
    assert add_months(anchor, -2) == date(2025, 11, 30)
    assert add_months(date(2026, 12, 15), 1) == date(2027, 1, 15)


@given(anchor=st.dates(date(1990, 1, 1), date(2037, 12, 31)), months=st.integers(-200, 200))
def test_anchored_months_step_through_every_month_once(anchor: date, months: int) -> None:
    day, following = add_months(anchor, months), add_months(anchor, months + 1)
    assert (following.year * 12 + following.month) - (day.year * 12 + day.month) == 1
    assert day.day == anchor.day or (day.day < anchor.day and (day + timedelta(days=1)).day == 1)
