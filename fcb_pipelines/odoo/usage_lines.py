"""Usage on orders in Odoo with subscriptions, where Odoo itself invoices: lines on the `sale.order` of a subscription.

Owns: which fields of such a line we fill and read, and what of an order decides whether it may be written: on an order that is
not confirmed a line that is no longer due is deleted, on a confirmed one its quantity is set to 0. Does not own: what is due
(domain/drafts), the order and its own line for the flat price (`subscriptions`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.changes import Fields
from fcb_pipelines.domain.drafts import Kept
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.odoo.batches import Load
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import OdooEdition
from fcb_pipelines.odoo.invoices import REFERENCES
from fcb_pipelines.odoo.records import NUMBER, REFERENCE, TEXT, Field, Kind, decimals_kept, rows_where
from fcb_pipelines.odoo.resolution import external_ids
from fcb_pipelines.odoo.subscriptions import LINE_MODEL, MODEL, PRICE

QUANTITY = "product_uom_qty"
CANCELLED, CONFIRMED = "cancel", "sale"
ERASABLE = frozenset({"draft", "sent", CANCELLED})
"""Of an order in another state Odoo lets no line be deleted; its quantity is set to 0 instead."""

SUBSCRIPTION_STATE = "subscription_state"
_NOT_INVOICED = {"4_paused": "paused", "5_renewed": "renewed by another order", "6_churn": "closed"}
"""States in which Odoo draws no invoice of a confirmed order any more, or not for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """An order that usage goes to."""

    odoo_id: int
    state: str
    currency: str
    subscription_state: str
    """Empty for an order that does not run as a subscription."""

    @property
    def obstacle(self) -> str:
        """Why Odoo will not invoice what is put on it; empty where it will."""
        if self.state == CANCELLED:
            return "cancelled"
        return _NOT_INVOICED.get(self.subscription_state, "") if self.state == CONFIRMED else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSeen:
    """A line of usage as Odoo has it."""

    odoo_id: int
    order_id: int
    fields: Fields
    subtotal: Decimal
    is_invoiced: bool
    """Whether anything of it was invoiced: then it is never written again."""


def kind(edition: OdooEdition) -> Kind:
    """How a line of usage is kept; written whole, because Odoo computes name, price and taxes anew from the product."""
    return Kind(
        entity=Entity.USAGE_LINE,
        model=LINE_MODEL,
        fields=(
            Field(name="product", odoo="product_id", codec=REFERENCE),
            Field(name="description", odoo="name", codec=TEXT),
            Field(name="quantity", odoo=QUANTITY, codec=NUMBER),
            Field(name="price", odoo=PRICE, codec=NUMBER),
            Field(name="discount", odoo="discount", codec=NUMBER),
            Field(name="taxes", odoo=edition.line_taxes, codec=REFERENCES),
        ),
        is_written_whole=True,
    )


def kept(odoo: Odoo) -> Kept:
    """How many decimals this Odoo keeps of the numbers on an order's line."""
    return Kept(quantity=decimals_kept(odoo, LINE_MODEL, QUANTITY), price=decimals_kept(odoo, LINE_MODEL, PRICE))


def loading(kind: Kind, lines: Mapping[str, Fields], orders: Mapping[str, int]) -> Load:
    """The load that puts lines on orders; `orders` is by the line's external id."""
    rows = {xid: [orders[xid], *kind.row(xid, fields)] for xid, fields in lines.items()}
    return Load(model=LINE_MODEL, columns=["order_id/.id", *kind.columns()], rows=rows)


def orders_seen(odoo: Odoo, ids: Mapping[str, int]) -> dict[str, OrderSeen]:
    """Orders by external id; one that is gone is left out."""
    running = [SUBSCRIPTION_STATE] if SUBSCRIPTION_STATE in odoo.fields(MODEL) else []
    rows = {row["id"]: row for row in rows_where(odoo, MODEL, "id", ids.values(), ["state", "currency_id", *running])}
    return {
        xid: OrderSeen(
            odoo_id=odoo_id,
            state=rows[odoo_id]["state"],
            currency=rows[odoo_id]["currency_id"][1],
            subscription_state=rows[odoo_id].get(SUBSCRIPTION_STATE) or "",
        )
        for xid, odoo_id in ids.items()
        if odoo_id in rows
    }


def lines_seen(odoo: Odoo, kind: Kind, orders: Mapping[str, OrderSeen]) -> dict[str, LineSeen]:
    """Every line on these orders that has an external id, by it."""
    names = ["order_id", "price_subtotal", "qty_invoiced", *(each.source for each in kind.fields)]
    rows = rows_where(odoo, LINE_MODEL, "order_id", [one.odoo_id for one in orders.values()], names)
    named = external_ids(odoo, LINE_MODEL, [row["id"] for row in rows])
    return {named[row["id"]]: _seen(kind, row) for row in rows if row["id"] in named}


def _seen(kind: Kind, row: Mapping[str, Any]) -> LineSeen:
    return LineSeen(
        odoo_id=row["id"],
        order_id=row["order_id"][0],
        fields=kind.read(row),
        subtotal=Decimal(str(row["price_subtotal"])),
        is_invoiced=bool(row["qty_invoiced"]),
    )
