"""Records with defaults, so that a test names only what it is about. Times are Toronto's unless a test says otherwise."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.conventions import Conventions, Families, Family
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import Invoice, InvoiceLine, InvoiceStatus, LineKind
from fcb_pipelines.domain.money import Money, rounded
from fcb_pipelines.domain.partners import User
from fcb_pipelines.domain.period import Period, midnight
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.scenes import Month
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.domain.terms import Terms

TORONTO = ZoneInfo("America/Toronto")
APRIL = Period("2026-04", TORONTO)
NOW = datetime(2026, 6, 2, 12, tzinfo=TORONTO)


def day(text: str) -> datetime:
    """Toronto's midnight of a day such as `2026-04-01`."""
    return midnight(date.fromisoformat(text), TORONTO)


def a_user(**changes: Any) -> User:
    values: dict[str, Any] = {
        "external_user_id": "u1",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "company": None,
        "country": "CA",
        "state": "ON",
        "stripe_customer_id": None,
        "is_active": True,
        "is_internal": False,
    }
    return User(**values | changes)


def a_plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "external_plan_id": "p1",
        "name": "Basic",
        "currency": "CAD",
        "flat_prices": {Interval.MONTHLY: Decimal("50"), Interval.YEARLY: Decimal("600")},
        "included_quantity": Decimal("3600"),
        "unit_price": Decimal("0.0075"),
        "unit_batch": Decimal("3600"),
        "is_active": True,
    }
    return Plan(**values | changes)


def a_subscription(**changes: Any) -> Subscription:
    values: dict[str, Any] = {
        "external_subscription_id": "s1",
        "external_deployment_id": "d1",
        "external_user_id": "u1",
        "external_plan_id": "p1",
        "interval": Interval.MONTHLY,
        "status": "active",
        "started_at": day("2026-01-01"),
        "ended_at": None,
    }
    return Subscription(**values | changes)


def the_terms(**changes: Any) -> Terms:
    values: dict[str, Any] = {
        "subscription": a_subscription(),
        "plan": a_plan(),
        "user": a_user(),
        "evidence": (),
        "terms_from": day("2026-01-01"),
    }
    if "proration" in changes:
        conventions = Conventions(proration=changes.pop("proration"))
        values["families"] = Families(service=Family(conventions=conventions))
    return Terms(**values | changes)


def a_month(**changes: Any) -> Month:
    """April, looked at after it closed."""
    values: dict[str, Any] = {"as_of": NOW, "closes_at": APRIL.end + timedelta(days=1), "zone": TORONTO}
    return Month(**values | changes)


def evidence(kind: str, subject_id: str, **changes: Any) -> Evidence:
    values: dict[str, Any] = {
        "kind": kind,
        "subject_kind": "subscription",
        "subject_id": subject_id,
        "valid_from": None,
        "valid_to": None,
        "data": {},
        "reference": f"{kind}/{subject_id}",
    }
    return Evidence(**values | changes)


def a_line(amount: str, kind: LineKind = LineKind.PLAN, **changes: Any) -> InvoiceLine:
    values: dict[str, Any] = {"ordinal": 1, "kind": kind, "description": "Basic × 1", "amount": Decimal(amount)}
    return InvoiceLine(**values | changes)


def an_invoice(subtotal: str, *lines: InvoiceLine, **changes: Any) -> Invoice:
    tax = rounded(Decimal(subtotal) * Decimal("0.13"), "CAD").amount
    values: dict[str, Any] = {
        "external_invoice_id": "i1",
        "external_user_id": "u1",
        "external_subscription_id": "s1",
        "issued_at": day("2026-04-01"),
        "status": InvoiceStatus.PAID,
        "currency": "CAD",
        "subtotal": Decimal(subtotal),
        "tax": tax,
        "total": Decimal(subtotal) + tax,
        "lines": tuple(lines),
    }
    return Invoice(**values | changes)


def expected(net: str | None, **changes: Any) -> ExpectedLine:
    """April's flat price of s1; tax 13 %."""
    amount = None if net is None else Money(Decimal(net), changes.get("currency", "CAD"))
    values: dict[str, Any] = {
        "line_key": "s1/flat/2026-04-01",
        "external_subscription_id": "s1",
        "external_user_id": "u1",
        "charge": FLAT,
        "service_from": APRIL.start,
        "service_to": APRIL.end,
        "due_at": APRIL.start,
        "currency": "CAD",
        "net": amount,
        "tax": None if amount is None else rounded(amount.amount * Decimal("0.13"), amount.currency),
        "tax_components": (),
        "place_of_supply": "CA-ON",
        "is_due": bool(amount),
    }
    return ExpectedLine(**values | changes)


def actual(net: str, currency: str = "CAD", **changes: Any) -> ActualLine:
    """April's flat price of s1 as billed on the first; tax 13 %."""
    values: dict[str, Any] = {
        "external_invoice_id": "i1",
        "ordinal": 1,
        "external_user_id": "u1",
        "external_subscription_id": "s1",
        "kind": LineKind.PLAN,
        "charge": FLAT,
        "description": "Basic × 1",
        "net": Money(Decimal(net), currency),
        "tax": rounded(Decimal(net) * Decimal("0.13"), currency),
        "issued_at": APRIL.start,
        "invoice_status": InvoiceStatus.PAID,
        "service_from": APRIL.start,
        "service_to": APRIL.end,
        "counts": True,
    }
    return ActualLine(**values | changes)
