"""Who is dealt with: partners, companies and sales teams."""

from fcb_pipelines.odoo.sandbox.fields import boolean, char, date, html, integer, many2one, model, one2many, selection

COMPANY_ABOVE = """(
    WITH RECURSIVE up AS (
        SELECT r.id AS id, r.parent_id AS parent_id, r.is_company AS is_company
        UNION ALL
        SELECT p.id, p.parent_id, p.is_company FROM res_partner p JOIN up ON p.id = up.parent_id AND NOT up.is_company
    )
    SELECT up.id FROM up WHERE up.is_company OR up.parent_id IS NULL)"""

_COMPLETE_NAME = """(
    coalesce((SELECT p.name || ', ' FROM res_partner p WHERE p.id = r.parent_id AND NOT r.is_company), '')
    || coalesce(r.name, ''))"""

ROUNDING_METHODS = {"round_per_line": "Round per Line", "round_globally": "Round Globally"}

PARTNERS = model(
    "res.partner",
    "Contact",
    char("name", "Name"),
    char("complete_name", "Complete Name", readonly=True, expression=_COMPLETE_NAME),
    char("email", "Email"),
    char("email_normalized", "Normalized Email", readonly=True),
    char("phone", "Phone"),
    char("ref", "Reference"),
    char("vat", "Tax ID"),
    char("street", "Street"),
    char("street2", "Street2"),
    char("city", "City"),
    char("zip", "Zip"),
    many2one("state_id", "State", "res.country.state", on_delete="restrict"),
    many2one("country_id", "Country", "res.country", on_delete="restrict"),
    boolean("is_company", "Is a Company"),
    selection(
        "company_type",
        "Company Type",
        {"person": "Person", "company": "Company"},
        expression="(CASE WHEN r.is_company THEN 'company' ELSE 'person' END)",
    ),
    selection(
        "type",
        "Address Type",
        {"contact": "Contact", "invoice": "Invoice", "delivery": "Delivery", "other": "Other"},
        default="contact",
    ),
    many2one("parent_id", "Related Company", "res.partner"),
    one2many("child_ids", "Contact", "res.partner", "parent_id"),
    many2one("commercial_partner_id", "Commercial Entity", "res.partner", readonly=True, expression=COMPANY_ABOVE),
    selection("lang", "Language", {"en_US": "English (US)"}, default="en_US"),
    selection("tz", "Timezone", {"UTC": "UTC", "America/Toronto": "America/Toronto"}),
    boolean("active", "Active", default=True),
    html("comment", "Notes"),
    many2one("company_id", "Company", "res.company"),
    char("company_name", "Company Name"),
    char("function", "Job Position"),
    char("website", "Website Link"),
    many2one("user_id", "Salesperson", "res.users"),
    integer("color", "Color Index"),
    integer("customer_rank", "Customer Rank"),
    integer("supplier_rank", "Supplier Rank"),
    selection(
        "autopost_bills",
        "Auto-post bills",
        {"always": "Always", "ask": "Ask after 3 validations without edits", "never": "Never"},
        required=True,
        default="ask",
    ),
    many2one(
        "property_product_pricelist",
        "Pricelist",
        "product.pricelist",
        expression="coalesce(r.specific_property_product_pricelist,"
        " (SELECT l.id FROM product_pricelist l WHERE l.active ORDER BY l.sequence, l.id LIMIT 1))",
    ),
    many2one("specific_property_product_pricelist", "Specific Property Product Pricelist", "product.pricelist"),
    order="complete_name, id desc",
    display=_COMPLETE_NAME,
    found_by=("complete_name", "email", "ref", "vat"),
)

COMPANIES = model(
    "res.company",
    "Companies",
    char("name", "Company Name", required=True),
    many2one("partner_id", "Partner", "res.partner", required=True),
    many2one("currency_id", "Currency", "res.currency", required=True),
    many2one(
        "country_id", "Country", "res.country", expression="(SELECT p.country_id FROM res_partner p WHERE p.id = r.partner_id)"
    ),
    many2one(
        "state_id",
        "Fed. State",
        "res.country.state",
        expression="(SELECT p.state_id FROM res_partner p WHERE p.id = r.partner_id)",
    ),
    many2one("account_fiscal_country_id", "Fiscal Country", "res.country"),
    many2one("account_sale_tax_id", "Default Sale Tax", "account.tax"),
    selection("chart_template", "Chart Template", {"ca_2023": "Canada"}),
    date("fiscalyear_lock_date", "Global Lock Date"),
    date("sale_lock_date", "Lock Sales"),
    date("tax_lock_date", "Lock Tax Return"),
    date("hard_lock_date", "Hard Lock Date"),
    selection("tax_calculation_rounding_method", "Tax Calculation Rounding Method", ROUNDING_METHODS),
    boolean("active", "Active", default=True),
    integer("sequence", "Sequence", default=10),
    order="sequence, name",
)

TEAMS = model(
    "crm.team",
    "Sales Team",
    char("name", "Sales Team", required=True),
    many2one("company_id", "Company", "res.company"),
    boolean("active", "Active", default=True),
    integer("sequence", "Sequence", default=10),
    order="sequence, id",
)

PARTIES = (PARTNERS, COMPANIES, TEAMS)
