"""The schemas of what is sent and answered, in the words of JSON Schema 2020-12, made from the bounds that the code has.

Owns: components/schemas. Does not own: which route has which (operations).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from fcb_pipelines.acts.readiness import Part
from fcb_pipelines.api import fields, usage_body
from fcb_pipelines.api.strict_json import MOST_DIGITS
from fcb_pipelines.api.termination import LONGEST_REASON
from fcb_pipelines.domain.intake import Code, Outcome
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.period import KEY
from fcb_pipelines.domain.rows import Remedy, Status, Verdict
from fcb_pipelines.domain.usage import PULLED, PUSHED

Schema = dict[str, Any]

STORABLE = "^[^\\u0000]*$"
"""NUL cannot be stored, nor half of a surrogate pair, which no JSON text can hold well."""
PERIOD: Schema = {"type": "string", "pattern": f"^{KEY}$", "description": "A calendar month in the billing timezone."}


def ref(name: str) -> Schema:
    """The schema of a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(longest: int, description: str = "", shortest: int = 1) -> Schema:
    """A text that is sent."""
    return _with(description, {"type": "string", "minLength": shortest, "maxLength": longest, "pattern": STORABLE})


def time(description: str) -> Schema:
    """A time that is sent; the pattern says more than the format `date-time`."""
    return {"type": "string", "pattern": f"^(?:{fields.TIME})$", "description": f"{description} RFC 3339, with its zone."}


def schemas() -> dict[str, Schema]:
    """All of them by name."""
    return _of_usage() | _of_subscriptions() | _of_reconciliation() | _of_problems()


def _of_usage() -> dict[str, Schema]:
    identity = {
        "external_subscription_id": _bounded("external_subscription_id", "The service's own id."),
        "metric": _bounded("metric", "Declared for the service."),
        "idempotency_key": _bounded("idempotency_key", "With service, subscription and metric the identity, for ever."),
    }
    times = {
        "started_at": time("Decides the month."),
        "ended_at": {**time("Not before started_at."), "type": ["string", "null"]},
    }
    quantity = {"quantity": ref("Quantity")}
    value = {"value": _bounded("value", "Where distinct values are counted.")}
    voids = {"voids": _bounded("voids", "The idempotency key of the event that shall not count.")}
    events = [ref(name) for name in ("QuantityEvent", "ValueEvent", "Void")]
    batch = {
        "type": "array",
        "minItems": 1,
        "maxItems": usage_body.MOST_EVENTS,
        "items": {"anyOf": [*events, ref("AnythingElse")]},
    }
    return {
        "Quantity": _quantity(),
        "QuantityEvent": _object(identity | quantity | times, optional=["ended_at"]),
        "ValueEvent": _object(identity | value | times, optional=["ended_at"]),
        "Void": _object(identity | voids),
        "AnythingElse": _anything_else(),
        "UsageBatch": _object({"events": batch}),
        "UsageRequest": {"oneOf": [*events, ref("UsageBatch")]},
        "UsageResult": {"oneOf": [ref("Stored"), ref("NotStored")]},
        "Stored": _object({**_KEY, "status": _one_of([Outcome.ACCEPTED, Outcome.DUPLICATE]), "is_late": _is_late()}),
        "NotStored": _object(
            {
                **_KEY,
                "status": _one_of([Outcome.CONFLICT, Outcome.REJECTED]),
                "code": _one_of(Code),
                "reason": {"type": "string"},
                "pointer": {"type": "string", "description": "A JSON pointer into the request (RFC 6901)."},
            },
            optional=["pointer"],
        ),
        "UsageResults": _object(
            {"results": {"type": "array", "items": ref("UsageResult")}, **{str(each): _count() for each in Outcome}}
        ),
    }


def _is_late() -> Schema:
    said = "Its own month is closed; it is on a later bill if what is pushed is billed, and on none otherwise."
    return {"type": "boolean", "description": said}


def _of_subscriptions() -> dict[str, Schema]:
    total = {
        "metric": {"type": "string"},
        "aggregation": _one_of(Aggregation),
        "feed": _one_of([PULLED, PUSHED]),
        "booked_in": {**PERIOD, "description": "The month whose bill counts it so."},
        "quantity": {
            **_AMOUNT,
            "description": "All of the period as that bill counts it, not what came since another bill.",
        },
        "events": _count(),
    }
    month = {"period": PERIOD, "start": _INSTANT, "end": _INSTANT, "is_closed": {"type": "boolean"}}
    return {
        "Usage": _object(
            {"external_subscription_id": {"type": "string"}, **month, "usage": {"type": "array", "items": _object(total)}}
        ),
        "TerminationRequest": _object(
            {
                "ended_at": {**time("Now, where it is left out; at most 5 minutes ahead."), "type": ["string", "null"]},
                "reason": {**text(LONGEST_REASON), "type": ["string", "null"]},
            },
            optional=["ended_at", "reason"],
        ),
        "Termination": _object(
            {
                "external_subscription_id": {"type": "string"},
                "ended_at": _INSTANT,
                "reason": _or_null({"type": "string"}),
                "recorded_at": _INSTANT,
            }
        ),
        "Health": _object(
            {"status": _one_of(["ok", "ready", "not ready"]), "part": _one_of(Part), "detail": {"type": "string"}},
            optional=["part", "detail"],
        ),
    }


def _of_reconciliation() -> dict[str, Schema]:
    sides = {"expected": _or_null(ref("Amounts")), "actual": _or_null(ref("Amounts"))}
    decided = {"difference": _AMOUNT, "status": _one_of(Status), "verdict": _one_of(Verdict)}
    text = {"type": "string"}
    remedy = _one_of(Remedy)
    decided |= {"causes": _list(_object({"cause": text, "remedy": remedy})), "remedy": remedy}
    explained = {
        "findings": _list(
            _object(
                {
                    "cause": text,
                    "remedy": remedy,
                    "words": text,
                    "references": _list(text),
                    "conventions": _list(text),
                    "family": text,
                }
            )
        ),
        "waterfall": _list(_object({"step": text, "words": text, "amount": _AMOUNT, "residual": _AMOUNT})),
        "missing": _list(text),
        "suggestions": _list(_object({"words": text, "amount": _AMOUNT, "chance": text})),
        "is_in_total": {"type": "boolean"},
        "successor": _or_null(text),
        "open_remedy": remedy,
        "settled_by": _or_null(text),
    }
    notes = {"notes": _list({"type": "string"})}
    row = {
        **{name: {"type": "string"} for name in ("row_id", "service", "period", "partner", "currency")},
        **{name: _or_null({"type": "string"}) for name in ("subscription", "line_key")},
        "external_invoice_ids": _list({"type": "string"}),
        **sides,
        **decided,
        **notes,
        "abs_difference": _AMOUNT,
        "sentence": text,
        "is_due": {"type": "boolean"},
        "instances": _list(ref("Instance")),
        "evidence": _list(_object({"kind": {"type": "string"}, "reference": {"type": "string"}})),
    }
    moments = {name: _or_null(_INSTANT) for name in ("service_from", "service_to", "due_at")}
    shares = {"type": "object", "additionalProperties": {"type": "string"}, "description": "By currency."}
    totals = _object(dict.fromkeys(("expected_net", "actual_net", "difference"), _AMOUNT))
    return {
        "Amounts": _object({"net": _AMOUNT, "tax": _or_null(_AMOUNT), "gross": _or_null(_AMOUNT)}),
        "Instance": _object({"charge": {"type": "string"}, **moments, **sides, **decided, **explained, **notes}),
        "Row": _object(row),
        "Reconciliation": _object(
            {
                "service": {"type": "string"},
                "period": PERIOD,
                "revision": {"type": "integer", "minimum": 1},
                "made_at": _INSTANT,
                "coverage": _object({"money": shares, "proved_money": shares, "subscriptions": {"type": "string"}}),
                "counts": _object({str(each): _count() for each in Status}),
                "totals": {"type": "object", "additionalProperties": totals, "description": "By currency."},
                "rows": _list(ref("Row")),
                "next": _or_null({"type": "string", "description": "Give it as `after` for the next part; null at the end."}),
            }
        ),
    }


def _of_problems() -> dict[str, Schema]:
    error = _object({"pointer": {"type": "string", "description": "RFC 6901"}, "detail": {"type": "string"}})
    problem = {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "errors": _list(error),
    }
    return {
        "Problem": {**_object(problem, optional=["errors"]), "description": "RFC 9457."},
        "TerminationProblem": _object({**problem, "standing": ref("Termination")}),
    }


_KEY: Schema = {"idempotency_key": {"type": ["string", "null"], "description": "null where none can be told."}}
_AMOUNT: Schema = {"type": "string", "pattern": r"^-?[0-9]+(?:\.[0-9]+)?$", "description": "Exact, never a number."}
_INSTANT: Schema = {"type": "string", "format": "date-time", "description": "In the billing timezone."}


def _quantity() -> Schema:
    number = {
        "type": "number",
        "minimum": 0,
        "exclusiveMaximum": 10**usage_body.MOST_DIGITS,
        "multipleOf": float(f"1e-{usage_body.MOST_DECIMALS}"),
    }
    exact = {"type": "string", "pattern": f"^{usage_body.QUANTITY}$"}
    return {"oneOf": [exact, number], "description": "Kept exactly; as text no parser on the way can round it."}


def _anything_else() -> Schema:
    """Whatever strict JSON can hold."""
    least, most = float(f"1e-{MOST_DIGITS - 1}"), float(f"1e{MOST_DIGITS - 1}")
    kinds: list[Schema] = [
        {"type": ["null", "boolean"]},
        {"type": "string", "pattern": STORABLE},
        {"type": "number", "const": 0},
        {"type": "number", "minimum": least, "maximum": most},
        {"type": "number", "minimum": -most, "maximum": -least},
        _list(ref("AnythingElse")),
        {"type": "object", "propertyNames": {"pattern": STORABLE}, "additionalProperties": ref("AnythingElse")},
    ]
    return {"anyOf": kinds, "description": "What is no event is rejected in the answer, and the others are stored."}


def _bounded(name: str, description: str) -> Schema:
    return text(usage_body.LENGTHS[name], description)


def _object(properties: Schema, *, optional: Sequence[str] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(values: Sequence[str] | type[StrEnum]) -> Schema:
    return {"type": "string", "enum": [str(each) for each in values]}


def _count() -> Schema:
    return {"type": "integer", "minimum": 0}


def _with(description: str, schema: Schema) -> Schema:
    return {**schema, "description": description} if description else schema
