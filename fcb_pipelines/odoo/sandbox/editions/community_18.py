"""18.0 Community beside 19.0: names, digits, words and taxes that differ, as data.

Source: a server of 18.0 and its code. What only the interface has otherwise is left out.
"""

from collections.abc import Mapping
from typing import Any

from fcb_pipelines.odoo.sandbox.access import (
    ACCOUNTING_ADMIN,
    ALL_LEADS,
    CONTACTS,
    EMPLOYEE,
    INVOICING,
    PRODUCTS,
    RIGHTS,
    SALES_ADMIN,
    SALESMAN,
    SYSTEM,
)
from fcb_pipelines.odoo.sandbox.fields import (
    PRODUCT_PRICE,
    PRODUCT_UNIT,
    char,
    many2one,
    model,
    number,
    one2many,
    selection,
)
from fcb_pipelines.odoo.sandbox.variation import Variation

PRODUCT_UNIT_18 = "Product Unit of Measure"

GROUP_NAMES_18: Mapping[str, str] = {
    EMPLOYEE: "User types/Internal User",
    SYSTEM: "Administration/Settings",
    RIGHTS: "Administration/Access Rights",
    CONTACTS: "Extra Rights/Contact Creation",
    PRODUCTS: "Extra Rights/Product Creation",
    SALESMAN: "Sales/User: Own Documents Only",
    ALL_LEADS: "Sales/User: All Documents",
    SALES_ADMIN: "Sales/Administrator",
    INVOICING: "Invoicing/Invoicing",
    ACCOUNTING_ADMIN: "Invoicing/Administrator",
}

RIGHTS_18: Mapping[str, Mapping[str, str]] = {"uom.uom": {SALESMAN: "r", SYSTEM: "rwcu", EMPLOYEE: "r"}}

TITLES = model("res.partner.title", "Partner Title", char("name", "Title", required=True), char("shortcut", "Abbreviation"))

UNIT_CATEGORIES = model(
    "uom.category",
    "Product UoM Categories",
    char("name", "Unit of Measure Category", required=True),
    one2many("uom_ids", "Uom", "uom.uom", "category_id"),
    is_kept_read_only=True,
)

TAX_MAPPINGS = model(
    "account.fiscal.position.tax",
    "Tax Mapping of Fiscal Position",
    many2one("position_id", "Fiscal Position", "account.fiscal.position", required=True, on_delete="cascade"),
    many2one("tax_src_id", "Tax on Product", "account.tax", required=True),
    many2one("tax_dest_id", "Tax to Apply", "account.tax"),
    display="r.id::text",
    is_kept_read_only=True,
)

UNIT_KINDS = {
    "bigger": "Bigger than the reference Unit of Measure",
    "reference": "Reference Unit of Measure for this category",
    "smaller": "Smaller than the reference Unit of Measure",
}

_PRICE: Mapping[str, Any] = {"precision": PRODUCT_PRICE}
_UNIT, _WORKING_TIME = 1, 3

VARIATION_18 = Variation(
    renamed={
        "sale.order.line": {"tax_ids": "tax_id", "product_uom_id": "product_uom"},
        "res.users": {"all_group_ids": "groups_id"},
        "res.groups": {"all_implied_ids": "trans_implied_ids"},
    },
    changed={
        "res.partner": {name: {"is_checked_by_database": True} for name in ("parent_id", "state_id")},
        "sale.order.line": {
            "price_unit": _PRICE,
            "product_uom_id": {"label": "Unit of Measure"},
            "display_type": {"selection": (("line_section", "Section"), ("line_note", "Note"))},
        },
        "account.move.line": {"price_unit": _PRICE},
        "product.template": {"list_price": _PRICE, "standard_price": _PRICE, "uom_id": {"label": "Unit of Measure"}},
        "product.product": {
            "list_price": _PRICE,
            "lst_price": _PRICE,
            "standard_price": _PRICE,
            "uom_id": {"label": "Unit of Measure"},
        },
        "uom.uom": {"rounding": {"expression": None, "default": "0.01", "readonly": False, "required": True}},
    },
    hidden={
        "res.users": frozenset({"group_ids"}),
        "uom.uom": frozenset({"sequence", "relative_factor", "relative_uom_id"}),
        "account.tax": frozenset({"original_tax_ids", "fiscal_position_ids"}),
    },
    added={
        "res.partner": (char("mobile", "Mobile"), many2one("title", "Title", "res.partner.title")),
        "product.template": (many2one("uom_po_id", "Purchase Unit", "uom.uom", required=True),),
        "uom.uom": (
            many2one("category_id", "Category", "uom.category", required=True, default=_UNIT),
            selection("uom_type", "Type", UNIT_KINDS, required=True, default="reference"),
            number("factor_inv", "Bigger Ratio", readonly=True, required=True, expression="1 / r.factor"),
        ),
        "account.fiscal.position": (one2many("tax_ids", "Tax Mapping", "account.fiscal.position.tax", "position_id"),),
    },
    options={"uom.uom": {"order": "factor DESC, id"}},
    precisions={PRODUCT_UNIT: PRODUCT_UNIT_18},
    models=(TITLES, UNIT_CATEGORIES, TAX_MAPPINGS),
)

FIRST_RECORDS_18: Mapping[str, Any] = {
    "uom.category": (
        ("uom.product_uom_categ_unit", {"id": _UNIT, "name": "Unit"}),
        ("uom.uom_categ_wtime", {"id": _WORKING_TIME, "name": "Working Time"}),
    ),
    "res.partner.title": (("base.res_partner_title_mister", {"name": "Mister", "shortcut": "Mr."}),),
}

COMPLETED_18: Mapping[str, Mapping[str, Any]] = {
    "uom.product_uom_hour": {"category_id": _WORKING_TIME, "uom_type": "smaller"},
    "uom.product_uom_day": {"category_id": _WORKING_TIME},
}
