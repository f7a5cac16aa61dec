"""Reading back from Odoo whether what we made there is inert.

Owns: which models and fields tell. Does not own: the rule (domain/inert). Models and fields that an edition does not have tell
nothing and are left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fcb_pipelines.domain.inert import OrderSeen
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import ORDER_PLAN
from fcb_pipelines.odoo.records import rows_where
from fcb_pipelines.odoo.subscriptions import MODEL

INVOICE_MODEL = "account.move"
TOKEN_MODEL = "payment.token"  # noqa: S105 (the name of a model)
LIVE_FIELDS = (ORDER_PLAN, "subscription_state", "payment_token_id")
"""Of Odoo Enterprise's subscriptions, on the order: each alone is a step towards charging."""


def orders_seen(odoo: Odoo, orders: Mapping[str, int]) -> tuple[OrderSeen, ...]:
    """Our orders as they are now, by external id; one that is gone is left out."""
    described = odoo.fields(MODEL)
    live = [name for name in LIVE_FIELDS if name in described]
    rows = {row["id"]: row for row in rows_where(odoo, MODEL, "id", orders.values(), ["name", "state", "invoice_ids", *live])}
    return tuple(_seen(xid, rows[odoo_id], live) for xid, odoo_id in orders.items() if odoo_id in rows)


def tokens(odoo: Odoo, partners: Mapping[str, int]) -> dict[str, int]:
    """How many payment tokens each of these partners has, by external id; partners without one are left out."""
    rows = rows_where(odoo, TOKEN_MODEL, "partner_id", partners.values(), ["partner_id"], also=[("active", "=", True)])
    owners = [row["partner_id"][0] for row in rows]
    return {xid: owners.count(odoo_id) for xid, odoo_id in partners.items() if odoo_id in owners}


def posted(odoo: Odoo, invoices: Mapping[str, int]) -> tuple[str, ...]:
    """Names of those of these invoices that are posted."""
    rows = rows_where(odoo, INVOICE_MODEL, "id", invoices.values(), ["name"], also=[("state", "=", "posted")])
    return tuple(str(row["name"]) for row in rows)


def _seen(xid: str, row: Mapping[str, Any], live: Sequence[str]) -> OrderSeen:
    shown = {name: row[name][1] if isinstance(row[name], list) else str(row[name]) for name in live if row[name]}
    return OrderSeen(external_id=xid, name=row["name"], state=row["state"], invoices=len(row["invoice_ids"]), live=shown)
