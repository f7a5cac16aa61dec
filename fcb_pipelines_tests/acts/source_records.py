"""Builders of what a small service's snapshot says; every value can be replaced."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.invoices import Invoice, InvoiceStatus
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.services import Service

TESTS = Path(__file__).parent.parent
MONTHLY = {Interval.MONTHLY: Decimal("19.99")}


def a_service(code: str, **values: Any) -> Service:
    given = {
        "mapping": "bitbrains",
        "folder": TESTS / "source",
        "zone": "America/Toronto",
        "currency": "CAD",
        "first_period": "2026-03",
        "place_of_supply": "CA-ON",
    }
    return Service(code=code, **{**given, **values})


def a_user(user_id: str = "u1", **values: Any) -> User:
    given = {
        "name": f"Customer {user_id}",
        "email": None,
        "company": "Maple × Co",
        "country": "CA",
        "state": "ON",
        "stripe_customer_id": None,
        "is_active": True,
        "is_internal": False,
    }
    return User(external_user_id=user_id, **{**given, **values})


def a_plan(plan_id: str = "p1", prices: Mapping[Interval, Decimal] = MONTHLY, **values: Any) -> Plan:
    given = {
        "name": f"Plan {plan_id}",
        "currency": "CAD",
        "included_quantity": Decimal(36000),
        "unit_price": Decimal("0.0075"),
        "unit_batch": Decimal(3600),
        "is_active": True,
    }
    return Plan(external_plan_id=plan_id, flat_prices=dict(prices), **{**given, **values})


def a_subscription(subscription_id: str = "s1", user_id: str = "u1", plan_id: str = "p1", **values: Any) -> Subscription:
    given = {
        "external_deployment_id": None,
        "interval": Interval.MONTHLY,
        "status": "active",
        "started_at": datetime(2026, 2, 1, 5, tzinfo=UTC),
        "ended_at": None,
    }
    return Subscription(
        external_subscription_id=subscription_id,
        external_user_id=user_id,
        external_plan_id=plan_id,
        **{**given, **values},
    )


def an_invoice(subscription_id: str | None = None, user_id: str = "u1", **values: Any) -> Invoice:
    given = {
        "external_invoice_id": "i1",
        "issued_at": datetime(2026, 4, 2, 12, tzinfo=UTC),
        "status": InvoiceStatus.PAID,
        "currency": "CAD",
        "subtotal": Decimal(10),
        "tax": Decimal("1.30"),
        "total": Decimal("11.30"),
    }
    return Invoice(external_user_id=user_id, external_subscription_id=subscription_id, **{**given, **values})


NOTHING = SourceRecords(
    snapshot_id=1, users=(), plans=(), subscriptions=(), invoices=(), evidence=(), history=(), billing_states=(), bad=()
)


def records(**values: Any) -> SourceRecords:
    """A snapshot with one customer on one plan with one subscription; each can be replaced."""
    given = {"users": (a_user(),), "plans": (a_plan(),), "subscriptions": (a_subscription(),)}
    return replace(NOTHING, **{**given, **values})
