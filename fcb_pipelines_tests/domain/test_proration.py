from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import money, rounded
from fcb_pipelines.domain.period import Period, month_key
from fcb_pipelines.domain.proration import Proration, share

TORONTO = ZoneInfo("America/Toronto")
DAYS = Proration.CALENDAR_DAYS
INCLUSIVE = Proration.CALENDAR_DAYS_INCLUSIVE
THIRTY = Proration.FIXED_30_DAYS
SECONDS = Proration.SECONDS
TICK = timedelta(microseconds=1)


def at(text: str) -> datetime:
    """`03-15` or `03-15T14:00` of 2026 in Toronto."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=TORONTO)


def march(convention: Proration, started: str, ended: str | None = None) -> Fraction:
    return over("03-01", "04-01", convention, started, ended)


def over(service_from: str, service_to: str, convention: Proration, started: str, ended: str | None) -> Fraction:
    return share(
        convention,
        service_from=at(service_from),
        service_to=at(service_to),
        started_at=at(started),
        ended_at=None if ended is None else at(ended),
        zone=TORONTO,
    )


@pytest.mark.parametrize(
    ("convention", "started", "ended", "expected"),
    [
        (DAYS, "03-15", None, "17/31"),
        (DAYS, "03-15T23:59", None, "17/31"),
        (DAYS, "01-15", "03-11", "10/31"),
        (DAYS, "03-10", "03-20", "10/31"),
        (DAYS, "03-31T23:00", None, "1/31"),
        (DAYS, "03-10T01:00", "03-10T22:00", "0"),
        (INCLUSIVE, "03-15", None, "17/31"),
        (INCLUSIVE, "03-15", "04-01", "17/31"),
        (INCLUSIVE, "03-15", "03-31", "17/31"),
        (INCLUSIVE, "03-10", "03-20", "11/31"),
        (INCLUSIVE, "01-15", "03-11", "11/31"),
        (INCLUSIVE, "01-15", "03-01T00:01", "1/31"),
        (INCLUSIVE, "03-10T01:00", "03-10T22:00", "1/31"),
        (INCLUSIVE, "03-31T23:00", None, "1/31"),
        (INCLUSIVE, "03-01", "03-31", "1"),
        (THIRTY, "03-15", None, "17/30"),
        (THIRTY, "03-02", None, "1"),
        (THIRTY, "03-01T12:00", None, "1"),
        (THIRTY, "03-10", "03-20", "10/30"),
        (SECONDS, "03-31T12:00", None, "12/743"),
        (SECONDS, "03-08", "03-09", "23/743"),
        (Proration.NONE, "03-31T23:59", None, "1"),
        (Proration.NONE, "01-01", "03-01T00:01", "1"),
    ],
)
def test_part_of_march_is_shared_out_by_its_convention(
    convention: Proration, started: str, ended: str | None, expected: str
) -> None:
    assert march(convention, started, ended) == Fraction(expected)


@pytest.mark.parametrize("convention", list(Proration))
def test_a_life_that_covers_the_range_is_the_whole(convention: Proration) -> None:
    assert march(convention, "03-01") == 1
    assert march(convention, "01-20", "04-01") == 1
    assert march(convention, "01-20", "12-01") == 1
    assert over("02-01", "03-01", convention, "02-01", "03-01") == 1


@pytest.mark.parametrize("convention", list(Proration))
def test_a_life_outside_the_range_is_nothing(convention: Proration) -> None:
    assert march(convention, "01-20", "03-01") == 0
    assert march(convention, "04-01") == 0
    assert march(convention, "03-10", "03-10") == 0


@pytest.mark.parametrize(
    ("price", "bill"),
    [
        (Fraction(200), "109.68 CAD"),
        (Fraction(200, 12), "9.14 CAD"),
        (Fraction(50, 3), "9.14 CAD"),
        (Fraction("16.67"), "9.14 CAD"),
    ],
)
def test_a_price_for_17_of_31_days_is_rounded_once(price: Fraction, bill: str) -> None:
    assert rounded(price * march(DAYS, "03-15"), "CAD") == money(bill)


def test_lives_that_follow_one_another_share_a_day_where_the_day_of_the_end_counts() -> None:
    lives = [("03-01", "03-10"), ("03-10", "03-20"), ("03-20", None)]
    assert [march(INCLUSIVE, *life) for life in lives] == [Fraction(10, 31), Fraction(11, 31), Fraction(12, 31)]
    assert sum(march(DAYS, *life) for life in lives) == 1


def test_the_day_of_an_end_is_not_counted_where_the_range_ends_within_it() -> None:
    assert over("03-10T15:00", "04-10T15:00", INCLUSIVE, "03-20", "04-10T14:00") == Fraction(21, 31)
    assert over("03-10T15:00", "04-10T15:00", INCLUSIVE, "03-20", None) == Fraction(21, 31)


def test_a_year_counts_as_twelve_months_of_thirty_days() -> None:
    assert over("03-10", "12-10", THIRTY, "11-10", None) == Fraction(30, 270)


def test_days_are_those_of_the_zone_not_of_utc() -> None:
    late_evening = at("03-14T23:30").astimezone(UTC)
    assert late_evening.day == 15
    days = share(DAYS, service_from=at("03-01"), service_to=at("04-01"), started_at=late_evening, ended_at=None, zone=TORONTO)
    assert days == Fraction(18, 31)


@pytest.mark.parametrize(
    ("service_from", "service_to", "convention", "reason"),
    [
        ("03-01", "03-01", DAYS, "is empty"),
        ("04-01", "03-01", SECONDS, "is empty"),
        ("03-01", "03-29", THIRTY, "too short for fixed_30_days"),
        ("03-01T01:00", "03-01T03:00", DAYS, "too short for calendar_days"),
    ],
)
def test_a_range_that_cannot_be_shared_out_is_refused(
    service_from: str, service_to: str, convention: Proration, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        over(service_from, service_to, convention, "03-01T02:00", None)


def test_a_time_without_a_zone_is_refused() -> None:
    naive = at("03-15").replace(tzinfo=None)
    with pytest.raises(InvalidInput, match="has no timezone"):
        share(DAYS, service_from=at("03-01"), service_to=at("04-01"), started_at=naive, ended_at=None, zone=TORONTO)


ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "America/Toronto", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "America/St_Johns")
]
ANY_ZONE = st.sampled_from(ZONES) | st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
MONTHS = st.dates(date(1970, 1, 1), date(2100, 12, 1)).map(month_key)
HALF_A_MINUTE_INTO_THE_29TH, HALF_AN_HOUR_INTO_THE_29TH = (Fraction(672 * 3600 + seconds, 745 * 3600) for seconds in (30, 1830))
PLACES = st.lists(st.fractions(0, 1), min_size=1, max_size=4)


@given(key=MONTHS, zone=ANY_ZONE, places=PLACES, convention=st.sampled_from([DAYS, SECONDS]))
@example(key="2011-12", zone=ZONES[4], places=[Fraction(29, 30)], convention=DAYS)
@example(key="2006-10", zone=ZONES[5], places=[HALF_A_MINUTE_INTO_THE_29TH, HALF_AN_HOUR_INTO_THE_29TH], convention=DAYS)
def test_lives_that_tile_a_month_of_any_zone_share_out_the_whole(
    key: str, zone: ZoneInfo, places: list[Fraction], convention: Proration
) -> None:
    month = Period(key, zone)
    start, end = month.start.astimezone(UTC), month.end.astimezone(UTC)
    edges = [start, *(start + int(place * ((end - start) // TICK)) * TICK for place in sorted(places)), end]
    parts = [
        share(convention, service_from=start, service_to=end, started_at=one, ended_at=other, zone=zone)
        for one, other in pairwise(edges)
    ]
    assert min(parts) >= 0
    assert sum(parts) == 1


MOMENTS = st.integers(0, 49 * 86_400).map(lambda seconds: at("02-20") + timedelta(seconds=seconds))


@given(cuts=st.lists(MOMENTS, min_size=1, max_size=4), convention=st.sampled_from([DAYS, SECONDS]))
def test_lives_that_follow_one_another_share_out_the_whole(cuts: list[datetime], convention: Proration) -> None:
    edges = [at("02-15"), *sorted(cuts), at("04-15")]
    parts = [
        share(convention, service_from=at("03-01"), service_to=at("04-01"), started_at=start, ended_at=end, zone=TORONTO)
        for start, end in pairwise(edges)
    ]
    assert sum(parts) == 1


@given(start=MOMENTS, hours=st.integers(1, 800), longer=st.integers(0, 800), convention=st.sampled_from(list(Proration)))
def test_a_longer_life_never_has_a_smaller_share(start: datetime, hours: int, longer: int, convention: Proration) -> None:
    short, long = (
        share(
            convention,
            service_from=at("03-01"),
            service_to=at("04-01"),
            started_at=start,
            ended_at=start + timedelta(hours=length),
            zone=TORONTO,
        )
        for length in (hours, hours + longer)
    )
    assert 0 <= short <= long <= 1
