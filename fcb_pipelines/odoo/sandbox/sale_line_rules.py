"""Rules of sale.order.line: what follows from the product, and when the price is set anew."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import user_error
from fcb_pipelines.odoo.sandbox.models.sales import ORDER_LINES
from fcb_pipelines.odoo.sandbox.rules import Rules, Values
from fcb_pipelines.odoo.sandbox.sale_rules import refresh_totals
from fcb_pipelines.odoo.sandbox.sold import described, sold_products
from fcb_pipelines.odoo.sandbox.tax_tables import all_places
from fcb_pipelines.odoo.sandbox.taxes import taxes_at
from fcb_pipelines.odoo.sandbox.values import CENT, rounded
from fcb_pipelines.odoo.sandbox.writing import set_columns

ZERO = Decimal(0)

_CHANGING = """
    SELECT l.id, l.product_id, l.product_uom_id, l.product_uom_qty, l.price_unit, l.technical_price_unit,
           o.state, o.locked, o.fiscal_position_id
      FROM sale_order_line l JOIN sale_order o ON o.id = l.order_id
     WHERE l.id = ANY(%s) ORDER BY l.id
"""

_PRICED_BY = frozenset({"product_uom_qty", "price_unit", "discount", "tax_ids", "product_id", "order_id"})
_PRICED_AGAIN_BY = frozenset({"product_uom_qty", "product_uom_id", "product_id"})
_PROTECTED = frozenset({"product_id", "name", "price_unit", "product_uom_id", "product_uom_qty", "tax_ids"})


class LineRules(Rules):
    """A line with a product needs nothing else; without one it needs a name."""

    def is_typed(self, line: Mapping[str, Any]) -> bool:
        """Whether Odoo takes a price for typed by hand, and so keeps it: it is a cent off `technical_price_unit`."""
        return rounded(line["technical_price_unit"], CENT) != rounded(line["price_unit"], CENT)

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Completes name, unit, price and taxes from the product and the order's fiscal position."""
        products = sold_products(env, [row["product_id"] for row in rows if row.get("product_id")])
        positions = _positions(env, [row["order_id"] for row in rows if row.get("order_id")])
        places = all_places(env)
        for row in rows:
            if "price_unit" not in row:
                row.pop("technical_price_unit", None)
            product = products.get(row.get("product_id"))
            if product:
                place = places.get(positions.get(row.get("order_id"), 0))
                row.setdefault("tax_ids", taxes_at(place, product["taxes_id"]))
                _follow_product(row, product)
            row.setdefault("technical_price_unit", row.setdefault("price_unit", ZERO))
            if row.get("display_type"):
                row["product_uom_qty"] = ZERO

    def created(self, env: Env, ids: Sequence[int], rows: Sequence[Values]) -> None:
        """Computes the orders' totals."""
        refresh_totals(env, (row["order_id"] for row in rows))

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Raises UserError on a locked order; sets prices anew where Odoo takes them for automatic."""
        present = env.conn.execute(_CHANGING, [list(ids)]).fetchall()
        if _PROTECTED & values.keys() and any(line["locked"] for line in present):
            raise user_error("It is forbidden to modify the following fields in a locked order:\n" + _labels(env, values))
        if "technical_price_unit" in values and "price_unit" not in values:
            del values["technical_price_unit"]
        _reprice(env, [line for line in present if not self.is_typed(line)], values)
        if "product_id" in values:
            _follow_new_product(env, present, values)

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Computes the orders' totals if what they are made of has changed."""
        if _PRICED_BY & values.keys():
            refresh_totals(env, _orders(env, ids))

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Raises UserError if an order is confirmed."""
        if any(line["state"] == "sale" for line in env.conn.execute(_CHANGING, [list(ids)])):
            raise user_error(
                "Once a sales order is confirmed, you can't remove one of its lines (we need to track if something gets "
                "invoiced or delivered).\n                Set the quantity to 0 instead."
            )
        return _orders(env, ids)

    def unlinked(self, env: Env, touched: Sequence[int]) -> None:
        """Computes the orders' totals."""
        refresh_totals(env, touched)


class ExactLineRules(LineRules):
    """As 18.0 has it: a price counts as typed by hand if it differs from `technical_price_unit` at all."""

    def is_typed(self, line: Mapping[str, Any]) -> bool:
        """Whether they differ, the one cut to the precision of prices, the other not cut."""
        return bool(line["technical_price_unit"] != line["price_unit"])


def _follow_product(row: Values, product: Mapping[str, Any]) -> None:
    row.setdefault("name", described(product))
    row.setdefault("product_uom_id", product["uom_id"])
    row.setdefault("price_unit", product["list_price"])


def _reprice(env: Env, automatic: Sequence[Mapping[str, Any]], values: Values) -> None:
    """A line gets the list price back when its quantity, unit or product is written, even to the same value.

    Not if the price is written along. Creating over RPC marks the given price as automatic, which is why it is lost here.
    """
    if _PRICED_AGAIN_BY & values.keys() and "price_unit" not in values:
        products = sold_products(env, [values.get("product_id", line["product_id"]) for line in automatic])
        prices = {line["id"]: _list_price(line, products, values) for line in automatic}
        rows = {line: {"price_unit": price, "technical_price_unit": price} for line, price in prices.items()}
        set_columns(env, ORDER_LINES, rows)


def _follow_new_product(env: Env, present: Sequence[Mapping[str, Any]], values: Values) -> None:
    """Name, unit and taxes follow the product that is written, even if it is the same."""
    product = sold_products(env, [values["product_id"]]).get(values["product_id"])
    if product is None:
        for name, value in (("product_uom_id", None), ("tax_ids", []), ("discount", ZERO)):
            values.setdefault(name, value)
        return
    place = all_places(env).get(present[0]["fiscal_position_id"])
    values.setdefault("name", described(product))
    values.setdefault("product_uom_id", product["uom_id"])
    values.setdefault("tax_ids", taxes_at(place, product["taxes_id"]))


def _list_price(line: Mapping[str, Any], products: Mapping[Any, Mapping[str, Any]], values: Values) -> Decimal:
    product = products.get(values.get("product_id", line["product_id"]))
    has_unit = bool(values.get("product_uom_id", line["product_uom_id"]) or values.get("product_id"))
    return product["list_price"] if product and has_unit else ZERO


def _labels(env: Env, values: Values) -> str:
    columns = env.model(ORDER_LINES.name).by_column
    return "\n".join(sorted(columns[name].label for name in _PROTECTED & values.keys()))


def _positions(env: Env, order_ids: Sequence[int]) -> Mapping[Any, Any]:
    query = "SELECT id, fiscal_position_id FROM sale_order WHERE id = ANY(%s)"
    return {row["id"]: row["fiscal_position_id"] for row in env.conn.execute(query, [sorted(set(order_ids))])}


def _orders(env: Env, line_ids: Sequence[int]) -> list[int]:
    query = "SELECT DISTINCT order_id FROM sale_order_line WHERE id = ANY(%s)"
    return [row["order_id"] for row in env.conn.execute(query, [list(line_ids)])]
