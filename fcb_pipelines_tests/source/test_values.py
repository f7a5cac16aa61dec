import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.services import Service, TimeMeaning
from fcb_pipelines.source.columns import INVOICES, SUBSCRIPTIONS, USERS, EntitySpec
from fcb_pipelines.source.values import converter, exact_json, instant, jsonable

TORONTO = ZoneInfo("America/Toronto")
DAY = TimeMeaning(kind="date", zone=TORONTO)
MOMENT = TimeMeaning(kind="instant", zone=TORONTO)


def service(**times: TimeMeaning) -> Service:
    declared = {path.replace("__", "."): meaning for path, meaning in times.items()}
    return Service(
        code="small", mapping="fcb_pipelines_tests/source/bitbrains", zone=TORONTO, currency="CAD", first_period="2026-03",
        times=declared, folder=Path(__file__).parents[2],
    )  # fmt: skip


def convert(spec: EntitySpec, column: str, text: str, **times: TimeMeaning) -> Any:
    (found,) = (one for one in spec.columns if one.name == column)
    return converter(found, service(**times))(text)


@pytest.mark.parametrize(
    ("text", "meaning", "utc"),
    [
        ("2026-03-15 00:00:00-04", None, "2026-03-15T04:00:00"),
        ("2026-03-15 00:00:00.5+05:30", None, "2026-03-14T18:30:00.500000"),
        ("2026-03-15 12:00:00+00", MOMENT, "2026-03-15T12:00:00"),
        ("2026-03-15 12:00:00", MOMENT, "2026-03-15T16:00:00"),
        ("2026-01-15 12:00:00", MOMENT, "2026-01-15T17:00:00"),
        ("2026-03-15 12:00:00", DAY, "2026-03-15T04:00:00"),
        ("2026-03-15", DAY, "2026-03-15T04:00:00"),
        ("2026-03-15", MOMENT, "2026-03-15T04:00:00"),
        ("2026-03-15 03:59:59+00", DAY, "2026-03-14T04:00:00"),
        ("2026-03-15 04:00:00+00", DAY, "2026-03-15T04:00:00"),
        ("2026-11-01 01:30:00", MOMENT, "2026-11-01T05:30:00"),
    ],
)
def test_a_time_is_read_as_declared(text: str, meaning: TimeMeaning | None, utc: str) -> None:
    assert instant(text, meaning) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["infinity", "-infinity", "0044-03-15 00:00:00+00 BC", "294276-12-31 00:00:00+00", "soon"])
def test_a_time_outside_the_calendar_is_bad(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a time that a calendar knows"):
        convert(SUBSCRIPTIONS, "ended_at", text)


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.times())
def test_a_day_starts_at_local_midnight_whatever_time_is_stored(day: date, clock: Any) -> None:
    assert instant(f"{day} {clock}", DAY) == instant(f"{day}", DAY)
    assert instant(f"{day}", DAY).astimezone(TORONTO).date() == day


@given(st.integers(0, 4 * 10**15), st.integers(-14 * 60, 14 * 60))
def test_an_instant_does_not_depend_on_how_it_is_printed(microseconds: int, minutes: int) -> None:
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    shifted = utc + timedelta(minutes=minutes)
    sign, offset = "-" if minutes < 0 else "+", abs(minutes)
    assert instant(f"{shifted:%Y-%m-%d %H:%M:%S.%f}{sign}{offset // 60:02d}:{offset % 60:02d}", None) == utc


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"price": 150.00}', {"price": "150.00"}),
        ('[0.1, 1e3, 7, "x", null, true]', ["0.1", "1e3", 7, "x", None, True]),
        ('{"name": "a \\\\u0000 written out"}', {"name": "a \\u0000 written out"}),
        ('"😀"', "😀"),
        ("NaN", "NaN"),
    ],
)
def test_json_never_becomes_a_float(text: str, value: object) -> None:
    assert exact_json(text) == value


@pytest.mark.parametrize("text", ["{", '"\\u0000"', '{"a": "b\\u0000"}', '"\\ud83d"', "[" * 100_000])
def test_json_that_the_store_cannot_hold_is_bad(text: str) -> None:
    with pytest.raises(InvalidInput):
        exact_json(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_numbers_keep_their_value_and_lose_their_scale(number: Decimal) -> None:
    text = jsonable(number)
    assert Decimal(text) == number
    assert jsonable(Decimal(text + ("0" if "." in text else ".0"))) == text


@pytest.mark.parametrize(
    ("spec", "column", "text", "value"),
    [
        (USERS, "name", "Zoë × 2", "Zoë × 2"),
        (USERS, "is_active", "t", True),
        (USERS, "is_active", "f", False),
        (INVOICES, "subtotal", "9.1400", Decimal("9.14")),
    ],
)
def test_each_kind_has_its_reading(spec: EntitySpec, column: str, text: str, value: object) -> None:
    assert convert(spec, column, text) == value


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_bad(text: str) -> None:
    with pytest.raises(InvalidInput):
        convert(INVOICES, "subtotal", text)


def test_lines_have_exact_numbers_and_instants() -> None:
    lines = [{"description": "Small", "amount": 9.140, "quantity": 2, "service_from": "2026-03-15", "service_to": "2026-04-01"}]
    read = convert(INVOICES, "lines", json.dumps(lines), invoices__service_from=DAY, invoices__service_to=DAY)
    assert read == [
        {
            "description": "Small",
            "amount": "9.14",
            "quantity": "2",
            "service_from": "2026-03-15T04:00:00+00:00",
            "service_to": "2026-04-01T04:00:00+00:00",
        }
    ]


def test_absent_parts_of_a_line_stay_absent() -> None:
    line = {"description": "Small", "amount": None, "service_from": None}
    assert convert(INVOICES, "lines", json.dumps([line])) == [line]


@pytest.mark.parametrize("text", ['{"amount": 1}', "[1]", "null", '[{"amount": "much"}]', '[{"amount": true}]'])
def test_lines_that_are_none_are_bad(text: str) -> None:
    with pytest.raises(InvalidInput):
        convert(INVOICES, "lines", text)


@pytest.mark.parametrize(("when", "kind"), [("2026-03-15", "date"), ("2026-03-15T12:00:00", "instant")])
def test_an_undeclared_line_time_says_what_to_add(when: str, kind: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        convert(INVOICES, "lines", json.dumps([{"amount": "1", "service_from": when}]))
    assert f'"invoices.service_from" = {{ kind = "{kind}", zone = "America/Toronto" }}' in str(refused.value)


@pytest.mark.parametrize("when", ["", "soon", 20260315])
def test_a_line_time_that_is_none_is_bad(when: object) -> None:
    with pytest.raises(InvalidInput, match=r"invoices\.service_to .* is not a time"):
        convert(INVOICES, "lines", json.dumps([{"amount": "1", "service_to": when}]), invoices__service_to=DAY)
