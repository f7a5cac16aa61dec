"""Rules of account.move.line: what a line takes from its product, and which lines may be changed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import ConstraintError, user_error
from fcb_pipelines.odoo.sandbox.invoiced import link
from fcb_pipelines.odoo.sandbox.models.moves import MOVE_LINES, NOTES, PAYMENT_TERM, TAX
from fcb_pipelines.odoo.sandbox.move_totals import refresh_totals
from fcb_pipelines.odoo.sandbox.rules import Rules, Values
from fcb_pipelines.odoo.sandbox.sold import described, sold_products
from fcb_pipelines.odoo.sandbox.tax_tables import all_places
from fcb_pipelines.odoo.sandbox.taxes import taxes_at
from fcb_pipelines.odoo.sandbox.writing import set_columns

ZERO = Decimal(0)

_PRICED_BY = frozenset({"quantity", "price_unit", "discount", "tax_ids", "product_id", "move_id", "display_type"})

_CHANGING = """
    SELECT l.*, m.state, m.fiscal_position_id
      FROM account_move_line l JOIN account_move m ON m.id = l.move_id
     WHERE l.id = ANY(%s) ORDER BY l.id
"""

POSTED_LINE = (
    "You can't delete a posted journal item. Don’t play games with your accounting records; "
    "reset the journal entry to draft before deleting it."
)

_UNDELETABLE = {
    TAX: "You cannot delete a tax line as it would impact the tax report",
    PAYMENT_TERM: "You cannot delete a payable/receivable line as it would not be consistent with the payment terms",
}


class MoveLineRules(Rules):
    """A line needs neither product nor text; without tax_ids the product's taxes apply, and without a product none."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Completes name, unit, price and taxes from the product and the invoice's fiscal position."""
        products = sold_products(env, [row.get("product_id") for row in rows])
        moves = _moves_of(env, [row["move_id"] for row in rows if row.get("move_id")])
        places = all_places(env)
        for row in rows:
            move = moves.get(row.get("move_id") or 0, {})
            if move.get("move_type") == "entry":
                raise _without_account()
            product = products.get(row.get("product_id"))
            if product:
                row.setdefault("name", described(product))
                row.setdefault("product_uom_id", product["uom_id"])
                row.setdefault("price_unit", product["list_price"])
                row.setdefault("tax_ids", taxes_at(places.get(move.get("fiscal_position_id") or 0), product["taxes_id"]))
            if row.get("display_type") in NOTES:
                row["quantity"] = ZERO

    def created(self, env: Env, ids: Sequence[int], rows: Sequence[Values]) -> None:
        """Computes the invoices' totals, and what is invoiced of orders."""
        refresh_totals(env, (row["move_id"] for row in rows))
        link(env, ids)

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """A product, even the same, brings its price, unit and taxes where they are not written along.

        Not so if every value is as it was: then Odoo does nothing. Raises UserError for taxes of a posted invoice; whatever
        else is written past the invoice, Odoo takes even then.
        """
        lines = env.conn.execute(_CHANGING, [list(ids)]).fetchall()
        if "tax_ids" in values and any(line["state"] == "posted" for line in lines):
            raise user_error(
                "You cannot modify the taxes related to a posted journal item, "
                "you should reset the journal entry to draft to do so."
            )
        changing = [line for line in lines if _is_change(line, values)]
        if not changing:
            values.clear()
        elif "product_id" in values:
            _follow_product(env, changing, values)

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Computes the invoices' totals if what they are made of has changed."""
        if _PRICED_BY & values.keys():
            refresh_totals(env, _moves(env, ids))

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Raises UserError for lines of posted invoices, and for those that Odoo makes itself."""
        lines = env.conn.execute(_CHANGING, [list(ids)]).fetchall()
        if any(line["state"] == "posted" for line in lines):
            raise user_error(POSTED_LINE)
        for line in lines:
            if line["display_type"] in _UNDELETABLE:
                raise user_error(_UNDELETABLE[line["display_type"]])
        return sorted({line["move_id"] for line in lines})

    def unlinked(self, env: Env, touched: Sequence[int]) -> None:
        """Computes the invoices' totals."""
        refresh_totals(env, touched)


def _is_change(line: Mapping[str, Any], values: Values) -> bool:
    present = {name: line[name] for name in values if name in line}
    return any(_comparable(value) != _comparable(values[name]) for name, value in present.items())


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value or None


def _follow_product(env: Env, lines: Sequence[Mapping[str, Any]], values: Values) -> None:
    product = sold_products(env, [values["product_id"]]).get(values["product_id"])
    if product is None:
        values.setdefault("product_uom_id", None)
        return
    places = all_places(env)
    for line in lines:
        follows = {
            "product_uom_id": product["uom_id"],
            "price_unit": product["list_price"],
            "tax_ids": taxes_at(places.get(line["fiscal_position_id"]), product["taxes_id"]),
        }
        set_columns(env, MOVE_LINES, {line["id"]: {name: value for name, value in follows.items() if name not in values}})


def _without_account() -> ConstraintError:
    """Invoices know the account of a line; of other entries the caller would have to name it."""
    text = "The operation cannot be completed: Missing required account on accountable line."
    constraint = "account_move_line_check_accountable_required_fields"
    return ConstraintError(text, f'new row for relation "account_move_line" violates check constraint "{constraint}"\n')


def _moves_of(env: Env, move_ids: Sequence[int]) -> Mapping[Any, Mapping[str, Any]]:
    query = "SELECT id, move_type, fiscal_position_id FROM account_move WHERE id = ANY(%s)"
    return {row["id"]: row for row in env.conn.execute(query, [sorted(set(move_ids))])}


def _moves(env: Env, line_ids: Sequence[int]) -> list[int]:
    query = "SELECT DISTINCT move_id FROM account_move_line WHERE id = ANY(%s)"
    return [row["move_id"] for row in env.conn.execute(query, [list(line_ids)])]
