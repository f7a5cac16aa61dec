"""Rules of sale.order: its defaults, its states, and its totals."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from fcb_pipelines.odoo.sandbox import move_states
from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import user_error, value_error
from fcb_pipelines.odoo.sandbox.models.sales import ORDER_LINES, ORDERS
from fcb_pipelines.odoo.sandbox.rules import Rules, Values
from fcb_pipelines.odoo.sandbox.schema import ORDER_NAMES
from fcb_pipelines.odoo.sandbox.tax_tables import all_taxes, follow_place, roundings
from fcb_pipelines.odoo.sandbox.taxes import TaxedLine, document, line_amounts
from fcb_pipelines.odoo.sandbox.writing import set_columns, write

DRAFT, SENT, SALE, CANCEL = "draft", "sent", "sale", "cancel"
NEW = "New"
VALID_FOR = timedelta(days=30)

_BOTH_ADDRESSES = ("partner_invoice_id", "partner_shipping_id")

_PRICELIST = """
    SELECT coalesce(
        (SELECT p.specific_property_product_pricelist FROM res_partner p WHERE p.id = %s),
        (SELECT l.id FROM product_pricelist l WHERE l.active ORDER BY l.sequence, l.id LIMIT 1)) AS id
"""
"""The customer's own pricelist, or else the first."""


_WITHOUT_PRODUCT = "SELECT FROM sale_order_line WHERE order_id = ANY(%s) AND display_type IS NULL AND product_id IS NULL"

_FOLLOW = """UPDATE sale_order SET message_partner_ids = message_partner_ids || partner_id
              WHERE id = ANY(%s) AND partner_id <> ALL(message_partner_ids)"""

_DRAFT_INVOICES = """SELECT DISTINCT m.id FROM account_move m JOIN sale_order o ON m.id = ANY(o.invoice_ids)
                      WHERE o.id = ANY(%s) AND m.state = 'draft'"""


class OrderRules(Rules):
    """An order needs only a partner; the rest follows from it and the company."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Completes addresses, dates, pricelist, currency and fiscal position; the name comes from a sequence."""
        team = _first(env, "SELECT id FROM crm_team ORDER BY sequence, id LIMIT 1")
        for row in rows:
            row.setdefault("company_id", env.company["id"])
            row.setdefault("user_id", env.user_id)
            row.setdefault("team_id", team)
            row.setdefault("date_order", env.now.replace(microsecond=0))
            row.setdefault("validity_date", (env.now + VALID_FOR).date())
            if row.get("name") in {None, NEW}:
                row["name"] = _next_name(env)
            _follow_partner(row)
            _follow_pricelist(env, row)
        follow_place(env, rows)

    def touching(self, env: Env, ids: Sequence[int], names: Sequence[str]) -> None:
        """Raises UserError for the pricelist of a confirmed order, even for the one that it has."""
        if "pricelist_id" in names and SALE in _states(env, ids):
            raise user_error("You cannot change the pricelist of a confirmed order !")

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Another partner brings its addresses, fiscal position and pricelist; another pricelist its currency."""
        if "partner_id" in values:
            _follow_partner(values)
            follow_place(env, [values])
            if _states(env, ids) == {DRAFT}:
                _follow_pricelist(env, values)
        if "pricelist_id" in values:
            pricelist = values["pricelist_id"]
            values["currency_id"] = _currency(env, pricelist) if pricelist else env.company["currency_id"]

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Another currency may have other decimals: the totals follow, but the lines stay as they were."""
        if "currency_id" in values:
            refresh_totals(env, ids, with_lines=False)

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Raises UserError unless every order is a draft or cancelled."""
        if _states(env, ids) & {SENT, SALE}:
            text = "You can not delete a sent quotation or a confirmed sales order. You must first cancel it."
            raise user_error(text)
        return ()


def confirm(env: Env, ids: Sequence[int]) -> bool:
    """Makes drafts and sent quotations sales orders. Raises UserError if one is neither."""
    if _states(env, ids) - {DRAFT, SENT}:
        raise user_error("Some orders are not in a state requiring confirmation.")
    if env.conn.execute(_WITHOUT_PRODUCT, [list(ids)]).rowcount:
        raise user_error(env.edition.wording.without_product)
    if env.edition.follows_confirmed_orders:
        env.conn.execute(_FOLLOW, [list(ids)])
    write(env, env.model(ORDERS.name), ids, {"state": SALE, "date_order": env.now.replace(microsecond=0)})
    return True


def cancel(env: Env, ids: Sequence[int]) -> bool | dict[str, str]:
    """Cancels, with draft invoices, or answers the window that asks first where there is one. Raises UserError if locked."""
    if env.conn.execute("SELECT FROM sale_order WHERE id = ANY(%s) AND locked", [list(ids)]).rowcount:
        raise user_error("You cannot cancel a locked order. Please unlock it first.")
    if env.edition.asks_before_cancelling and not env.context.get("disable_cancel_warning") and _states(env, ids) - {DRAFT}:
        if len(ids) > 1:
            raise value_error(f"Expected singleton: {ORDERS.name}({', '.join(map(str, ids))})")
        return {"type": "ir.actions.act_window", "name": "Cancel Sales Order", "res_model": "sale.order.cancel"}
    drafts = [row["id"] for row in env.conn.execute(_DRAFT_INVOICES, [list(ids)])]
    move_states.cancel(env, drafts)
    write(env, env.model(ORDERS.name), ids, {"state": CANCEL})
    return True


def back_to_draft(env: Env, ids: Sequence[int]) -> bool:
    """Makes cancelled and sent ones drafts again; leaves others as they are."""
    query = "SELECT id FROM sale_order WHERE id = ANY(%s) AND state IN ('cancel', 'sent')"
    write(env, env.model(ORDERS.name), [row["id"] for row in env.conn.execute(query, [list(ids)])], {"state": DRAFT})
    return True


def lock(env: Env, ids: Sequence[int]) -> None:
    """Locks: neither cancelled nor changed until unlocked."""
    write(env, env.model(ORDERS.name), ids, {"locked": True})


def unlock(env: Env, ids: Sequence[int]) -> None:
    """Unlocks."""
    write(env, env.model(ORDERS.name), ids, {"locked": False})


def refresh_totals(env: Env, order_ids: Iterable[int], *, with_lines: bool = True) -> None:
    """Compute the amounts of the orders, and of all their lines, anew."""
    lines = defaultdict(list)
    wanted = sorted(set(order_ids))
    query = """SELECT id, order_id, product_uom_qty, price_unit, discount, tax_ids FROM sale_order_line
                WHERE order_id = ANY(%s) AND display_type IS NULL ORDER BY order_id, sequence, id"""
    for row in env.conn.execute(query, [wanted]):
        lines[row["order_id"]].append((row["id"], _taxed(row)))
    _set_amounts(env, {order_id: lines[order_id] for order_id in wanted}, with_lines=with_lines)


def _set_amounts(env: Env, orders: dict[int, list[tuple[int, TaxedLine]]], *, with_lines: bool) -> None:
    taxes, rounding = all_taxes(env), roundings(env, ORDERS, orders)
    of_lines, of_orders = {}, {}
    for order_id, lines in orders.items():
        for line_id, line in lines:
            amounts = line_amounts(line, taxes, rounding[order_id])
            of_lines[line_id] = {
                "price_subtotal": amounts.untaxed,
                "price_tax": amounts.tax,
                "price_total": amounts.total,
            }
        total = document([line for _, line in lines], taxes, rounding[order_id]).amounts
        of_orders[order_id] = {"amount_untaxed": total.untaxed, "amount_tax": total.tax, "amount_total": total.total}
    if with_lines:
        set_columns(env, ORDER_LINES, of_lines)
    set_columns(env, ORDERS, of_orders)


def _taxed(row: Values) -> TaxedLine:
    return TaxedLine(
        quantity=row["product_uom_qty"], unit_price=row["price_unit"], discount=row["discount"], taxes=tuple(row["tax_ids"])
    )


def _follow_partner(values: Values) -> None:
    for address in _BOTH_ADDRESSES:
        values.setdefault(address, values.get("partner_id"))


def _follow_pricelist(env: Env, row: Values) -> None:
    # An order created as confirmed skips the pricelist, as measured; its currency is the company's.
    if row.get("state", DRAFT) == DRAFT and "pricelist_id" not in row:
        row["pricelist_id"] = _first(env, _PRICELIST, row.get("partner_id"))
    pricelist = row.get("pricelist_id")
    row["currency_id"] = _currency(env, pricelist) if pricelist else env.company["currency_id"]


def _currency(env: Env, pricelist: int) -> int | None:
    return _first(env, "SELECT currency_id AS id FROM product_pricelist WHERE id = %s", pricelist)


def _next_name(env: Env) -> str:
    # A sequence: a rolled-back order leaves a gap, as in Odoo.
    number = _first(env, f"SELECT nextval('{ORDER_NAMES}') AS id")
    return f"S{number:05d}"


def _states(env: Env, ids: Sequence[int]) -> set[str]:
    return {row["state"] for row in env.conn.execute("SELECT state FROM sale_order WHERE id = ANY(%s)", [list(ids)])}


def _first(env: Env, query: str, *parameters: int | None) -> int | None:
    row = env.conn.execute(query, parameters).fetchone()
    return row["id"] if row else None
