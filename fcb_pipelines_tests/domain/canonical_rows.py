"""Canonical rows with defaults, so that a test names only what it is about."""

from typing import Any


def user_row(**changes: Any) -> dict[str, Any]:
    row = {
        "external_user_id": "u-1",
        "name": "Ada",
        "email": "Ada@Example.org",
        "company": None,
        "country": "CA",
        "state": "ON",
        "stripe_customer_id": None,
        "is_active": True,
        "is_internal": False,
    }
    return row | changes


def plan_row(**changes: Any) -> dict[str, Any]:
    row = {
        "external_plan_id": "p-1",
        "name": "Small",
        "currency": "CAD",
        "price_monthly": "9.14",
        "price_yearly": None,
        "included_quantity": "3600",
        "unit_price": "0.0075",
        "unit_batch": "3600",
        "is_active": True,
        "valid_from": None,
    }
    return row | changes


def subscription_row(**changes: Any) -> dict[str, Any]:
    row = {
        "external_subscription_id": "s-1",
        "external_deployment_id": "d-1",
        "external_user_id": "u-1",
        "external_plan_id": "p-1",
        "billing_interval": "monthly",
        "status": "active",
        "started_at": "2026-03-15T04:00:00+00:00",
        "ended_at": None,
        "contract_price": None,
        "discount_percent": None,
    }
    return row | changes


def invoice_row(**changes: Any) -> dict[str, Any]:
    row = {
        "external_invoice_id": "i-1",
        "external_user_id": "u-1",
        "external_subscription_id": "s-1",
        "issued_at": "2026-04-01T12:00:00+00:00",
        "status": "paid",
        "currency": "CAD",
        "subtotal": "9.14",
        "tax": "1.19",
        "total": "10.33",
        "provider_id": "in_1",
        "created_by": None,
        "lines": [{"description": "Small", "amount": "9.14"}],
    }
    return row | changes


def evidence_row(**changes: Any) -> dict[str, Any]:
    row = {
        "kind": "Contract",
        "subject_kind": "subscription",
        "subject_id": "s-1",
        "valid_from": "2026-01-01T05:00:00+00:00",
        "valid_to": None,
        "data": {"price": "150.00"},
        "reference": "contract 7",
    }
    return row | changes
