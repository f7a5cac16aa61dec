"""The body of `POST /v1/usage`: one event, or up to a thousand.

Owns: the fields of an event on the wire and their bounds. Does not own: reading JSON (strict_json), times (fields), whether an
event is stored (acts/intake).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fcb_pipelines.acts.intake import Fact
from fcb_pipelines.api.fields import Invalid, pointer_to, time_of
from fcb_pipelines.domain.usage import PUSHED, UsageEvent, Void

MOST_EVENTS = 1000
MOST_DIGITS, MOST_DECIMALS = 18, 12
LENGTHS = {"external_subscription_id": 255, "metric": 64, "idempotency_key": 255, "value": 255, "voids": 255}
IDENTITY = ("external_subscription_id", "metric", "idempotency_key")
OF_VOID = frozenset({*IDENTITY, "voids"})
OF_EVENT = frozenset({*IDENTITY, "quantity", "value", "started_at", "ended_at"})

QUANTITY = rf"[0-9]{{1,{MOST_DIGITS}}}(?:\.[0-9]{{1,{MOST_DECIMALS}}})?"
_QUANTITY = re.compile(QUANTITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The events of a request, each as a fact or as what is wrong with it."""

    is_batch: bool
    events: tuple[Fact | Invalid, ...]
    keys: tuple[str | None, ...]
    """The idempotency key of each event, where it has one that can be told."""


def body(value: Any, service: str) -> Body:
    """The events of a decoded body; raises `Invalid` for one that is neither an event nor a batch."""
    if not isinstance(value, dict):
        raise Invalid("", 'the body must be one event, or {"events": [...]}')
    is_batch = "events" in value
    rows = _rows(value) if is_batch else [value]
    prefix = "/events/{}" if is_batch else ""
    return Body(
        is_batch=is_batch,
        events=tuple(_fact_or_not(row, service, prefix.format(number)) for number, row in enumerate(rows)),
        keys=tuple(_key(row) for row in rows),
    )


def _rows(value: Mapping[str, Any]) -> list[Any]:
    for name in value:
        if name != "events":
            raise Invalid(pointer_to(name), "a batch has events and nothing else")
    rows = value["events"]
    if not isinstance(rows, list) or not rows:
        raise Invalid("/events", "events must be a list of at least one event")
    if len(rows) > MOST_EVENTS:
        raise Invalid("/events", f"a batch has at most {MOST_EVENTS} events, and this one {len(rows)}")
    return rows


def _fact_or_not(row: Any, service: str, prefix: str) -> Fact | Invalid:
    try:
        return fact(row, service)
    except Invalid as error:
        return Invalid(prefix + error.pointer, str(error))


def fact(row: Any, service: str) -> Fact:
    """One event as it was sent; raises `Invalid` with a pointer from the event."""
    if not isinstance(row, dict):
        raise Invalid("", "an event must be an object")
    fields = OF_VOID if "voids" in row else OF_EVENT
    for name in row:
        if name not in fields:
            raise Invalid(pointer_to(name), "a void has no such field" if "voids" in row else "an event has no such field")
    identity = {name: _text(row, name) for name in IDENTITY}
    if "voids" in row:
        return Void(service=service, feed=PUSHED, **identity, voids=_text(row, "voids"))
    if ("quantity" in row) == ("value" in row):
        raise Invalid("/quantity", "give either quantity or value")
    started_at = time_of(row, "started_at")
    ended_at = time_of(row, "ended_at") if row.get("ended_at") is not None else None
    if ended_at is not None and ended_at < started_at:
        raise Invalid("/ended_at", "ended_at is before started_at")
    return UsageEvent(
        service=service,
        feed=PUSHED,
        **identity,
        quantity=_quantity(row["quantity"]) if "quantity" in row else Decimal(1),
        value=_text(row, "value") if "value" in row else None,
        started_at=started_at,
        ended_at=ended_at,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= LENGTHS[name]:
        raise Invalid(f"/{name}", f"{name} must be a text of 1 to {LENGTHS[name]} characters")
    return value


def _quantity(value: Any) -> Decimal:
    text = value if isinstance(value, str) else _as_text(value)
    if not _QUANTITY.fullmatch(text):
        raise Invalid(
            "/quantity",
            f"quantity must be 0 or more, with at most {MOST_DIGITS} digits before and {MOST_DECIMALS} after the point",
        )
    return Decimal(text)


def _as_text(value: Any) -> str:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    # JSON's -0 is the number zero, and 1e2 the number 100.
    return f"{value if value else 0:f}" if is_number else ""


def _key(row: Any) -> str | None:
    key = row.get("idempotency_key") if isinstance(row, dict) else None
    return key if isinstance(key, str) else None
