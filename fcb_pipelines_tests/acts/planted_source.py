"""A snapshot of a small service, its rows as the mapping would return them; a test names only what it is about."""

from collections.abc import Sequence
from typing import Any

from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.domain import canonical_rows

Rows = Sequence[dict[str, Any]]

user_row, evidence_row = canonical_rows.user_row, canonical_rows.evidence_row


def plan_row(**changes: Any) -> dict[str, Any]:
    """50 a month, 600 a year, under terms that are on record."""
    values = {"name": "Basic", "price_monthly": "50", "price_yearly": "600", "valid_from": "2020-01-01T05:00:00+00:00"}
    return canonical_rows.plan_row(**values | changes)


def subscription_row(key: str = "s-1", **changes: Any) -> dict[str, Any]:
    values = {"external_subscription_id": key, "started_at": "2026-01-01T05:00:00+00:00"}
    return canonical_rows.subscription_row(**values | changes)


def invoice_row(key: str, net: str, start: str | None, end: str | None, **changes: Any) -> dict[str, Any]:
    """An invoice with one line; its days are Toronto's, in summer unless they say otherwise."""
    line = {"kind": "plan", "description": "Basic", "amount": net, "service_from": _at(start), "service_to": _at(end)}
    values = {
        "external_invoice_id": key,
        "issued_at": _at(start) or "2026-06-01T12:00:00+00:00",
        "subtotal": net,
        "tax": "0",
        "total": net,
        "lines": [line | changes.pop("line", {})],
    }
    return canonical_rows.invoice_row(**values | changes)


def history_row(name: str, value: str, since: str, key: str = "s-1") -> dict[str, Any]:
    since = _at(since) or ""
    return {"subject_kind": "subscription", "subject_id": key, "field": name, "value": value, "valid_from": since}


def billing_row(key: str = "s-1", **changes: Any) -> dict[str, Any]:
    values = {"biller": "stripe", "auto_renew": True, "paid_through": None, "cancel_at": None, "provider_id": f"sub_{key}"}
    return {"external_subscription_id": key, **values, **changes}


_NAMES = {
    "users": "external_user_id",
    "plans": "external_plan_id",
    "subscriptions": "external_subscription_id",
    "invoices": "external_invoice_id",
    "billing_state": "external_subscription_id",
}


def keep(conn: Connection, service: str, **entities: Rows) -> int:
    """Keep a snapshot of a service with one customer on one plan with one subscription; each can be replaced."""
    given: dict[str, Rows] = {"users": [user_row()], "plans": [plan_row()], "subscriptions": [subscription_row()]}
    snapshot_id = snapshots.open_snapshot(conn, service, NOW)
    for entity, rows in (given | entities).items():
        named = [(row.get(_NAMES.get(entity, ""), str(number)), row) for number, row in enumerate(rows)]
        snapshots.add_rows(conn, snapshot_id, entity, named)
    snapshots.close_snapshot(conn, snapshot_id, b"h")
    return snapshot_id


def _at(day: str | None) -> str | None:
    """Toronto's midnight of a day: four hours behind in summer, five from November to the second Sunday in March."""
    hours = "05" if day is not None and not "03-08" <= day[5:] < "11-01" else "04"
    return None if day is None else f"{day}T{hours}:00:00+00:00"
