"""The platform's own models: users, groups, modules, external ids, precisions, currencies and places."""

from fcb_pipelines.odoo.sandbox.fields import (
    boolean,
    char,
    datetime_,
    integer,
    many2many,
    many2one,
    model,
    number,
    one2many,
    selection,
)

USERS = model(
    "res.users",
    "User",
    char("login", "Login", required=True),
    char("name", "Name", expression="(SELECT p.name FROM res_partner p WHERE p.id = r.partner_id)"),
    char("email", "Email", expression="(SELECT p.email FROM res_partner p WHERE p.id = r.partner_id)"),
    many2one("partner_id", "Related Partner", "res.partner", required=True),
    many2one("company_id", "Company", "res.company", required=True),
    boolean("active", "Active", default=True),
    boolean("share", "Share User", readonly=True),
    many2many("group_ids", "Groups", "res.groups"),
    many2many("all_group_ids", "Groups and implied groups", "res.groups", readonly=True),
    selection("tz", "Timezone", {"UTC": "UTC", "America/Toronto": "America/Toronto"}),
    selection("lang", "Language", {"en_US": "English (US)"}, default="en_US"),
    order="login",
    display="(SELECT p.name FROM res_partner p WHERE p.id = r.partner_id)",
    found_by=("login",),
    unique=("login",),
    is_kept_read_only=True,
)

GROUPS = model(
    "res.groups",
    "Access Groups",
    char("name", "Name", required=True),
    char("full_name", "Group Name", readonly=True),
    many2many("implied_ids", "Implied Groups", "res.groups"),
    many2many("all_implied_ids", "Transitively Implied Groups", "res.groups", readonly=True),
    display="r.full_name",
    is_kept_read_only=True,
)

API_KEYS = model(
    "res.users.apikeys",
    "User API Keys",
    char("name", "Description", required=True, readonly=True),
    many2one("user_id", "User", "res.users", required=True, readonly=True),
    char("scope", "Scope", readonly=True),
    datetime_("expiration_date", "Expiration Date", readonly=True),
    is_kept_read_only=True,
)

MODULES = model(
    "ir.module.module",
    "Module",
    char("name", "Technical Name", required=True, readonly=True),
    char("shortdesc", "Module Name", readonly=True),
    char("latest_version", "Installed Version", readonly=True),
    selection("state", "Status", {"installed": "Installed", "uninstalled": "Not Installed"}, readonly=True),
    display="coalesce(r.shortdesc, r.name)",
    order="name",
    is_kept_read_only=True,
)

EXTERNAL_IDS = model(
    "ir.model.data",
    "Model Data",
    char("name", "External Identifier", required=True),
    char("complete_name", "Complete ID", readonly=True, expression="(r.module || '.' || r.name)"),
    char("model", "Model Name", required=True),
    char("module", "Module", required=True, default=""),
    integer("res_id", "Record ID"),
    boolean("noupdate", "Non Updatable"),
    char("reference", "Reference", readonly=True, expression="(r.model || ',' || r.res_id)"),
    order="module, model, name",
    display="(r.module || '.' || r.name)",
    unique=("module", "name"),
)

PRECISIONS = model(
    "decimal.precision",
    "Decimal Precision",
    char("name", "Usage", required=True),
    integer("digits", "Digits", required=True, default=2),
    unique=("name",),
)

CURRENCIES = model(
    "res.currency",
    "Currency",
    char("name", "Currency", required=True),
    char("full_name", "Name"),
    char("symbol", "Symbol", required=True),
    number("rounding", "Rounding Factor", digits=(12, 6), default="0.01"),
    integer("decimal_places", "Decimal Places", readonly=True, default=2),
    boolean("active", "Active", default=True),
    order="active desc, name",
)

COUNTRIES = model(
    "res.country",
    "Country",
    char("name", "Country Name", required=True),
    char("code", "Country Code", required=True),
    one2many("state_ids", "States", "res.country.state", "country_id"),
    order="name",
    found_by=("code", "name"),
    is_kept_read_only=True,
)

STATES = model(
    "res.country.state",
    "Country state",
    char("name", "State Name", required=True),
    char("code", "State Code", required=True),
    many2one("country_id", "Country", "res.country", required=True),
    order="code, id",
    display="(r.name || ' (' || (SELECT c.code FROM res_country c WHERE c.id = r.country_id) || ')')",
    found_by=("code", "name"),
    is_kept_read_only=True,
)

PARAMETERS = model(
    "ir.config_parameter",
    "System Parameter",
    char("key", "Key", required=True),
    char("value", "Value", required=True),
    order="key",
    display="r.key",
    unique=("key",),
)

PLATFORM = (USERS, GROUPS, API_KEYS, MODULES, EXTERNAL_IDS, PRECISIONS, CURRENCIES, COUNTRIES, STATES, PARAMETERS)
