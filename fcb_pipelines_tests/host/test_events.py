"""What is an event, and that quantities keep every digit."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_host.backoff import KEY_REFUSED, UNREACHABLE, retry_after
from fcb_host.errors import InvalidEvent
from fcb_host.events import UsageEvent
from fcb_host.quantities import decimal, plain, seconds_of_hours
from fcb_pipelines_tests.host.made import AT, event

EASTERN = timezone(timedelta(hours=-4))


@given(st.decimals(0, 10**18 - 1, places=12))
def test_a_quantity_keeps_every_digit_whatever_it_is_given_as(number: Decimal) -> None:
    forms = {plain(number), plain(decimal(str(number))), plain(decimal(format(number, "f"))), plain(decimal(plain(number)))}
    (text,) = forms
    assert Fraction(text) == Fraction(number)
    assert "E" not in text


@given(st.decimals(0, 10**14, places=12))
def test_hours_are_seconds_exactly(hours: Decimal) -> None:
    assert Fraction(seconds_of_hours(hours)) == Fraction(hours) * 3600


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (0, "0"),
        (Decimal("-0.0"), "0"),
        ("007.500", "7.5"),
        (Decimal("1E+3"), "1000"),
        (10**17, "1" + "0" * 17),
        ("1e-12", "0.000000000001"),
    ],
)
def test_one_number_has_one_text(given: Any, text: str) -> None:
    assert plain(decimal(given)) == text


@pytest.mark.parametrize(
    "given",
    [
        0.1,
        True,
        None,
        "-1",
        Decimal("-0.1"),
        "NaN",
        Decimal("Infinity"),
        "",
        " 1",
        "1_000",
        "１",
        "1e-13",
        10**18,
        "1.0000000000001",
        b"1",
    ],
)
def test_what_is_no_exact_quantity_is_refused(given: Any) -> None:
    with pytest.raises(InvalidEvent):
        plain(decimal(given))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"quantity": 0.5}, "never a float"),
        ({"started_at": datetime(2026, 5, 1)}, "timezone"),  # noqa: DTZ001 (that is the point)
        ({"started_at": None}, "started_at is missing"),
        ({"ended_at": AT - timedelta(seconds=1)}, "before"),
        ({"ended_at": "2026-05-01"}, "timezone"),
        ({"quantity": None}, "exactly one"),
        ({"value": "v"}, "exactly one"),
        ({"quantity": None, "voids": "b"}, "no times"),
        ({"quantity": None, "voids": "a", "started_at": None}, "take itself back"),
        ({"subscription": ""}, "1 to 255"),
        ({"subscription": "x" * 256}, "1 to 255"),
        ({"subscription": 7}, "1 to 255"),
        ({"subscription": "a\0b"}, "cannot be stored"),
        ({"subscription": "\ud800"}, "cannot be stored"),
    ],
)
def test_what_breaks_the_contract_is_refused_where_it_is_made(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidEvent, match=says):
        event("a", **fields)


def test_the_body_is_the_contracts() -> None:
    moment = datetime(2026, 5, 1, 2, tzinfo=EASTERN)
    made = event("k", "12.50", started_at=moment, ended_at=moment + timedelta(hours=1))
    assert json.loads(made.body) == {
        "external_subscription_id": "s-1",
        "metric": "cpu_seconds",
        "idempotency_key": "k",
        "quantity": "12.5",
        "started_at": "2026-05-01T06:00:00+00:00",
        "ended_at": "2026-05-01T07:00:00+00:00",
    }
    assert made.body == event("k", Decimal("12.5"), started_at=moment.astimezone(UTC), ended_at=made.ended_at).body
    taken_back = UsageEvent(external_subscription_id="s-1", metric="m", idempotency_key="k2", voids="k")
    assert set(json.loads(taken_back.body)) == {"external_subscription_id", "metric", "idempotency_key", "voids"}
    counted = event("k3", None, value="é")
    assert json.loads(counted.body)["value"] == "é"


def test_identity_is_all_three_parts() -> None:
    parts = [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", "d"), ("ab", "c", "d")]
    made = [
        UsageEvent(external_subscription_id=s, metric=m or "m", idempotency_key=k, quantity=1, started_at=AT)
        for s, m, k in parts
    ]
    assert len({one.identity for one in made}) == len(parts)


@pytest.mark.parametrize(("failures", "longest"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (10_000, 300)])
def test_waits_double_up_to_a_bound(failures: int, longest: float) -> None:
    assert UNREACHABLE.wait(failures, lambda most: most) == longest
    assert UNREACHABLE.wait(failures, lambda _: 0.0) == 0
    assert KEY_REFUSED.wait(failures, lambda _: 0.0) == 30


def test_retry_after_may_be_a_date() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
    assert retry_after("Fri, 01 May 2026 00:02:00 GMT", now) == 120
    assert retry_after("Thu, 30 Apr 2026 00:02:00 GMT", now) == 0
    assert retry_after("Fri, 01 May 2099 00:02:00 GMT", now) == 3600
    assert retry_after(None, now) == 0
