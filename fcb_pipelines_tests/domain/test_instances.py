"""Which charge instances a month holds, and what makes one not due."""

import itertools
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.instances import (
    FREE,
    IN_TRIAL,
    INTERNAL,
    TERM_ATTESTED,
    TERM_UNKNOWN,
    ChargeInstance,
    covering,
    flat_instances,
    reasons_not_due,
    term_note,
    usage_instance,
)
from fcb_pipelines.domain.period import Period, periods
from fcb_pipelines.domain.plans import CPU_SECONDS, Interval
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines_tests.builders import APRIL, TORONTO, a_plan, a_subscription, day, evidence


def flat_instance(subscription: Subscription, period: Period) -> ChargeInstance | None:
    """The only one of a month."""
    found = flat_instances(subscription, period)
    assert len(found) <= 1
    return next(iter(found), None)


YEAR = [*periods(Period("2026-01", TORONTO), Period("2026-12", TORONTO))]


@pytest.mark.parametrize(
    ("started", "ended", "bounds"),
    [
        ("2026-01-01", None, ("2026-04-01", "2026-05-01")),
        ("2026-04-15", None, ("2026-04-15", "2026-05-01")),
        ("2026-04-01", None, ("2026-04-01", "2026-05-01")),
        ("2026-05-01", None, None),
        ("2026-01-01", "2026-04-01", None),
        ("2026-01-01", "2026-04-02", ("2026-04-01", "2026-05-01")),
    ],
)
def test_monthly_flat_price_follows_the_calendar(started: str, ended: str | None, bounds: tuple[str, str] | None) -> None:
    subscription = a_subscription(started_at=day(started), ended_at=day(ended) if ended else None)
    found = flat_instance(subscription, APRIL)
    assert (found and (found.service_from, found.service_to)) == (bounds and (day(bounds[0]), day(bounds[1])))


def test_a_start_in_the_afternoon_counts_the_whole_day() -> None:
    subscription = a_subscription(started_at=day("2026-04-15") + timedelta(hours=15))
    found = flat_instance(subscription, APRIL)
    assert found is not None
    assert (found.service_from, found.due_at) == (day("2026-04-15"), day("2026-04-15"))
    assert found.line_key == "s1/flat/2026-04-15"


def test_yearly_price_is_due_once_on_the_anniversary_in_full() -> None:
    subscription = a_subscription(interval=Interval.YEARLY, started_at=day("2025-03-10"))
    found = [flat_instance(subscription, month) for month in YEAR]
    (only,) = [one for one in found if one is not None]
    assert (only.service_from, only.service_to) == (day("2026-03-10"), day("2027-03-10"))
    assert covering(subscription, APRIL) == (day("2026-03-10"), day("2027-03-10"))
    assert covering(subscription, Period("2026-02", TORONTO)) == (day("2025-03-10"), day("2026-03-10"))
    assert covering(subscription, Period("2026-03", TORONTO)) is None


def test_the_anniversary_of_a_leap_day_does_not_move_to_the_28th_for_ever() -> None:
    subscription = a_subscription(interval=Interval.YEARLY, started_at=day("2024-02-29"))
    starts = [flat_instance(subscription, Period(f"{year}-02", TORONTO)) for year in (2025, 2028)]
    assert [one.service_from for one in starts if one] == [day("2025-02-28"), day("2028-02-29")]


def test_a_yearly_subscription_that_ended_is_not_renewed() -> None:
    subscription = a_subscription(interval=Interval.YEARLY, started_at=day("2025-04-10"), ended_at=day("2026-04-10"))
    assert flat_instance(subscription, APRIL) is None


@pytest.mark.parametrize(
    ("started", "ended", "bounds"),
    [
        ("2026-01-01", None, ("2026-04-01", "2026-05-01")),
        ("2026-04-15", None, ("2026-04-15", "2026-05-01")),
        ("2026-01-01", "2026-04-10T09:00", ("2026-04-01", "2026-04-11")),
        ("2026-01-01", "2026-04-10T00:00", ("2026-04-01", "2026-04-10")),
        ("2026-01-01", "2026-04-30T23:59", ("2026-04-01", "2026-05-01")),
        ("2026-01-01", "2026-03-31T23:59", None),
    ],
)
def test_usage_is_charged_for_the_days_of_life(started: str, ended: str | None, bounds: tuple[str, str] | None) -> None:
    end = datetime.fromisoformat(ended).replace(tzinfo=TORONTO) if ended else None
    found = usage_instance(a_subscription(started_at=day(started), ended_at=end), CPU_SECONDS, APRIL)
    assert (found and (found.service_from, found.service_to)) == (bounds and (day(bounds[0]), day(bounds[1])))
    assert found is None or found.due_at == found.service_to


def test_usage_of_a_subscription_that_came_and_went_within_a_day_still_has_a_range() -> None:
    noon = day("2026-04-10") + timedelta(hours=12)
    found = usage_instance(a_subscription(started_at=noon, ended_at=noon + timedelta(hours=1)), CPU_SECONDS, APRIL)
    assert found is not None
    assert (found.service_from, found.service_to) == (day("2026-04-10"), day("2026-04-11"))


@given(
    start=st.integers(0, 500),
    life=st.none() | st.integers(0, 500),
    interval=st.sampled_from(Interval),
)
def test_flat_ranges_never_overlap_and_leave_no_gap(start: int, life: int | None, interval: Interval) -> None:
    begin = day("2025-01-01") + timedelta(days=start)
    subscription = a_subscription(
        interval=interval, started_at=begin, ended_at=None if life is None else begin + timedelta(days=life)
    )
    months = periods(Period("2025-01", TORONTO), Period("2029-12", TORONTO))
    found = [one for month in months if (one := flat_instance(subscription, month))]
    assert all(one.service_to == after.service_from for one, after in itertools.pairwise(found))
    assert all(one.service_from < one.service_to for one in found)
    if found:
        assert found[0].service_from == begin
    if life is not None and life > 0:
        assert found
        assert found[-1].service_to >= begin + timedelta(days=life)


@pytest.mark.parametrize(
    ("kind", "subject", "bounds", "reasons"),
    [
        ("trial", "s1", ("2026-03-20", "2026-04-20"), (IN_TRIAL,)),
        ("trial", "s1", ("2026-04-01", "2026-04-02"), (IN_TRIAL,)),
        ("trial", "s1", ("2026-03-01", "2026-04-01"), ()),
        ("trial", "s1", ("2026-04-02", "2026-05-02"), ()),
        ("trial", "other", ("2026-03-20", "2026-04-20"), ()),
        ("discount", "s1", ("2026-03-20", "2026-04-20"), ()),
    ],
)
def test_a_trial_on_record_at_the_start_of_the_range(
    kind: str, subject: str, bounds: tuple[str, str], reasons: tuple[str, ...]
) -> None:
    instance = flat_instance(a_subscription(), APRIL)
    assert instance is not None
    record = evidence(kind, subject, valid_from=day(bounds[0]), valid_to=day(bounds[1]))
    assert reasons_not_due(instance, [record], is_internal=False, is_free=False) == reasons


def test_a_trial_that_begins_in_the_afternoon_with_its_subscription_holds_on_that_day() -> None:
    noon = day("2026-04-10") + timedelta(hours=15)
    instance = flat_instance(a_subscription(started_at=noon), APRIL)
    assert instance is not None
    record = evidence("trial", "s1", valid_from=noon, valid_to=noon + timedelta(days=14))
    assert reasons_not_due(instance, [record], is_internal=False, is_free=False) == (IN_TRIAL,)


@pytest.mark.parametrize(("minutes", "is_renewed"), [(-1, False), (0, False), (1, True)])
def test_a_year_that_ends_at_its_own_hour_is_not_renewed(minutes: int, *, is_renewed: bool) -> None:
    started = day("2025-04-10") + timedelta(hours=15)
    ended = day("2026-04-10") + timedelta(hours=15, minutes=minutes)
    yearly = a_subscription(interval=Interval.YEARLY, started_at=started, ended_at=ended)
    assert (flat_instance(yearly, APRIL) is not None) is is_renewed


@pytest.mark.parametrize("interval", list(Interval))
def test_a_subscription_that_ended_as_it_started_owes_nothing(interval: Interval) -> None:
    noon = day("2026-04-10") + timedelta(hours=12)
    assert flat_instance(a_subscription(interval=interval, started_at=noon, ended_at=noon), APRIL) is None


def test_internal_accounts_and_free_plans_owe_nothing() -> None:
    instance = flat_instance(a_subscription(), APRIL)
    assert instance is not None
    assert reasons_not_due(instance, [], is_internal=True, is_free=True) == (INTERNAL, FREE)


@pytest.mark.parametrize(
    ("valid_from", "terms_from", "note"),
    [
        ("2026-03-01", None, None),
        ("2026-04-01", None, None),
        ("2026-04-02", None, TERM_UNKNOWN),
        ("2026-04-02", "2026-01-01", TERM_UNKNOWN),
        (None, "2026-04-01", TERM_ATTESTED),
        (None, "2026-04-02", TERM_UNKNOWN),
        (None, None, TERM_UNKNOWN),
    ],
)
def test_what_held_at_a_moment_is_on_record_or_attested_or_unknown(
    valid_from: str | None, terms_from: str | None, note: str | None
) -> None:
    plan = a_plan(valid_from=day(valid_from) if valid_from else None)
    assert term_note(plan, day("2026-04-01"), day(terms_from) if terms_from else None) == note
