"""What an Odoo is and what it calls things: asked of the server, never configured.

Owns: the names that differ between versions, whether subscriptions are there, and the recurring plan of each interval. Names
are found by looking which of them a model has, not by the version's number, so that a version nobody measured comes out right
where it keeps to one of the names known. Does not own: how a server is reached (`versions`, `transport`), what a record of ours
holds (`partners`, `plans`, `subscriptions`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.odoo.client import Odoo, Row, ServerVersion

ORDER, LINE, PRODUCT, USER = "sale.order", "sale.order.line", "product.template", "res.users"
PLAN_MODEL = "sale.subscription.plan"

LINE_TAXES = ("tax_ids", "tax_id")
LINE_UNIT = ("product_uom_id", "product_uom")
USER_GROUPS = ("group_ids", "groups_id")
"""Each as 19 says it, then as 17 and 18 do."""

RECURRING = "recurring_invoice"
"""Of Enterprise's subscriptions, on a product: it is sold by the period."""
ORDER_PLAN = "plan_id"
"""Of Enterprise's subscriptions, on an order: it runs as one."""

QUANTITY_PRECISION = {LINE_TAXES[0]: "Product Unit", LINE_TAXES[1]: "Product Unit of Measure"}
"""The decimal accuracy that cuts quantities, which only an administrator can read: it was renamed with the line's taxes."""

FIRST_WITH_HAS_ACCESS = 18
"""Before, `check_access_rights` says what we may; a method cannot be looked up as a field can."""

_MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True, slots=True, kw_only=True)
class OdooEdition:
    """One server: its version, and the names that others call otherwise."""

    version: ServerVersion
    has_subscriptions: bool
    """Whether orders can run as subscriptions that Odoo invoices by itself: Enterprise with its app Subscriptions."""
    line_taxes: str
    """Of `sale.order.line`; an invoice's line has `tax_ids` everywhere."""
    line_unit: str
    """Of `sale.order.line`; an invoice's line has `product_uom_id` everywhere."""
    user_groups: str
    """Of `res.users`."""
    quantity_precision: str
    """The name of the decimal accuracy that cuts quantities."""

    @property
    def name(self) -> str:
        """Such as `19.0 Community`, or `19.0+e Enterprise with subscriptions`."""
        kind = "Enterprise" if self.version.is_enterprise else "Community"
        return f"{self.version.text} {kind}{' with subscriptions' if self.has_subscriptions else ''}"

    def may(self, odoo: Odoo, model: str, operation: str) -> bool:
        """Whether our user may `read`, `write`, `create` or `unlink` records of a model at all."""
        if self.version.major >= FIRST_WITH_HAS_ACCESS:
            return bool(odoo.call(model, "has_access", [], operation))
        return bool(odoo.call(model, "check_access_rights", operation, raise_exception=False))


def detect(odoo: Odoo) -> OdooEdition:
    """Ask a server what it is, in five calls; raises `Refused` where none of the names known is there."""
    line, user = odoo.fields(LINE), odoo.fields(USER)
    taxes = _one_of(LINE, line, LINE_TAXES)
    return OdooEdition(
        version=odoo.version(),
        has_subscriptions=ORDER_PLAN in odoo.fields(ORDER),
        line_taxes=taxes,
        line_unit=_one_of(LINE, line, LINE_UNIT),
        user_groups=_one_of(USER, user, USER_GROUPS),
        quantity_precision=QUANTITY_PRECISION[taxes],
    )


def subscription_plans(odoo: Odoo) -> dict[Interval, int]:
    """The recurring plan of each interval that has one, the oldest where several do; empty without subscriptions.

    A plan of another company than our user's is not ours to use. A year is a year or twelve months.
    """
    if ORDER_PLAN not in odoo.fields(ORDER):
        return {}
    names = ["billing_period_value", "billing_period_unit", "company_id"]
    rows = odoo.search_read(PLAN_MODEL, [("active", "=", True)], names)
    companies = {False, *(_company(odoo) if any(row["company_id"] for row in rows) else ())}
    usable = [row for row in rows if (row["company_id"] and row["company_id"][0]) in companies]
    by_months = {_months(row): row["id"] for row in reversed(usable)}
    return {interval: by_months[interval.months] for interval in Interval if interval.months in by_months}


def missing_plan(interval: Interval) -> str:
    """What to do where an Odoo with subscriptions has no plan of an interval."""
    period = "1 year" if interval is Interval.YEARLY else "1 month"
    return (
        f"no recurring plan bills every {period}, so no {interval} subscription could run there: "
        f"add one with that billing period (Subscriptions > Configuration > Recurring Plans)"
    )


def _one_of(model: str, described: Mapping[str, Row], names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in described), None)
    if found is None:
        raise Refused(f"{model} has none of the fields {', '.join(names)}: this Odoo is of a version that we do not know")
    return found


def _company(odoo: Odoo) -> tuple[int]:
    (user,) = odoo.search_read(USER, [("id", "=", odoo.user_id())], ["company_id"])
    return (int(user["company_id"][0]),)


def _months(plan: Mapping[str, Any]) -> int | None:
    """How many months a plan bills at once; None for weeks, which no number of months is."""
    months = _MONTHS.get(str(plan["billing_period_unit"]))
    return months * int(plan["billing_period_value"]) if months else None
