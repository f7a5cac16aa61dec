"""The published form of a plain row as SQL, so that its hash is made where the row is.

Owns: how the database writes the canonical JSON of such a row. Does not own: the form (domain/revisions): what is the same for
all plain rows is taken from there, and only what differs from row to row is put in its place.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.revisions import Published, published
from fcb_pipelines.domain.rows import Amounts, Instance, Reference, Row, Status, Verdict


@dataclass(frozen=True, slots=True)
class Expression:
    """A part of the form that differs from row to row: SQL that gives its JSON as text."""

    sql: str


def instance_text() -> str:
    """SQL of the canonical JSON of an instance, of its columns, `digits` of its currency, and its times as text (`…_text`)."""
    varying = {
        "actual": _side("actual"),
        "charge": _text("charge"),
        "difference": _amount("0"),
        "due_at": _text("due_at_text"),
        "expected": _side("expected"),
        "notes": _texts("notes"),
        "service_from": _text("service_from_text"),
        "service_to": _text("service_to_text"),
        "status": _text("verdict"),
        "verdict": _text("verdict"),
    }
    return _concatenated(_prototype()["instances"][0] | varying)


def row_text() -> str:
    """SQL of the canonical JSON of a row, of its columns, `digits`, and the texts of its `instances` and `evidence`.

    The parameters `service_json` and `period_json` are the same for all.
    """
    varying = {
        "abs_difference": _amount("0"),
        "actual": _side("actual"),
        "currency": _text("currency"),
        "difference": _amount("0"),
        "evidence": Expression("'[' || coalesce(evidence, '') || ']'"),
        "expected": _side("expected"),
        "external_invoice_ids": _texts("external_invoice_ids"),
        "instances": Expression("'[' || coalesce(instances, '') || ']'"),
        "is_due": Expression("CASE WHEN is_due THEN 'true' ELSE 'false' END"),
        "notes": _texts("notes"),
        "partner": _text("external_user_id"),
        "period": Expression("%(period_json)s::text"),
        "row_id": _text("row_id"),
        "service": Expression("%(service_json)s::text"),
        "status": _text("verdict"),
        "subscription": _text("external_subscription_id"),
        "verdict": _text("verdict"),
    }
    return _concatenated(_prototype() | varying)


def reference_text() -> str:
    """SQL of the canonical JSON of the reference to the invoice line `line_key`."""
    (reference,) = _prototype()["evidence"]
    return _concatenated(reference | {"reference": _text("actual_key")})


def _prototype() -> Published:
    """The form of a plain row."""
    nothing = money("0 CAD")
    side = Amounts(net=nothing, tax=nothing, gross=nothing)
    instance = Instance(
        charge="",
        service_from=None,
        service_to=None,
        due_at=None,
        currency="CAD",
        expected=side,
        actual=side,
        status=Status.MATCH,
        verdict=Verdict.MATCH,
        is_due=True,
        billed=nothing,
        evidence=(Reference(kind="invoice_line", reference=""),),
    )
    row = Row(
        row_id="",
        external_subscription_id="",
        external_user_id="",
        currency="CAD",
        line_key=None,
        external_invoice_ids=(),
        instances=(instance,),
    )
    return published(row, service="", period="", zone=ZoneInfo("UTC"))


def _concatenated(form: Mapping[str, Any]) -> str:
    """SQL of a JSON object with sorted keys and nothing blank (domain/revisions.canonical_text)."""
    parts = []
    for number, (key, value) in enumerate(sorted(form.items())):
        parts.append(_literal(f"{',' if number else '{'}{as_json(key)}:"))
        parts.append(f"({value.sql})" if isinstance(value, Expression) else _literal(as_json(value)))
    return " || ".join([*parts, _literal("}")])


def as_json(value: object) -> str:
    """A value as canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def _text(column: str) -> Expression:
    return Expression(f"to_json({column})::text")


def _texts(column: str) -> Expression:
    # An array as JSON is written without blanks already.
    return Expression(f"to_json({column})::text")


def _amount(column: str) -> Expression:
    """An amount with the decimals of its currency: a plain one has no more."""
    return Expression(f"""coalesce('"' || round({column}, digits)::text || '"', 'null')""")


def _side(name: str) -> Expression:
    parts = {part: _amount(f"{name}_{part}") for part in ("net", "tax", "gross")}
    return Expression(f"CASE WHEN {name}_net IS NULL THEN 'null' ELSE {_concatenated(parts)} END")
