"""Sales orders and their lines."""

from fcb_pipelines.odoo.sandbox.fields import (
    DISCOUNT,
    PRODUCT_UNIT,
    boolean,
    char,
    date,
    datetime_,
    html,
    integer,
    many2many,
    many2one,
    model,
    monetary,
    number,
    one2many,
    selection,
    text,
)

STATES = {"draft": "Quotation", "sent": "Quotation Sent", "sale": "Sales Order", "cancel": "Cancelled"}
INVOICE_STATES = {
    "upselling": "Upselling Opportunity",
    "invoiced": "Fully Invoiced",
    "to invoice": "To Invoice",
    "no": "Nothing to Invoice",
}

_INVOICE_STATUS = """(
    CASE WHEN r.state <> 'sale' OR NOT EXISTS (SELECT FROM sale_order_line l WHERE l.order_id = r.id) THEN 'no'
         WHEN EXISTS (SELECT FROM sale_order_line l WHERE l.order_id = r.id AND l.display_type IS NULL
                         AND l.qty_invoiced < l.product_uom_qty) THEN 'to invoice'
         ELSE 'invoiced' END)"""

_TRANSACTIONS = "ARRAY(SELECT t.id FROM payment_transaction t WHERE r.id = ANY(t.sale_order_ids) ORDER BY t.id)"

ORDERS = model(
    "sale.order",
    "Sales Order",
    char("name", "Order Reference", required=True),
    selection("state", "Status", STATES, readonly=True, default="draft"),
    many2one("partner_id", "Customer", "res.partner", required=True),
    many2one("partner_invoice_id", "Invoice Address", "res.partner", required=True),
    many2one("partner_shipping_id", "Delivery Address", "res.partner", required=True),
    many2one("company_id", "Company", "res.company", required=True),
    datetime_("date_order", "Order Date", required=True),
    date("validity_date", "Expiration"),
    many2one("pricelist_id", "Pricelist", "product.pricelist"),
    many2one("currency_id", "Currency", "res.currency", readonly=True, on_delete="restrict"),
    char("client_order_ref", "Customer Reference"),
    char("origin", "Source Document"),
    char("reference", "Payment Ref."),
    html("note", "Terms and conditions"),
    many2one("user_id", "Salesperson", "res.users"),
    many2one("team_id", "Sales Team", "crm.team"),
    many2one("payment_term_id", "Payment Terms", "account.payment.term", is_checked_by_database=True),
    many2one("journal_id", "Invoicing Journal", "account.journal", is_checked_by_database=True),
    many2one("fiscal_position_id", "Fiscal Position", "account.fiscal.position"),
    one2many("order_line", "Order Lines", "sale.order.line", "order_id"),
    monetary("amount_untaxed", "Untaxed Amount"),
    monetary("amount_tax", "Taxes"),
    monetary("amount_total", "Total"),
    boolean("locked", "Locked"),
    boolean("require_signature", "Online signature", default=True),
    boolean("require_payment", "Online payment"),
    datetime_("commitment_date", "Delivery Date"),
    selection(
        "invoice_status",
        "Invoice Status",
        INVOICE_STATES,
        readonly=True,
        expression=_INVOICE_STATUS,
    ),
    many2many("invoice_ids", "Invoices", "account.move", readonly=True),
    many2many("transaction_ids", "Transactions", "payment.transaction", readonly=True, expression=_TRANSACTIONS),
    many2many("message_partner_ids", "Followers (Partners)", "res.partner"),
    order="date_order desc, id desc",
    found_by=("name",),
)


def _of_order(column: str) -> str:
    return f"(SELECT o.{column} FROM sale_order o WHERE o.id = r.order_id)"  # noqa: S608 (names of ours)


ORDER_LINES = model(
    "sale.order.line",
    "Sales Order Line",
    many2one("order_id", "Order Reference", "sale.order", required=True, on_delete="cascade"),
    integer("sequence", "Sequence", default=10),
    text("name", "Description", required=True),
    many2one("product_id", "Product", "product.product", on_delete="restrict"),
    many2one(
        "product_template_id",
        "Product Template",
        "product.template",
        expression="(SELECT v.product_tmpl_id FROM product_product v WHERE v.id = r.product_id)",
    ),
    number("product_uom_qty", "Quantity", required=True, precision=PRODUCT_UNIT, default=1),
    many2one("product_uom_id", "Unit", "uom.uom", on_delete="restrict"),
    number("price_unit", "Unit Price", required=True),
    number("technical_price_unit", "Technical Price Unit"),
    number("discount", "Discount (%)", precision=DISCOUNT),
    many2many("tax_ids", "Taxes", "account.tax"),
    monetary("price_subtotal", "Subtotal"),
    number("price_tax", "Total Tax", readonly=True),
    monetary("price_total", "Total"),
    selection("state", "Order Status", STATES, readonly=True, expression=_of_order("state")),
    many2one("currency_id", "Currency", "res.currency", readonly=True, expression=_of_order("currency_id")),
    many2one("company_id", "Company", "res.company", readonly=True, expression=_of_order("company_id")),
    many2one("order_partner_id", "Customer", "res.partner", readonly=True, expression=_of_order("partner_id")),
    many2one("salesman_id", "Salesperson", "res.users", readonly=True, expression=_of_order("user_id")),
    selection(
        "display_type",
        "Display Type",
        {"line_section": "Section", "line_subsection": "Subsection", "line_note": "Note"},
    ),
    number("customer_lead", "Lead Time", required=True),
    number("qty_delivered", "Delivery Quantity", precision=PRODUCT_UNIT),
    number("qty_invoiced", "Invoiced Quantity", readonly=True, precision=PRODUCT_UNIT),
    order="order_id, sequence, id",
    display="((SELECT o.name FROM sale_order o WHERE o.id = r.order_id) || ' - ' || split_part(r.name, E'\\n', 1)"
    " || ' (' || (SELECT p.name FROM sale_order o JOIN res_partner p ON p.id = o.partner_id WHERE o.id = r.order_id) || ')')",
    found_by=("name",),
)

SALES = (ORDERS, ORDER_LINES)
