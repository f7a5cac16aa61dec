"""Pictures: everything of a cohort in Odoo as plain JSON, so that two moments can be compared.

Owns: which records and fields are in a picture, and how Odoo's values are written down. Does not own: which differences are
faults (domain/pictures). Read-only. No secret is in it: of a token what a person sees, never what the provider knows it by.
"""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from fcb_pipelines.domain.external_ids import MODULE, live_invoices_of
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.pictures import MOVE_LINES, MOVES, OF_FLIP, Picture
from fcb_pipelines.odoo.client import Odoo, Row
from fcb_pipelines.odoo.edition import LINE_TAXES, LINE_UNIT
from fcb_pipelines.odoo.records import id_of, rows_where
from fcb_pipelines.odoo.resolution import external_ids

_AMOUNTS = ("amount_untaxed", "amount_tax", "amount_total")

ORDER = (
    "name", "state", "locked", "partner_id", "partner_invoice_id", "partner_shipping_id", "date_order", "validity_date",
    "commitment_date", "client_order_ref", "origin", "note", "pricelist_id", "currency_id", "company_id", "user_id", "team_id",
    "payment_term_id", "fiscal_position_id", "journal_id", "invoice_status", "invoice_ids", "transaction_ids",
    "message_partner_ids", *_AMOUNTS, "plan_id", "subscription_state", "start_date", "end_date", "next_invoice_date",
    "payment_token_id",
)  # fmt: skip
ORDER_LINE = (
    "order_id", "name", "sequence", "display_type", "product_id", "product_uom_qty", *LINE_UNIT, "price_unit", "discount",
    *LINE_TAXES, "price_subtotal", "price_total", "qty_delivered", "qty_invoiced",
)  # fmt: skip
PARTNER = (
    "name", "active", "email", "phone", "street", "street2", "city", "zip", "state_id", "country_id", "vat", "ref",
    "company_name", "parent_id", "lang", "property_payment_term_id", "property_account_position_id",
    "property_product_pricelist", "invoice_sending_method",
)  # fmt: skip
TOKEN = ("display_name", "partner_id", "active")
MOVE = (
    "name", "state", "move_type", "payment_state", "partner_id", "currency_id", "journal_id", "ref", "payment_reference",
    "invoice_origin", "date", "invoice_date", "invoice_date_due", "reversed_entry_id", "auto_post", *_AMOUNTS,
    "amount_residual",
)  # fmt: skip
MOVE_LINE = (
    "move_id", "name", "display_type", "product_id", "account_id", "quantity", "price_unit", "discount", "tax_ids",
    "price_subtotal", "price_total", "balance", "amount_currency",
)  # fmt: skip


def picture(odoo: Odoo, orders: Collection[int], partners: Collection[int]) -> Picture:
    """These orders and partners with all that hangs on them.

    Lines of the orders; the partners' tokens, archived ones too; invoices that came of the orders or have an external id of
    ours, with their credit notes and lines, and whether a flip of these orders may have written each. A field that an edition
    does not have, or our user may not see, is left out.
    """
    sales = _records(odoo, "sale.order", "id", orders, ORDER)
    found = _moves(odoo, sales, partners)
    moves = _records(odoo, "account.move", "id", found, MOVE)
    for each, fields in moves.items():
        fields[OF_FLIP] = found[int(each)]
    return {
        "orders": sales,
        "order_lines": _records(odoo, "sale.order.line", "order_id", orders, ORDER_LINE),
        "partners": _records(odoo, "res.partner", "id", partners, PARTNER),
        "tokens": _records(odoo, "payment.token", "partner_id", partners, TOKEN),
        MOVES: moves,
        MOVE_LINES: _records(odoo, "account.move.line", "move_id", [int(each) for each in moves], MOVE_LINE),
    }


def _moves(odoo: Odoo, orders: Mapping[str, Mapping[str, Any]], partners: Collection[int]) -> dict[int, bool]:
    """The invoices of a picture, each with whether it came of these orders or is a live invoice of them, or takes one back."""
    theirs = {row["id"] for row in rows_where(odoo, "account.move", "partner_id", partners, ["id"])}
    named = {each: xid for each, xid in external_ids(odoo, "account.move", theirs).items() if xid.startswith(f"{MODULE}.")}
    heads = tuple(filter(None, map(live_invoices_of, external_ids(odoo, "sale.order", list(map(int, orders))).values())))
    found = {each: xid.startswith(heads) for each, xid in named.items()}
    found |= {each: True for fields in orders.values() for each in fields["invoice_ids"]}
    notes = rows_where(odoo, "account.move", "reversed_entry_id", found, ["reversed_entry_id"])
    return found | {row["id"]: found[id_of(row["reversed_entry_id"])] for row in notes}


def _records(odoo: Odoo, model: str, field: str, values: Collection[int], names: Collection[str]) -> dict[str, dict[str, Any]]:
    if not values:
        return {}
    described = odoo.fields(model)
    there = [name for name in names if name in described]
    rows = rows_where(odoo, model, field, values, there)
    return {str(row["id"]): {name: _plain(described[name], row[name]) for name in there} for row in rows}


def _plain(described: Row, value: Any) -> Any:
    """A value as JSON without floats; what is not set is None, a link is its id."""
    kind = described["type"]
    if kind == "boolean":
        return bool(value)
    if kind in {"float", "monetary"}:
        return plain(Decimal(str(value)))
    if kind in {"one2many", "many2many"}:
        return sorted(value)
    if kind == "many2one":
        return id_of(value) if value else None
    return value if value or kind == "integer" else None
