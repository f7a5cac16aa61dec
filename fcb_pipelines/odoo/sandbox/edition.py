"""The Odoo that the sandbox presents itself as: 19.0 Community with sales, invoicing and the Canadian chart."""

from collections.abc import Mapping

from fcb_pipelines.odoo.sandbox.env import Edition
from fcb_pipelines.odoo.sandbox.models.catalog import CATALOG, TEMPLATES, VARIANTS
from fcb_pipelines.odoo.sandbox.models.ledger import LEDGER
from fcb_pipelines.odoo.sandbox.models.parties import PARTIES, PARTNERS
from fcb_pipelines.odoo.sandbox.models.platform import PLATFORM
from fcb_pipelines.odoo.sandbox.models.sales import ORDER_LINES, ORDERS, SALES
from fcb_pipelines.odoo.sandbox.partner_rules import PartnerRules
from fcb_pipelines.odoo.sandbox.product_rules import TemplateRules, VariantRules
from fcb_pipelines.odoo.sandbox.rules import NO_RULES, Rules
from fcb_pipelines.odoo.sandbox.sale_line_rules import LineRules
from fcb_pipelines.odoo.sandbox.sale_rules import OrderRules

_MODELS = {entry.name: entry for entry in (*PLATFORM, *PARTIES, *CATALOG, *LEDGER, *SALES)}

_RULES: Mapping[str, Rules] = {
    PARTNERS.name: PartnerRules(),
    TEMPLATES.name: TemplateRules(),
    VARIANTS.name: VariantRules(),
    ORDERS.name: OrderRules(),
    ORDER_LINES.name: LineRules(),
}

COMMUNITY_19 = Edition(
    version="19.0",
    version_parts=(19, 0, 0, "final", 0, ""),
    models=_MODELS,
    rules={name: _RULES.get(name, NO_RULES) for name in _MODELS},
    modules=("account", "account_payment", "base", "l10n_ca", "payment", "product", "rpc", "sale", "sale_management", "uom"),
)
