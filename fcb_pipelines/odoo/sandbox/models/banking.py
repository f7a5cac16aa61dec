"""What pays: providers, tokens, transactions, payments, and what is matched with what."""

from collections.abc import Mapping
from typing import Any

from fcb_pipelines.odoo.sandbox.fields import (
    boolean,
    char,
    date,
    datetime_,
    many2many,
    many2one,
    model,
    monetary,
    selection,
)

_LIVE: Mapping[str, Any] = {"readonly": False, "required": True}

PROVIDERS = model(
    "payment.provider",
    "Payment Provider",
    char("name", "Name", required=True),
    char("code", "Code", required=True, default="none"),
    selection(
        "state", "State", {"disabled": "Disabled", "enabled": "Enabled", "test": "Test Mode"}, required=True, default="disabled"
    ),
    is_kept_read_only=True,
)

METHODS = model(
    "payment.method",
    "Payment Method",
    char("name", "Name", required=True),
    char("code", "Code", required=True),
    boolean("active", "Active", default=True),
    is_kept_read_only=True,
)

TOKENS = model(
    "payment.token",
    "Payment Token",
    many2one("provider_id", "Provider", "payment.provider", required=True),
    many2one("payment_method_id", "Payment Method", "payment.method", required=True),
    char("provider_ref", "Provider Reference", required=True),
    char("payment_details", "Payment Details"),
    many2one("partner_id", "Partner", "res.partner", required=True),
    boolean("active", "Active", default=True),
    display="('•••• ' || coalesce(r.payment_details, ''))",
    found_by=("payment_details",),
)

TRANSACTIONS = model(
    "payment.transaction",
    "Payment Transaction",
    many2one("provider_id", "Provider", "payment.provider", required=True),
    many2one("payment_method_id", "Payment Method", "payment.method", required=True),
    char("reference", "Reference", required=True),
    monetary("amount", "Amount", **_LIVE),
    many2one("currency_id", "Currency", "res.currency", required=True),
    selection(
        "state",
        "Status",
        {
            "draft": "Draft",
            "pending": "Pending",
            "authorized": "Authorized",
            "done": "Confirmed",
            "cancel": "Canceled",
            "error": "Error",
        },
        required=True,
        default="draft",
    ),
    char("state_message", "Message"),
    datetime_("last_state_change", "Last State Change Date"),
    many2one("partner_id", "Customer", "res.partner", required=True),
    many2one("token_id", "Payment Token", "payment.token", on_delete="restrict"),
    many2many("invoice_ids", "Invoices", "account.move"),
    many2many("sale_order_ids", "Sales Orders", "sale.order"),
    display="r.reference",
    found_by=("reference",),
)

_PAID_INVOICES = """ARRAY(
    SELECT DISTINCT i.move_id FROM account_move_line l
      JOIN account_partial_reconcile p ON p.credit_move_id = l.id
      JOIN account_move_line i ON i.id = p.debit_move_id
     WHERE l.move_id = r.move_id ORDER BY i.move_id)"""

PAYMENTS = model(
    "account.payment",
    "Payments",
    char("name", "Number", readonly=True),
    selection(
        "state",
        "State",
        {"draft": "Draft", "in_process": "In Process", "paid": "Paid", "canceled": "Canceled", "rejected": "Rejected"},
        readonly=True,
        required=True,
        default="draft",
    ),
    monetary("amount", "Amount", **{**_LIVE, "required": False}),
    selection("payment_type", "Payment Type", {"inbound": "Receive", "outbound": "Send"}, required=True, default="inbound"),
    selection(
        "partner_type", "Partner Type", {"customer": "Customer", "supplier": "Vendor"}, required=True, default="customer"
    ),
    date("date", "Date", required=True),
    many2one("partner_id", "Customer/Vendor", "res.partner", on_delete="restrict"),
    many2one("currency_id", "Currency", "res.currency"),
    many2one("move_id", "Journal Entry", "account.move"),
    many2many("reconciled_invoice_ids", "Reconciled Invoices", "account.move", readonly=True, expression=_PAID_INVOICES),
    order="date desc, name desc",
)

PARTIALS = model(
    "account.partial.reconcile",
    "Partial Reconcile",
    many2one("debit_move_id", "Debit Move", "account.move.line", required=True, on_delete="cascade"),
    many2one("credit_move_id", "Credit Move", "account.move.line", required=True, on_delete="cascade"),
    monetary("amount", "Amount"),
    display="r.id::text",
    is_kept_read_only=True,
)

BANKING = (PROVIDERS, METHODS, TOKENS, TRANSACTIONS, PAYMENTS, PARTIALS)
