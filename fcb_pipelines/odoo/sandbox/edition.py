"""The Odoos that the sandbox can present itself as, each with sales, invoicing and the Canadian chart.

Owns: the editions as values. What differs between them is in `editions`, what they share in `models` and the rules.
"""

from collections.abc import Mapping
from dataclasses import replace

from fcb_pipelines.odoo.sandbox.access import GROUP_NAMES
from fcb_pipelines.odoo.sandbox.chart import TAXES, TAXES_18
from fcb_pipelines.odoo.sandbox.editions.community_18 import (
    COMPLETED_18,
    FIRST_RECORDS_18,
    GROUP_NAMES_18,
    PRODUCT_UNIT_18,
    RIGHTS_18,
    VARIATION_18,
)
from fcb_pipelines.odoo.sandbox.editions.enterprise_19 import PLAN_RECORDS, VARIATION_ENTERPRISE, SubscriptionRules
from fcb_pipelines.odoo.sandbox.env import Edition
from fcb_pipelines.odoo.sandbox.fields import DISCOUNT, PRODUCT_PRICE, PRODUCT_UNIT, Model
from fcb_pipelines.odoo.sandbox.models.banking import BANKING, PAYMENTS, TRANSACTIONS
from fcb_pipelines.odoo.sandbox.models.catalog import CATALOG, PRICELISTS, TEMPLATES, VARIANTS
from fcb_pipelines.odoo.sandbox.models.ledger import LEDGER
from fcb_pipelines.odoo.sandbox.models.moves import MOVE_LINES, MOVES
from fcb_pipelines.odoo.sandbox.models.parties import PARTIES, PARTNERS
from fcb_pipelines.odoo.sandbox.models.platform import CURRENCIES, PLATFORM
from fcb_pipelines.odoo.sandbox.models.sales import ORDER_LINES, ORDERS, SALES
from fcb_pipelines.odoo.sandbox.move_line_rules import MoveLineRules
from fcb_pipelines.odoo.sandbox.move_rules import MoveRules
from fcb_pipelines.odoo.sandbox.partner_rules import OrderTakingPartnerRules, PartnerRules
from fcb_pipelines.odoo.sandbox.payment_rules import PaymentRules, TransactionRules
from fcb_pipelines.odoo.sandbox.product_rules import PurchasedTemplateRules, TemplateRules, VariantRules
from fcb_pipelines.odoo.sandbox.rules import NO_RULES, Rules
from fcb_pipelines.odoo.sandbox.sale_line_rules import ExactLineRules, LineRules
from fcb_pipelines.odoo.sandbox.sale_rules import OrderRules
from fcb_pipelines.odoo.sandbox.settings_rules import CurrencyRules, PricelistRules
from fcb_pipelines.odoo.sandbox.variation import varied
from fcb_pipelines.odoo.sandbox.wording import WORDING_18, WORDING_19

_MODELS = {entry.name: entry for entry in (*PLATFORM, *PARTIES, *CATALOG, *LEDGER, *SALES, *BANKING)}

_RULES: Mapping[str, Rules] = {
    PARTNERS.name: PartnerRules(),
    TEMPLATES.name: TemplateRules(),
    VARIANTS.name: VariantRules(),
    ORDERS.name: OrderRules(),
    ORDER_LINES.name: LineRules(),
    PRICELISTS.name: PricelistRules(),
    CURRENCIES.name: CurrencyRules(),
    MOVES.name: MoveRules(),
    MOVE_LINES.name: MoveLineRules(),
    TRANSACTIONS.name: TransactionRules(),
    PAYMENTS.name: PaymentRules(),
}

_PRECISIONS: Mapping[str, tuple[str, int]] = {
    PRODUCT_UNIT: ("uom.decimal_product_uom", 2),
    "Percentage Analytic": ("analytic.decimal_percentage_analytic", 2),
    PRODUCT_PRICE: ("product.decimal_price", 2),
    DISCOUNT: ("product.decimal_discount", 2),
    "Stock Weight": ("product.decimal_stock_weight", 2),
    "Volume": ("product.decimal_volume", 2),
    "Payment Terms": ("account.decimal_payment", 6),
}

_EVERYWHERE = ("account", "account_payment", "base", "l10n_ca", "payment", "product", "sale", "sale_management", "uom")


PER_LINE, GLOBALLY = "round_per_line", "round_globally"


def _ruled(models: Mapping[str, Model], others: Mapping[str, Rules] | None = None) -> dict[str, Rules]:
    rules = {**_RULES, **(others or {})}
    return {name: rules.get(name, NO_RULES) for name in models}


COMMUNITY_19 = Edition(
    version="19.0",
    version_parts=(19, 0, 0, "final", 0, ""),
    models=_MODELS,
    rules=_ruled(_MODELS),
    modules=(*_EVERYWHERE, "rpc"),
    wording=WORDING_19,
    group_names=GROUP_NAMES,
    precisions=_PRECISIONS,
    rounding_method=GLOBALLY,
    taxes=TAXES,
)

_MODELS_18 = varied(_MODELS, VARIATION_18)

_RULES_18: Mapping[str, Rules] = {
    PARTNERS.name: OrderTakingPartnerRules(),
    TEMPLATES.name: PurchasedTemplateRules(),
    ORDER_LINES.name: ExactLineRules(),
}

COMMUNITY_18 = Edition(
    version="18.0",
    version_parts=(18, 0, 0, "final", 0, ""),
    models=_MODELS_18,
    rules=_ruled(_MODELS_18, _RULES_18),
    modules=_EVERYWHERE,
    wording=WORDING_18,
    group_names=GROUP_NAMES_18,
    precisions={
        PRODUCT_UNIT_18: ("product.decimal_product_uom", 2),
        **{name: each for name, each in _PRECISIONS.items() if name != PRODUCT_UNIT},
    },
    rounding_method=PER_LINE,
    taxes=TAXES_18,
    rights=RIGHTS_18,
    compares_whole_seconds=False,
    asks_before_cancelling=True,
    follows_confirmed_orders=True,
    undoes_matches=True,
    first_records=FIRST_RECORDS_18,
    completed=COMPLETED_18,
)

_MODELS_ENTERPRISE = varied(_MODELS, VARIATION_ENTERPRISE)

ENTERPRISE_19 = replace(
    COMMUNITY_19,
    version="19.0+e",
    version_parts=(19, 0, 0, "final", 0, "e"),
    models=_MODELS_ENTERPRISE,
    rules=_ruled(_MODELS_ENTERPRISE, {ORDERS.name: SubscriptionRules()}),
    modules=(*COMMUNITY_19.modules, "account_accountant", "sale_subscription"),
    first_records=PLAN_RECORDS,
)

EDITIONS: Mapping[str, Edition] = {
    "community-18": COMMUNITY_18,
    "community-19": COMMUNITY_19,
    "enterprise-19": ENTERPRISE_19,
}
"""By the name that the command line takes."""
