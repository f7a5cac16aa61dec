"""The fields of an event on the wire, and where what is wrong with it is."""

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.api.fields import Invalid
from fcb_pipelines.api.usage_body import body, fact
from fcb_pipelines.domain.usage import UsageEvent, Void
from fcb_pipelines_tests.api.conftest import EVENT, event

WITHOUT_QUANTITY = {name: value for name, value in EVENT.items() if name != "quantity"}
VOID = {name: EVENT[name] for name in ("external_subscription_id", "metric", "idempotency_key")} | {"voids": "k-0"}


def test_an_event_is_what_it_says() -> None:
    found = fact(event(ended_at="2026-04-20T14:00:00.5+02:00"), "small")
    assert found == UsageEvent(
        service="small",
        feed="pushed",
        external_subscription_id="s-1",
        metric="cpu_seconds",
        idempotency_key="k-1",
        quantity=Decimal("2.5"),
        started_at=datetime(2026, 4, 20, 11, tzinfo=UTC),
        ended_at=datetime(2026, 4, 20, 12, 0, 0, 500_000, tzinfo=UTC),
    )
    assert fact({**WITHOUT_QUANTITY, "value": "ada"}, "small") == UsageEvent(
        service="small",
        feed="pushed",
        external_subscription_id="s-1",
        metric="cpu_seconds",
        idempotency_key="k-1",
        quantity=Decimal(1),
        value="ada",
        started_at=datetime(2026, 4, 20, 11, tzinfo=UTC),
    )
    assert fact(VOID, "small") == Void(
        service="small", feed="pushed", external_subscription_id="s-1", metric="cpu_seconds", idempotency_key="k-1", voids="k-0"
    )


@pytest.mark.parametrize(
    ("quantity", "exact"),
    [
        (0, "0"),
        ("0", "0"),
        (Decimal("-0"), "0"),
        (7, "7"),
        (Decimal("0.30"), "0.3"),
        (Decimal("1E+2"), "100"),
        ("999999999999999999.999999999999", "999999999999999999.999999999999"),
        (Decimal("1E-12"), "0.000000000001"),
    ],
)
def test_a_quantity_is_exact_as_text_or_as_number(quantity: Any, exact: str) -> None:
    found = fact(event(quantity=quantity), "small")
    assert isinstance(found, UsageEvent)
    assert found.quantity == Decimal(exact)


NO_QUANTITIES: tuple[Any, ...] = ("", "-1", -1, "1e3", " 1", "1.", ".5", "٣", "1_000", True, None, [], {}, Decimal("NaN"))
TOO_LONG: tuple[Any, ...] = ("1" * 19, "0." + "1" * 13, 10**18, Decimal("1E-13"))
NO_TIMES: tuple[Any, ...] = (
    "",
    None,
    5,
    "2026-04-20",
    "2026-04-20T11:00:00",
    "20260420T110000Z",
    "2026-04-20T11:00:00.1234567Z",
)
NOTHINGS: tuple[Any, ...] = (None, 5, "x", [])
NO_DATES = ("1999-12-31", "2199-01-01", "2200-01-01", "2201-01-01", "2026-02-30", "2026-W17-1")
NO_HOURS = ("24:00:01Z", "11:00:60Z", "11:00:00+25:00", "11:00Z")
NO_TEXTS: tuple[Any, ...] = ("", None, 5, "x" * 256)
BAD: list[tuple[str, Any]] = [
    *(("/quantity", event(quantity=quantity)) for quantity in (*NO_QUANTITIES, *TOO_LONG)),
    ("/quantity", event(value="x")),
    ("/quantity", WITHOUT_QUANTITY),
    *(("/started_at", event(started_at=moment)) for moment in NO_TIMES),
    *(("/started_at", event(started_at=f"{day}T11:00:00Z")) for day in NO_DATES),
    *(("/started_at", event(started_at=f"2026-04-20T{hour}")) for hour in NO_HOURS),
    ("/ended_at", event(ended_at="2026-04-20T10:59:59Z")),
    ("/ended_at", event(ended_at="soon")),
    *((f"/{name}", event(**{name: text})) for name in ("metric", "idempotency_key") for text in NO_TEXTS),
    ("/external_subscription_id", event(external_subscription_id="x" * 256)),
    ("/metric", event(metric="x" * 65)),
    ("/more", event(more=1)),
    ("/a~1b~0", event(**{"a/b~": 1})),
    ("/value", {**WITHOUT_QUANTITY, "value": ""}),
    ("/quantity", {**VOID, "quantity": "1"}),
    ("/started_at", {**VOID, "started_at": EVENT["started_at"]}),
    ("/voids", {**VOID, "voids": ""}),
    *(("", row) for row in NOTHINGS),
]


@pytest.mark.parametrize(("pointer", "row"), BAD)
def test_what_is_wrong_is_pointed_at(pointer: str, row: Any) -> None:
    with pytest.raises(Invalid) as found:
        fact(row, "small")
    assert found.value.pointer == pointer
    told = body({"events": [EVENT, row]}, "small")
    assert isinstance(told.events[0], UsageEvent)
    assert isinstance(told.events[1], Invalid)
    assert told.events[1].pointer == f"/events/1{pointer}"


@pytest.mark.parametrize(
    ("value", "pointer"),
    [([EVENT], ""), (5, ""), ({"events": []}, "/events"), ({"events": {}}, "/events"), ({"events": [EVENT], "x": 1}, "/x")],
)
def test_what_is_neither_an_event_nor_a_batch_is_refused_whole(value: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as found:
        body(value, "small")
    assert found.value.pointer == pointer


def test_a_batch_has_at_most_a_thousand_events() -> None:
    assert len(body({"events": [EVENT] * 1000}, "small").events) == 1000
    with pytest.raises(Invalid, match="at most 1000 events, and this one 1001"):
        body({"events": [EVENT] * 1001}, "small")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*EVENT, "voids", "value", "ended_at"]), inner),
    max_leaves=8,
)


@given(ANY)
def test_whatever_comes_is_an_event_or_pointed_at(value: Any) -> None:
    with suppress(Invalid):
        found = body(value, "small")
        assert len(found.events) == len(found.keys) >= 1
