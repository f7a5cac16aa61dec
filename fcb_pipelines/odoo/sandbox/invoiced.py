"""What came of orders: their invoices, and how much of each line is invoiced."""

from collections.abc import Collection, Iterable

from fcb_pipelines.odoo.sandbox.env import Env

_LINKED = """
    UPDATE sale_order o SET invoice_ids = ARRAY(
        SELECT DISTINCT each FROM unnest(o.invoice_ids || l.move_id) each ORDER BY each)
      FROM account_move_line l JOIN sale_order_line s ON s.id = ANY(l.sale_line_ids)
     WHERE l.id = ANY(%s) AND s.order_id = o.id
"""

_QUANTITIES = """
    UPDATE sale_order_line s SET qty_invoiced = coalesce((
        SELECT sum(CASE m.move_type WHEN 'out_refund' THEN -l.quantity ELSE l.quantity END)
          FROM account_move_line l JOIN account_move m ON m.id = l.move_id
         WHERE s.id = ANY(l.sale_line_ids) AND m.state <> 'cancel'), 0)
     WHERE s.id = ANY(%s)
"""


def link(env: Env, line_ids: Collection[int]) -> None:
    """Note new lines of invoices with the orders whose lines they bill."""
    sold = sold_by(env, lines=line_ids)
    if sold:
        env.conn.execute(_LINKED, [list(line_ids)])
        refresh(env, sold)


def sold_by(env: Env, *, lines: Collection[int] = (), moves: Collection[int] = ()) -> list[int]:
    """The lines of orders that these lines, or those of these moves, bill."""
    query = "SELECT DISTINCT unnest(sale_line_ids) AS id FROM account_move_line WHERE id = ANY(%s) OR move_id = ANY(%s)"
    return [row["id"] for row in env.conn.execute(query, [list(lines), list(moves)])]


def refresh(env: Env, sale_lines: Iterable[int]) -> None:
    """Count again how much of lines of orders is invoiced."""
    wanted = sorted(set(sale_lines))
    if wanted:
        env.conn.execute(_QUANTITIES, [wanted])


def forget_moves(env: Env) -> None:
    """Take deleted invoices off the orders that they came of, and count again."""
    query = """UPDATE sale_order o SET invoice_ids = ARRAY(
                      SELECT m.id FROM account_move m WHERE m.id = ANY(o.invoice_ids) ORDER BY m.id)
                WHERE invoice_ids <> '{}' AND EXISTS (
                      SELECT FROM unnest(o.invoice_ids) each WHERE NOT EXISTS (SELECT FROM account_move m WHERE m.id = each))
               RETURNING id"""
    orders = [row["id"] for row in env.conn.execute(query)]
    lines = env.conn.execute("SELECT id FROM sale_order_line WHERE order_id = ANY(%s)", [orders])
    refresh(env, [row["id"] for row in lines])
