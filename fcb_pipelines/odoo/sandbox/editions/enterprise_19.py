"""19.0 Enterprise beside Community: recurring plans, and orders that run as subscriptions.

Documented by Odoo (documentation, Sales > Subscriptions): recurring plans with a name, a billing period of weeks, months or
years, and an automatic closing in days; monthly and yearly ones come with the module; an order with a recurring plan is a
subscription, which confirming starts; products are marked as subscriptions. The technical names are those that public modules
and their tests use with Enterprise: `sale.subscription.plan`, `plan_id`, `subscription_state` and its keys, `start_date`,
`next_invoice_date`, `payment_token_id`, `recurring_invoice`.

Nothing here was measured on a real server, and none of Enterprise's code was read. Assumed, not documented: the external id and
record of the quarterly plan's name, a week as 7 of 30.4375 days in what an order brings a month, and that confirming sets both
dates to the day of confirmation where they are empty. That no order with a product sold by the period is confirmed without a
plan is told by people who met it (odoo/odoo, issue 103176); its words here are ours. That an unpaid subscription is closed
after 15 days if nothing else is set, and that a plan can name an e-mail which goes out with each invoice, is documented.
Renewals, upsells, pauses, closings and the drawing of invoices are left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import user_error
from fcb_pipelines.odoo.sandbox.fields import boolean, char, date, delegated, integer, many2one, model, monetary, selection
from fcb_pipelines.odoo.sandbox.models.sales import ORDERS
from fcb_pipelines.odoo.sandbox.rules import Values
from fcb_pipelines.odoo.sandbox.sale_rules import SALE, OrderRules
from fcb_pipelines.odoo.sandbox.variation import Variation
from fcb_pipelines.odoo.sandbox.writing import set_columns

DRAFT, IN_PROGRESS = "1_draft", "3_progress"

SUBSCRIPTION_STATES = {
    DRAFT: "Quotation",
    "2_renewal": "Renewal Quotation",
    IN_PROGRESS: "In Progress",
    "4_paused": "Paused",
    "5_renewed": "Renewed",
    "6_churn": "Churned",
    "7_upsell": "Upsell",
}

MAIL_TEMPLATES = model("mail.template", "Email Templates", char("name", "Name"), order="name")

PLANS = model(
    "sale.subscription.plan",
    "Subscription Plan",
    char("name", "Name", required=True),
    boolean("active", "Active", default=True),
    integer("sequence", "Sequence"),
    many2one("company_id", "Company", "res.company"),
    integer("billing_period_value", "Duration", required=True, default=1),
    selection("billing_period_unit", "Unit", {"week": "Weeks", "month": "Months", "year": "Years"}, required=True),
    char(
        "billing_period_display",
        "Billing Period",
        readonly=True,
        expression="(r.billing_period_value || ' ' || initcap(r.billing_period_unit) || 's')",
    ),
    integer("auto_close_limit", "Automatic Closing", default=15),
    many2one("invoice_mail_template_id", "Invoice Email Template", "mail.template"),
    order="sequence, id",
)

PLAN_RECORDS: Mapping[str, Sequence[tuple[str | None, Mapping[str, Any]]]] = {
    PLANS.name: (
        ("sale_subscription.subscription_plan_month", {"name": "Monthly", "billing_period_unit": "month", "sequence": 1}),
        (None, {"name": "Quarterly", "billing_period_unit": "month", "billing_period_value": 3, "sequence": 2}),
        ("sale_subscription.subscription_plan_year", {"name": "Yearly", "billing_period_unit": "year", "sequence": 3}),
    )
}

_A_MONTH = """(
    SELECT coalesce(round(sum(l.price_subtotal) / min(p.billing_period_value *
               CASE p.billing_period_unit WHEN 'year' THEN 12 WHEN 'month' THEN 1 ELSE 7 / 30.4375 END), 2), 0)
      FROM sale_order_line l
      JOIN product_product v ON v.id = l.product_id
      JOIN product_template t ON t.id = v.product_tmpl_id AND t.recurring_invoice
      JOIN sale_subscription_plan p ON p.id = r.plan_id
     WHERE l.order_id = r.id)"""

_OF_PRODUCT = """coalesce((
    SELECT t.recurring_invoice FROM product_product v JOIN product_template t ON t.id = v.product_tmpl_id
     WHERE v.id = r.product_id), false)"""

_RECURRING = boolean("recurring_invoice", "Subscription Product")

VARIATION_ENTERPRISE = Variation(
    added={
        "product.template": (_RECURRING,),
        "product.product": (delegated(_RECURRING, "product_tmpl_id", "product_template"),),
        "sale.order.line": (boolean("recurring_invoice", "Subscription Product", readonly=True, expression=_OF_PRODUCT),),
        "sale.order": (
            many2one("plan_id", "Recurring Plan", PLANS.name, on_delete="restrict"),
            boolean("is_subscription", "Recurring", readonly=True, expression="(r.plan_id IS NOT NULL)"),
            selection("subscription_state", "Subscription Status", SUBSCRIPTION_STATES),
            date("start_date", "Start Date"),
            date("end_date", "End Date"),
            date("next_invoice_date", "Date of Next Invoice"),
            many2one("payment_token_id", "Payment Token", "payment.token"),
            monetary("recurring_monthly", "Monthly Recurring Revenue", expression=_A_MONTH),
        ),
    },
    models=(MAIL_TEMPLATES, PLANS),
)


_HALF = """
    SELECT o.plan_id, bool_or(t.recurring_invoice) AS is_recurring FROM sale_order o
      JOIN sale_order_line l ON l.order_id = o.id
      JOIN product_product v ON v.id = l.product_id JOIN product_template t ON t.id = v.product_tmpl_id
     WHERE o.id = ANY(%s) AND o.state = 'sale' GROUP BY o.id"""


class SubscriptionRules(OrderRules):
    """A plan makes an order a subscription, and confirming starts it."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """A new order with a plan is a subscription that has not begun."""
        super().fill(env, rows)
        for row in rows:
            row.setdefault("subscription_state", DRAFT if row.get("plan_id") else None)

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Follows a changed plan, and a confirmation. Raises UserError for a running order that is half a subscription."""
        super().written(env, ids, values)
        _check_plans(env, ids)
        if "plan_id" in values or values.get("state") == SALE:
            set_columns(env, env.model(ORDERS.name), {row["id"]: _followed(env, row) for row in _orders(env, ids)})


def _check_plans(env: Env, ids: Sequence[int]) -> None:
    for row in env.conn.execute(_HALF, [list(ids)]):
        if row["plan_id"] is None and row["is_recurring"]:
            raise user_error("You cannot save a sale order with a recurring product and no recurring plan.")
        if row["plan_id"] is not None and not row["is_recurring"]:
            raise user_error("You cannot save a sale order with a recurring plan and no recurring product.")


def _orders(env: Env, ids: Sequence[int]) -> list[dict[str, Any]]:
    query = "SELECT id, plan_id, state, start_date, next_invoice_date FROM sale_order WHERE id = ANY(%s)"
    return env.conn.execute(query, [list(ids)]).fetchall()


def _followed(env: Env, order: Mapping[str, Any]) -> Values:
    dates = {"start_date": order["start_date"], "next_invoice_date": order["next_invoice_date"]}
    if order["plan_id"] is None:
        return {"subscription_state": None, **dates}
    if order["state"] != SALE:
        return {"subscription_state": DRAFT, **dates}
    start = order["start_date"] or env.now.date()
    return {
        "subscription_state": IN_PROGRESS,
        "start_date": start,
        "next_invoice_date": order["next_invoice_date"] or start,
    }
