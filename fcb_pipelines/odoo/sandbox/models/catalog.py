"""What is sold: units, pricelists, product templates and their variants."""

from fcb_pipelines.odoo.sandbox.fields import (
    boolean,
    char,
    delegated,
    html,
    integer,
    many2many,
    many2one,
    model,
    number,
    one2many,
    selection,
    text,
)

# An archived variant is shown too: our calls switch active_test off.
_FIRST_VARIANT = "(SELECT v.id FROM product_product v WHERE v.product_tmpl_id = r.id ORDER BY v.active DESC, v.id LIMIT 1)"
_COUNT_VARIANTS = "(SELECT count(*) FROM product_product v WHERE v.product_tmpl_id = r.id AND v.active)"
_VARIANT_NAME = "(SELECT t.name FROM product_template t WHERE t.id = r.product_tmpl_id)"
_CODED = "(coalesce('[' || r.default_code || '] ', '') || r.name)"
_CODED_VARIANT = f"(coalesce('[' || r.default_code || '] ', '') || {_VARIANT_NAME})"
_COMPANY_CURRENCY = "(SELECT c.currency_id FROM res_company c ORDER BY c.id LIMIT 1)"
_PRECISION_STEP = "power(10::numeric, -(SELECT p.digits FROM decimal_precision p WHERE p.name = 'Product Unit'))"

UNITS = model(
    "uom.uom",
    "Product Unit of Measure",
    char("name", "Unit Name", required=True),
    integer("sequence", "Sequence"),
    number("relative_factor", "Contains", required=True, default=1),
    many2one("relative_uom_id", "Reference Unit", "uom.uom"),
    number("factor", "Absolute Quantity", readonly=True, default=1),
    number("rounding", "Rounding Precision", readonly=True, expression=_PRECISION_STEP),
    boolean("active", "Active", default=True),
    order="sequence, relative_uom_id, id",
    is_kept_read_only=True,
)

CATEGORIES = model(
    "product.category",
    "Product Category",
    char("name", "Name", required=True),
    char("complete_name", "Complete Name", readonly=True, expression="r.name"),
    order="name",
)

PRICELISTS = model(
    "product.pricelist",
    "Pricelist",
    char("name", "Pricelist Name", required=True),
    boolean("active", "Active", default=True),
    integer("sequence", "Sequence", default=16),
    many2one("currency_id", "Currency", "res.currency", required=True),
    many2one("company_id", "Company", "res.company"),
    order="sequence, id, name",
    display="(r.name || ' (' || (SELECT c.name FROM res_currency c WHERE c.id = r.currency_id) || ')')",
)

_SHARED = (
    char("name", "Name", required=True),
    selection(
        "type", "Product Type", {"consu": "Goods", "service": "Service", "combo": "Combo"}, required=True, default="consu"
    ),
    number("list_price", "Sales Price", default=1),
    many2one("uom_id", "Unit", "uom.uom", required=True),
    many2one("categ_id", "Product Category", "product.category"),
    many2many("taxes_id", "Sales Taxes", "account.tax"),
    many2many("supplier_taxes_id", "Purchase Taxes", "account.tax"),
    boolean("sale_ok", "Sales", default=True),
    boolean("purchase_ok", "Purchase", default=True),
    selection(
        "invoice_policy",
        "Invoicing Policy",
        {"order": "Ordered quantities", "delivery": "Delivered quantities"},
        default="order",
    ),
    selection("service_tracking", "Create on Order", {"no": "Nothing"}, required=True, default="no"),
    html("description", "Description"),
    text("description_sale", "Sales Description"),
    many2one("company_id", "Company", "res.company"),
    integer("sequence", "Sequence", default=1),
    integer("color", "Color Index"),
)

TEMPLATES = model(
    "product.template",
    "Product",
    *_SHARED,
    char("default_code", "Internal Reference"),
    char(
        "barcode",
        "Barcode",
        expression="(SELECT v.barcode FROM product_product v WHERE v.product_tmpl_id = r.id ORDER BY v.id LIMIT 1)",
    ),
    number(
        "standard_price",
        "Cost",
        expression="(SELECT v.standard_price FROM product_product v WHERE v.product_tmpl_id = r.id ORDER BY v.id LIMIT 1)",
    ),
    boolean("active", "Active", default=True),
    many2one("currency_id", "Currency", "res.currency", readonly=True, expression=_COMPANY_CURRENCY),
    many2one("product_variant_id", "Product", "product.product", readonly=True, expression=_FIRST_VARIANT),
    one2many("product_variant_ids", "Products", "product.product", "product_tmpl_id", required=True),
    integer("product_variant_count", "# Product Variants", readonly=True, expression=_COUNT_VARIANTS),
    order="name, id",
    display=_CODED,
    found_by=("name", "default_code"),
)

VARIANTS = model(
    "product.product",
    "Product Variant",
    many2one("product_tmpl_id", "Product Template", "product.template", required=True, on_delete="cascade"),
    *(delegated(entry, "product_tmpl_id", "product_template") for entry in _SHARED),
    char("default_code", "Internal Reference"),
    char("barcode", "Barcode"),
    number("standard_price", "Cost"),
    boolean("active", "Active", default=True),
    number(
        "lst_price",
        "Sales Price",
        expression="(SELECT t.list_price FROM product_template t WHERE t.id = r.product_tmpl_id)",
    ),
    many2one("currency_id", "Currency", "res.currency", readonly=True, expression=_COMPANY_CURRENCY),
    char("partner_ref", "Customer Ref", readonly=True, expression=_CODED_VARIANT),
    order="default_code, name, id",
    display=_CODED_VARIANT,
    found_by=("default_code", "name", "barcode"),
)

CATALOG = (UNITS, CATEGORIES, PRICELISTS, TEMPLATES, VARIANTS)
