"""Accounting as far as an importer reads it: taxes, fiscal positions, journals and invoices."""

from fcb_pipelines.odoo.sandbox.fields import (
    boolean,
    char,
    date,
    integer,
    many2many,
    many2one,
    model,
    monetary,
    number,
    selection,
)

TAXES = model(
    "account.tax",
    "Tax",
    char("name", "Tax Name", required=True),
    selection(
        "amount_type",
        "Tax Computation",
        {"group": "Group of Taxes", "fixed": "Fixed", "percent": "Percentage", "division": "Percentage Tax Included"},
        required=True,
        default="percent",
    ),
    selection(
        "type_tax_use", "Tax Type", {"sale": "Sales", "purchase": "Purchases", "none": "None"}, required=True, default="sale"
    ),
    number("amount", "Amount", required=True, digits=(16, 4)),
    boolean("active", "Active", default=True),
    many2one("company_id", "Company", "res.company", required=True, readonly=True),
    many2one("country_id", "Country", "res.country", required=True),
    many2many("children_tax_ids", "Children Taxes", "account.tax"),
    many2many("original_tax_ids", "Replaces", "account.tax"),
    many2many("fiscal_position_ids", "Fiscal Position", "account.fiscal.position"),
    integer("sequence", "Sequence", required=True, default=1),
    char("invoice_label", "Label on Invoices"),
    boolean("price_include", "Price Include", readonly=True, expression="false"),
    order="sequence, id",
    is_kept_read_only=True,
)

FISCAL_POSITIONS = model(
    "account.fiscal.position",
    "Fiscal Position",
    char("name", "Fiscal Position", required=True),
    integer("sequence", "Sequence"),
    boolean("active", "Active", default=True),
    many2one("company_id", "Company", "res.company", required=True, readonly=True),
    boolean("auto_apply", "Detect Automatically"),
    many2one("country_id", "Country", "res.country"),
    many2many("state_ids", "Federal States", "res.country.state"),
    boolean("vat_required", "VAT required"),
    order="sequence",
    is_kept_read_only=True,
)

JOURNALS = model(
    "account.journal",
    "Journal",
    char("name", "Journal Name", required=True),
    char("code", "Sequence Prefix", required=True),
    selection(
        "type",
        "Type",
        {"sale": "Sales", "purchase": "Purchase", "bank": "Bank", "general": "Miscellaneous"},
        required=True,
    ),
    boolean("active", "Active", default=True),
    many2one("company_id", "Company", "res.company", required=True, readonly=True),
    integer("sequence", "Sequence", default=10),
    order="sequence, type, code",
    is_kept_read_only=True,
)

PAYMENT_TERMS = model(
    "account.payment.term",
    "Payment Terms",
    char("name", "Payment Terms", required=True),
    boolean("active", "Active", default=True),
    integer("sequence", "Sequence", required=True, default=10),
    order="sequence, id",
    is_kept_read_only=True,
)

MOVES = model(
    "account.move",
    "Journal Entry",
    char("name", "Number"),
    char("ref", "Reference"),
    date("date", "Date", required=True),
    selection(
        "state",
        "Status",
        {"draft": "Draft", "posted": "Posted", "cancel": "Cancelled"},
        required=True,
        readonly=True,
        default="draft",
    ),
    selection(
        "move_type",
        "Type",
        {"entry": "Journal Entry", "out_invoice": "Customer Invoice", "out_refund": "Customer Credit Note"},
        required=True,
        readonly=True,
        default="entry",
    ),
    many2one("journal_id", "Journal", "account.journal", required=True),
    many2one("partner_id", "Partner", "res.partner", on_delete="restrict"),
    date("invoice_date", "Invoice/Bill Date"),
    date("invoice_date_due", "Due Date"),
    char("invoice_origin", "Origin", readonly=True),
    selection(
        "payment_state",
        "Payment Status",
        {
            "not_paid": "Not Paid",
            "in_payment": "In Payment",
            "paid": "Paid",
            "partial": "Partially Paid",
            "reversed": "Reversed",
            "blocked": "Blocked",
            "invoicing_legacy": "Invoicing App Legacy",
        },
        readonly=True,
        default="not_paid",
    ),
    many2one("currency_id", "Currency", "res.currency", required=True),
    many2one("company_id", "Company", "res.company"),
    monetary("amount_untaxed", "Untaxed Amount"),
    monetary("amount_tax", "Tax"),
    monetary("amount_total", "Total"),
    monetary("amount_residual", "Amount Due"),
    selection("auto_post", "Auto-post", {"no": "No", "at_date": "At Date"}, required=True, default="no"),
    many2many("transaction_ids", "Transactions", "payment.transaction", readonly=True),
    order="date desc, name desc, invoice_date desc, id desc",
    display="coalesce(r.name, 'Draft')",
    is_kept_read_only=True,
)

LEDGER = (TAXES, FISCAL_POSITIONS, JOURNALS, PAYMENT_TERMS, MOVES)
