"""A month of usage on orders, as the tests see it, and Odoos in which something happens to it."""

from collections.abc import Mapping
from typing import Any

from fcb_pipelines.acts.status import service_status
from fcb_pipelines.domain.read_back import Difference, Part
from fcb_pipelines.odoo.client import Odoo, Row
from fcb_pipelines.store import read_back
from fcb_pipelines_tests.acts.month import Month
from fcb_pipelines_tests.source.small_host import FIRST

FIELDS = ("name", "product_uom_qty", "price_unit", "price_subtotal", "product_id", "tax_ids", "order_id")
USAGE = f"usage_line_{FIRST}=2f2026-04_cpu=5fseconds=2f2026-04-01"


def lines(month: Month) -> dict[str, dict[str, Any]]:
    """What stands on the first customer's order, by external id without its prefix."""
    order = month.chain.ids("sale.order")[month.chain.xid(f"subscription_{FIRST}")]
    ids = {odoo_id: xid for xid, odoo_id in month.chain.ids("sale.order.line").items()}
    rows = month.chain.odoo.search_read("sale.order.line", [("order_id", "=", order)], FIELDS)
    return {ids[row["id"]].removeprefix(f"fcb.{month.chain.service.code}_"): row for row in rows}


def confirm(odoo: Odoo, order: int) -> None:
    """Let an order run as a subscription, as somebody does by hand: with its plan, or Odoo confirms none."""
    (monthly,) = odoo.search_read("sale.subscription.plan", [("name", "=", "Monthly")], ["id"])
    odoo.write("sale.order", [order], {"plan_id": monthly["id"]})
    odoo.call("sale.order", "action_confirm", [order])


class Confirming:
    """An Odoo in which somebody confirms an order right before we delete anything."""

    def __init__(self, odoo: Odoo, order: int) -> None:
        self._odoo = odoo
        self._order = order

    def __getattr__(self, name: str) -> Any:
        if name == "unlink" and self._order:
            confirm(self._odoo, self._order)
            self._order = 0
        return getattr(self._odoo, name)


class WithoutSubscriptions:
    """The same Odoo before it got its app Subscriptions, or after it lost it."""

    def __init__(self, odoo: Odoo) -> None:
        self._odoo = odoo

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def fields(self, model: str) -> Mapping[str, Row]:
        gone = {"plan_id", "subscription_state"} if model == "sale.order" else set()
        return {name: each for name, each in self._odoo.fields(model).items() if name not in gone}


def order_of(month: Month) -> int:
    """The first customer's order."""
    return month.chain.ids("sale.order")[month.chain.xid(f"subscription_{FIRST}")]


def kept(month: Month) -> dict[Part, tuple[Difference, ...]]:
    """The last read-back of each way to bill the month."""
    parts = (Part.USAGE_LINES, Part.DRAFT_INVOICES)
    with month.chain.db.transaction() as conn:
        return {part: read_back.differences(conn, month.chain.service.code, part, month.key) for part in parts}


def shown(month: Month) -> list[str]:
    """The parts of the month that `fcb status` adds up."""
    with month.chain.db.transaction() as conn:
        return [one.part for one in service_status(conn, month.chain.service).invoices]
