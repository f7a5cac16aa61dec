"""Accounting as far as an importer needs it: taxes, fiscal positions, journals, terms; invoices are in `moves`."""

from fcb_pipelines.odoo.sandbox.fields import (
    boolean,
    char,
    html,
    integer,
    many2many,
    many2one,
    model,
    number,
    selection,
)
from fcb_pipelines.odoo.sandbox.models.moves import MOVE_LINES, MOVES

TAX_GROUPS = model(
    "account.tax.group",
    "Tax Group",
    char("name", "Name", required=True),
    integer("sequence", "Sequence", default=10),
    many2one("company_id", "Company", "res.company", required=True),
    order="sequence asc, id",
    is_kept_read_only=True,
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
    html("description", "Description"),
    many2one("tax_group_id", "Tax Group", "account.tax.group", required=True),
    selection(
        "price_include_override",
        "Included in Price",
        {"tax_included": "Tax Included", "tax_excluded": "Tax Excluded"},
    ),
    boolean(
        "price_include", "Price Include", readonly=True, expression="coalesce(r.price_include_override = 'tax_included', false)"
    ),
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
    hidden=(integer("days", "Days after the invoice date"),),
)

LEDGER = (TAX_GROUPS, TAXES, FISCAL_POSITIONS, JOURNALS, PAYMENT_TERMS, MOVES, MOVE_LINES)
