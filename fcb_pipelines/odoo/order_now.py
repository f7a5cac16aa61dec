"""What orders of ours are in Odoo now, the payment tokens of customers, and what else of theirs Odoo bills.

Owns: which models and fields tell. Does not own: what should be so (domain/gate), making it so (`live`). Read-only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.money import Money
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import ORDER, ORDER_PLAN
from fcb_pipelines.odoo.records import id_of, rows_where

SUBSCRIPTION_STATE, START, NEXT_INVOICE, TOKEN = "subscription_state", "start_date", "next_invoice_date", "payment_token_id"
"""Of Odoo Enterprise's subscriptions, on the order."""

_OF_SUBSCRIPTIONS = (ORDER_PLAN, SUBSCRIPTION_STATE, START, NEXT_INVOICE, TOKEN)
_ALWAYS = (
    "name",
    "state",
    "locked",
    "invoice_ids",
    "partner_id",
    "currency_id",
    "amount_untaxed",
    "amount_tax",
    "amount_total",
)
PARTNERS = "res.partner"
CANCELLED, CLOSED = "cancel", "6_churn"
"""An order's state, and that of an Enterprise subscription, once it has ended."""
_ENDED = ("5_renewed", CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNow:
    """An order as Odoo has it; what an edition has no field for is None."""

    odoo_id: int
    name: str
    state: str
    """`draft`, `sent`, `sale` or `cancel`."""
    is_locked: bool
    invoices: tuple[int, ...]
    """Invoices and credit notes that came of it, drafts and cancelled ones too, by id."""
    partner_id: int
    currency: str
    net: Money
    tax: Money
    gross: Money
    plan_id: int | None = None
    """The recurring plan."""
    subscription_state: str | None = None
    """Such as `3_progress`; None for an order that is no subscription."""
    start_on: date | None = None
    next_invoice_on: date | None = None
    token_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A stored way to pay. What it is at the payment provider is a secret and never read."""

    odoo_id: int
    label: str
    """What a person sees of it, such as `•••• 4242`."""


def orders_now(odoo: Odoo, ids: Collection[int]) -> dict[int, OrderNow]:
    """Orders by id; one that is gone is left out."""
    described = odoo.fields(ORDER)
    names = [name for name in (*_ALWAYS, *_OF_SUBSCRIPTIONS) if name in described]
    return {row["id"]: _order(row) for row in rows_where(odoo, ORDER, "id", ids, names)}


def order_now(odoo: Odoo, order_id: int) -> OrderNow:
    """One order; raises `RuleViolation` where it is gone."""
    try:
        return orders_now(odoo, [order_id])[order_id]
    except KeyError:
        raise RuleViolation(f"order {order_id} is not in Odoo any more: import again") from None


def tokens_of(odoo: Odoo, partner_ids: Collection[int]) -> dict[int, tuple[Token, ...]]:
    """The active payment tokens of each of these partners, the newest first; partners without one are left out.

    Odoo shows a user who is neither of sales nor of invoicing nobody's tokens and says nothing (`FlipSettings.sees_tokens`).
    """
    rows = rows_where(
        odoo, "payment.token", "partner_id", partner_ids, ["partner_id", "display_name"], also=[("active", "=", True)]
    )
    found: dict[int, tuple[Token, ...]] = {}
    for row in reversed(rows):
        owner = id_of(row["partner_id"])
        found[owner] = (*found.get(owner, ()), Token(odoo_id=row["id"], label=str(row["display_name"] or "")))
    return found


def others_live(odoo: Odoo, partner_ids: Collection[int], ours: Collection[int]) -> dict[int, tuple[str, ...]]:
    """What Odoo bills these partners beside our orders, which are `ours`, in words; partners without any are left out.

    Subscriptions that run, confirmed orders that are still to be invoiced, and drafts of invoices that repeat by themselves;
    those too of other contacts of the same company.
    """
    entities = commercial_entities(odoo, partner_ids)
    rows = rows_where(odoo, PARTNERS, "commercial_partner_id", set(entities.values()), ["commercial_partner_id"])
    family = {row["id"]: id_of(row["commercial_partner_id"]) for row in rows}
    found: dict[int, list[str]] = {}
    for partner, words in (*_other_orders(odoo, family, ours), *_repeating(odoo, family)):
        found.setdefault(family[partner], []).append(words)
    return {partner: tuple(found[entity]) for partner, entity in entities.items() if entity in found}


def commercial_entities(odoo: Odoo, partner_ids: Collection[int]) -> dict[int, int]:
    """Partner → the one that Odoo books on: the company above a contact, else itself."""
    rows = rows_where(odoo, PARTNERS, "id", partner_ids, ["commercial_partner_id"])
    return {row["id"]: id_of(row["commercial_partner_id"] or row["id"]) for row in rows}


def _other_orders(odoo: Odoo, partner_ids: Collection[int], ours: Collection[int]) -> list[tuple[int, str]]:
    has_plans = ORDER_PLAN in odoo.fields(ORDER)
    names = ["name", "partner_id", "invoice_status", *([SUBSCRIPTION_STATE, ORDER_PLAN] if has_plans else [])]
    also = [("state", "=", "sale"), ("id", "not in", sorted(ours))]
    rows = rows_where(odoo, ORDER, "partner_id", partner_ids, names, also=also)
    return [(id_of(row["partner_id"]), words) for row in rows if (words := _other_order(row))]


def _other_order(row: Mapping[str, Any]) -> str:
    if row.get(ORDER_PLAN) and row[SUBSCRIPTION_STATE] not in _ENDED:
        return f"subscription {row['name']}"
    return f"order {row['name']}, still to be invoiced" if row["invoice_status"] in {"to invoice", "upselling"} else ""


def _repeating(odoo: Odoo, partner_ids: Collection[int]) -> list[tuple[int, str]]:
    also = [("state", "=", "draft"), ("auto_post", "in", ["monthly", "quarterly", "yearly"])]
    names = ["display_name", "partner_id", "auto_post", "date"]
    rows = rows_where(odoo, "account.move", "partner_id", partner_ids, names, also=also)
    return [
        (id_of(row["partner_id"]), f"{row['display_name']} of {row['date']}, which repeats {row['auto_post']}") for row in rows
    ]


def _order(row: Mapping[str, Any]) -> OrderNow:
    currency = row["currency_id"][1]
    return OrderNow(
        odoo_id=row["id"],
        name=row["name"],
        state=row["state"],
        is_locked=bool(row.get("locked")),
        invoices=tuple(sorted(row["invoice_ids"])),
        partner_id=id_of(row["partner_id"]),
        currency=currency,
        net=money(row["amount_untaxed"], currency),
        tax=money(row["amount_tax"], currency),
        gross=money(row["amount_total"], currency),
        plan_id=_id(row, ORDER_PLAN),
        subscription_state=row.get(SUBSCRIPTION_STATE) or None,
        start_on=_day(row, START),
        next_invoice_on=_day(row, NEXT_INVOICE),
        token_id=_id(row, TOKEN),
    )


def money(raw: Any, currency: str) -> Money:
    """An amount as Odoo writes it: a float of which the shortest text is meant."""
    return Money(Decimal(str(raw)), currency)


def _id(row: Mapping[str, Any], name: str) -> int | None:
    return id_of(row[name]) if row.get(name) else None


def _day(row: Mapping[str, Any], name: str) -> date | None:
    return date.fromisoformat(row[name]) if row.get(name) else None
