"""Invoices: account.move and its lines, of which the server itself makes those for taxes and for what is due."""

from fcb_pipelines.odoo.sandbox.fields import (
    DISCOUNT,
    PRODUCT_UNIT,
    Field,
    boolean,
    char,
    date,
    html,
    integer,
    many2many,
    many2one,
    model,
    monetary,
    number,
    one2many,
    selection,
)
from fcb_pipelines.odoo.sandbox.models.parties import COMPANY_ABOVE

STATES = {"draft": "Draft", "posted": "Posted", "cancel": "Cancelled"}
MOVE_TYPES = {"entry": "Journal Entry", "out_invoice": "Customer Invoice", "out_refund": "Customer Credit Note"}
PAYMENT_STATES = {
    "not_paid": "Not Paid",
    "in_payment": "In Payment",
    "paid": "Paid",
    "partial": "Partially Paid",
    "reversed": "Reversed",
    "blocked": "Blocked",
    "invoicing_legacy": "Invoicing App Legacy",
}
PRODUCT, TAX, PAYMENT_TERM = "product", "tax", "payment_term"
NOTES = {"line_section": "Section", "line_subsection": "Subsection", "line_note": "Note"}
DISPLAY_TYPES = {PRODUCT: "Product", TAX: "Tax", PAYMENT_TERM: "Payment Term", **NOTES}

AUTO_POST = {"no": "No", "at_date": "At Date", "monthly": "Monthly", "quarterly": "Quarterly", "yearly": "Yearly"}

RECEIVABLE = "(r.display_type = 'payment_term' OR r.is_receivable)"
"""Of a line: whether it is what a customer owes, or has paid."""

RESIDUAL = f"""(
    CASE WHEN {RECEIVABLE} THEN r.amount_currency
        + coalesce((SELECT sum(p.amount) FROM account_partial_reconcile p WHERE p.credit_move_id = r.id), 0)
        - coalesce((SELECT sum(p.amount) FROM account_partial_reconcile p WHERE p.debit_move_id = r.id), 0)
    ELSE 0 END)"""  # noqa: S608 (an expression of ours)
"""Of a line: what of it is not matched yet."""

_ACCOUNT_TYPE = f"""(
    CASE WHEN {RECEIVABLE} THEN 'asset_receivable' WHEN r.display_type = 'tax' THEN 'liability_current'
         WHEN r.display_type <> 'product' THEN NULL
         WHEN (SELECT m.move_type FROM account_move m WHERE m.id = r.move_id) = 'entry' THEN 'asset_current'
         ELSE 'income' END)"""  # noqa: S608 (an expression of ours)
_ACCOUNT_TYPES = {
    "asset_receivable": "Receivable",
    "asset_current": "Current Assets",
    "liability_current": "Current Liabilities",
    "income": "Income",
}

_BOOKED_ON = f"""(
    SELECT entity.id
      FROM account_move m, LATERAL (SELECT {COMPANY_ABOVE} AS id FROM res_partner r WHERE r.id = m.partner_id) entity
     WHERE m.id = r.move_id)"""  # noqa: S608 (an expression of ours)
"""Lines are of the company above a contact."""

_TRANSACTIONS = "ARRAY(SELECT t.id FROM payment_transaction t WHERE r.id = ANY(t.invoice_ids) ORDER BY t.id)"

_SHOWN_TYPE = """(
    CASE r.move_type WHEN 'out_invoice' THEN 'Invoice' WHEN 'out_refund' THEN 'Credit Note' ELSE 'Entry' END)"""
_SHOWN_NAME = f"""(
    concat_ws(' ',
        CASE WHEN r.state = 'draft' THEN 'Draft ' || {_SHOWN_TYPE} END, r.name, '(' || r.ref || ')'))"""

MOVES = model(
    "account.move",
    "Journal Entry",
    char("name", "Number"),
    char("ref", "Reference"),
    date("date", "Date", required=True),
    selection("state", "Status", STATES, required=True, readonly=True, default="draft"),
    selection("move_type", "Type", MOVE_TYPES, required=True, readonly=True, default="entry"),
    many2one("journal_id", "Journal", "account.journal", required=True),
    many2one("partner_id", "Partner", "res.partner", on_delete="restrict"),
    many2one("reversed_entry_id", "Reversal of", "account.move"),
    many2one("partner_shipping_id", "Delivery Address", "res.partner"),
    many2one("fiscal_position_id", "Fiscal Position", "account.fiscal.position"),
    many2one("invoice_user_id", "Salesperson", "res.users"),
    many2one("invoice_payment_term_id", "Payment Terms", "account.payment.term"),
    date("invoice_date", "Invoice/Bill Date"),
    date("invoice_date_due", "Due Date"),
    char("invoice_origin", "Origin", readonly=True),
    char("payment_reference", "Payment Reference"),
    html("narration", "Terms and Conditions"),
    selection("payment_state", "Payment Status", PAYMENT_STATES, readonly=True, default="not_paid"),
    selection(
        "status_in_payment",
        "Status In Payment",
        {**PAYMENT_STATES, **STATES},
        readonly=True,
        expression="(CASE WHEN r.state <> 'posted' OR r.payment_state = 'not_paid' THEN r.state ELSE r.payment_state END)",
    ),
    many2one("currency_id", "Currency", "res.currency", required=True),
    many2one("company_id", "Company", "res.company"),
    one2many("line_ids", "Journal Items", "account.move.line", "move_id"),
    one2many(
        "invoice_line_ids",
        "Invoice lines",
        "account.move.line",
        "move_id",
        domain=(("display_type", "in", (PRODUCT, *NOTES)),),
    ),
    monetary("amount_untaxed", "Untaxed Amount"),
    monetary("amount_tax", "Tax"),
    monetary("amount_total", "Total"),
    monetary("amount_residual", "Amount Due"),
    selection("auto_post", "Auto-post", AUTO_POST, required=True, default="no"),
    date("auto_post_until", "Auto-post until"),
    boolean("posted_before", "Posted Before"),
    many2many("transaction_ids", "Transactions", "payment.transaction", readonly=True, expression=_TRANSACTIONS),
    order="date desc, name desc, invoice_date desc, id desc",
    display=_SHOWN_NAME,
)


def _of_move(column: str) -> str:
    return f"(SELECT m.{column} FROM account_move m WHERE m.id = r.move_id)"  # noqa: S608 (names of ours)


def _from_move(entry: Field) -> Field:
    """A field of the move that its lines show too."""
    options = {name: getattr(entry, name) for name in Field.__slots__}
    return Field(**{**options, "readonly": True, "required": False, "expression": _of_move(entry.column)})


MOVE_LINES = model(
    "account.move.line",
    "Journal Item",
    many2one("move_id", "Journal Entry", "account.move", required=True, readonly=True, on_delete="cascade"),
    char("name", "Label"),
    integer("sequence", "Sequence", default=100),
    selection("display_type", "Display Type", DISPLAY_TYPES, required=True, default=PRODUCT),
    many2one("product_id", "Product", "product.product", on_delete="restrict"),
    many2one("product_uom_id", "Unit", "uom.uom", on_delete="restrict"),
    number("quantity", "Quantity", precision=PRODUCT_UNIT, default=1),
    number("price_unit", "Unit Price"),
    number("discount", "Discount (%)", precision=DISCOUNT),
    many2many("tax_ids", "Taxes", "account.tax"),
    many2one("tax_line_id", "Originator Tax", "account.tax", readonly=True, on_delete="restrict"),
    many2one("group_tax_id", "Originator Group of Taxes", "account.tax"),
    monetary("price_subtotal", "Subtotal"),
    monetary("price_total", "Total"),
    monetary("balance", "Balance"),
    monetary("amount_currency", "Amount in Currency"),
    date("date_maturity", "Due Date"),
    *map(
        _from_move,
        (
            date("date", "Date"),
            date("invoice_date", "Invoice/Bill Date"),
            char("ref", "Reference"),
            selection("move_type", "Type", MOVE_TYPES),
            many2one("journal_id", "Journal", "account.journal"),
            many2one("company_id", "Company", "res.company"),
            many2one("currency_id", "Currency", "res.currency"),
        ),
    ),
    many2one("partner_id", "Partner", "res.partner", readonly=True, expression=_BOOKED_ON),
    many2many("sale_line_ids", "Sales Order Lines", "sale.order.line"),
    selection("account_type", "Internal Type", _ACCOUNT_TYPES, readonly=True, expression=_ACCOUNT_TYPE),
    monetary("amount_residual", "Residual Amount", expression=RESIDUAL),
    monetary("amount_residual_currency", "Residual Amount in Currency", expression=RESIDUAL),
    boolean("reconciled", "Reconciled", readonly=True, expression=f"({RECEIVABLE} AND {RESIDUAL} = 0)"),
    char("move_name", "Number", readonly=True, expression=_of_move("name")),
    selection("parent_state", "Status", STATES, readonly=True, expression=_of_move("state")),
    order="date desc, move_name desc, id",
    display=f"(coalesce('(' || {_of_move('ref')} || ') ', '') || coalesce(r.name, ''))",
    hidden=(boolean("is_receivable", "Is what a customer owes or paid"),),
)
