"""When a message is tried again, what an answer means, and when somebody is told."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.delivery import (
    DISABLE_AFTER,
    SCHEDULE,
    Attempt,
    DeliveryState,
    NoticeKind,
    notices,
    verdict,
    wait,
    why_disabled,
)

AT = datetime(2026, 6, 2, 16, 0, tzinfo=UTC)
NO_JITTER = Fraction(0)
JITTERS = st.fractions(min_value=-1, max_value=1, max_denominator=1000)
FAILURES = st.sampled_from([None, 301, 302, 400, 404, 410, 429, 500, 503])


def an_attempt(status: int | None = 500, *, retry_after: str | None = None, at: datetime = AT, **changes: object) -> Attempt:
    failure = None if status is not None else "nobody listens there"
    return Attempt(
        started_at=at - timedelta(milliseconds=30),
        milliseconds=30,
        status=status,
        failure=failure,
        retry_after=retry_after,
        answer=b"",
        address="192.0.2.7",
    )


def test_the_schedule_is_the_published_one() -> None:
    assert [each.total_seconds() for each in SCHEDULE] == [0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert sum(SCHEDULE, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


@pytest.mark.parametrize(
    ("status", "is_success"), [(200, True), (204, True), (299, True), (199, False), (300, False), (302, False), (None, False)]
)
def test_only_2xx_is_a_success(status: int | None, *, is_success: bool) -> None:
    found = verdict(an_attempt(status), 1, NO_JITTER)
    assert found.state is (DeliveryState.DELIVERED if is_success else DeliveryState.WAITING)
    assert (found.next_try_at is None) is is_success


@pytest.mark.parametrize("number", range(1, 10))
def test_each_failure_waits_as_the_schedule_says(number: int) -> None:
    assert verdict(an_attempt(), number, NO_JITTER).next_try_at == AT + SCHEDULE[number]


def test_the_tenth_failure_is_the_last() -> None:
    found = verdict(an_attempt(), 10, NO_JITTER)
    assert (found.state, found.next_try_at) == (DeliveryState.DEAD, None)
    assert verdict(an_attempt(200), 10, NO_JITTER).state is DeliveryState.DELIVERED


@given(number=st.integers(1, 9), jitter=JITTERS, status=FAILURES)
def test_a_wait_is_at_most_a_fifth_off(number: int, jitter: Fraction, status: int | None) -> None:
    base = SCHEDULE[number]
    found = wait(an_attempt(status), number, jitter)
    assert base * 0.8 - timedelta(microseconds=1) <= found <= base * 1.2 + timedelta(microseconds=1)
    assert (found > base) is (jitter > 0 and found != base)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1", 300),  # never sooner than the schedule
        ("300", 300),
        ("450", 450),
        ("600", 600),
        ("601", 600),  # never later than twice the schedule
        ("999999999", 600),
        (" 450 ", 450),
        ("Tue, 02 Jun 2026 16:07:30 GMT", 450),
        ("Tue, 02 Jun 2026 15:00:00 GMT", 300),
        ("Wed, 02 Jun 2027 15:00:00 GMT", 600),
        # What cannot be read asks for nothing.
        ("-5", 300),
        ("450.5", 300),
        ("٤٥٠", 300),
        ("soon", 300),
        ("", 300),
        ("Tue, 99 Jun 2026 16:07:30 GMT", 300),
    ],
)
def test_what_the_receiver_asks_for_counts_within_bounds(said: str, seconds: int) -> None:
    assert wait(an_attempt(429, retry_after=said), 2, NO_JITTER) == timedelta(seconds=seconds)


@given(said=st.text(max_size=40), number=st.integers(1, 9))
def test_whatever_retry_after_says_is_answered(said: str, number: int) -> None:
    assert SCHEDULE[number] <= wait(an_attempt(503, retry_after=said), number, NO_JITTER) <= 2 * SCHEDULE[number]


@pytest.mark.parametrize(
    ("status", "failing_for", "is_disabled"),
    [
        (410, None, True),
        (404, None, False),
        (500, timedelta(days=4, hours=23), False),
        (500, DISABLE_AFTER, True),
        (None, DISABLE_AFTER, True),
        (200, DISABLE_AFTER, False),
    ],
)
def test_an_endpoint_is_disabled_when_it_is_gone_or_failed_for_long(
    status: int | None, failing_for: timedelta | None, *, is_disabled: bool
) -> None:
    since = None if failing_for is None else AT - failing_for
    assert (why_disabled(an_attempt(status), since) is not None) is is_disabled


@pytest.mark.parametrize(
    ("status", "number", "told"),
    [
        (500, 1, []),
        (500, 3, []),
        (500, 4, [NoticeKind.FAILING]),
        (500, 5, []),
        (500, 9, []),
        (500, 10, [NoticeKind.DEAD]),
        (404, 1, [NoticeKind.REFUSED]),
        (404, 2, [NoticeKind.REFUSED]),
        (404, 4, [NoticeKind.FAILING]),
        (302, 1, []),
        (None, 4, [NoticeKind.FAILING]),
        (200, 4, []),
        (200, 10, []),
    ],
)
def test_the_operator_is_told_at_the_fourth_failure_and_at_the_last(
    status: int | None, number: int, told: list[NoticeKind]
) -> None:
    found = notices(an_attempt(status), number, message_id="msg_1", endpoint="ep_1", disabled=None)
    assert [one.kind for one in found] == told


@pytest.mark.parametrize(
    ("status", "number", "was_refused", "told"),
    [
        (401, 2, False, [NoticeKind.REFUSED]),
        (401, 2, True, []),
        # After a replay.
        (401, 1, True, [NoticeKind.REFUSED]),
        (401, 9, False, [NoticeKind.REFUSED]),
        (401, 4, False, [NoticeKind.FAILING]),
        (401, 10, False, [NoticeKind.DEAD]),
        (410, 2, False, []),
        (500, 2, False, []),
    ],
)
def test_the_operator_is_told_of_the_first_answer_that_says_the_request_is_wrong(
    status: int, number: int, was_refused: bool, told: list[NoticeKind]
) -> None:
    found = notices(an_attempt(status), number, message_id="msg_1", endpoint="ep_1", disabled=None, was_refused=was_refused)
    assert [one.kind for one in found] == told


def test_the_operator_is_told_that_an_endpoint_was_disabled() -> None:
    (found,) = notices(an_attempt(410), 1, message_id="msg_1", endpoint="ep_1 (host)", disabled="it answered 410")
    assert (found.kind, found.subject) == (NoticeKind.DISABLED, "ep_1 (host)")
    assert "it answered 410" in found.words
