"""Matching what is due with what pays it: which part of a line is matched with which, and what that makes of invoices.

Owns: the table of matches, and payment states and residuals, which follow from it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.models.moves import MOVES, RECEIVABLE, RESIDUAL
from fcb_pipelines.odoo.sandbox.writing import set_columns

INVOICE, REFUND = "out_invoice", "out_refund"

_OPEN = f"""
    SELECT r.id, {RESIDUAL} AS residual, m.currency_id FROM account_move_line r JOIN account_move m ON m.id = r.move_id
     WHERE (r.id = ANY(%(lines)s) OR r.move_id = ANY(%(moves)s)) AND {RECEIVABLE} ORDER BY r.date_maturity NULLS FIRST, r.id
"""  # noqa: S608 (expressions of ours)

_STANDING = f"""
    SELECT m.id, m.move_type, m.state, m.amount_total, abs(coalesce(sum({RESIDUAL}), 0)) AS open,
           ARRAY(SELECT DISTINCT om.move_type FROM account_partial_reconcile p
                   JOIN account_move_line mine ON mine.id IN (p.debit_move_id, p.credit_move_id) AND mine.move_id = m.id
                   JOIN account_move_line o ON o.id IN (p.debit_move_id, p.credit_move_id) AND o.move_id <> m.id
                   JOIN account_move om ON om.id = o.move_id) AS by
      FROM account_move m LEFT JOIN account_move_line r ON r.move_id = m.id AND {RECEIVABLE}
     WHERE m.id = ANY(%s) AND m.move_type IN ('out_invoice', 'out_refund') GROUP BY m.id
"""  # noqa: S608 (expressions of ours)

_MATCH = """
    INSERT INTO account_partial_reconcile (debit_move_id, credit_move_id, amount,
        create_uid, create_date, write_uid, write_date)
    VALUES (%(debit)s, %(credit)s, %(amount)s, %(user)s, %(now)s, %(user)s, %(now)s)
"""

_UNMATCH = """
    DELETE FROM account_partial_reconcile p USING account_move_line d, account_move_line c
     WHERE d.id = p.debit_move_id AND c.id = p.credit_move_id AND (d.move_id = ANY(%(moves)s) OR c.move_id = ANY(%(moves)s))
    RETURNING d.move_id AS debit, c.move_id AS credit
"""


def assign(env: Env, move_id: int, line_id: int) -> None:
    """Match a line that is outstanding with what is open of an invoice; nothing where either is settled."""
    reconcile(env, lines=[line_id], moves=[move_id])


def reconcile(env: Env, *, lines: Collection[int] = (), moves: Collection[int] = ()) -> None:
    """Match the receivable lines given, and those of the moves given, the earliest due first, in each currency for itself."""
    found = env.conn.execute(_OPEN, {"lines": list(lines), "moves": list(moves)}).fetchall()
    for currency in sorted({row["currency_id"] for row in found}):
        _match(env, [row for row in found if row["currency_id"] == currency])
    _settle(env, _moves_of(env, [row["id"] for row in found]))


def unreconcile(env: Env, moves: Collection[int]) -> None:
    """Take back all that is matched with lines of these moves."""
    rows = env.conn.execute(_UNMATCH, {"moves": list(moves)}).fetchall()
    settle(env, {*moves, *(row[side] for row in rows for side in ("debit", "credit"))})


def settle(env: Env, moves: Iterable[int]) -> None:
    """Set residuals and payment states to what is matched."""
    _settle(env, sorted(set(moves)))


def _match(env: Env, rows: Sequence[Mapping[str, Any]]) -> None:
    left = {row["id"]: row["residual"] for row in rows}
    for debit in [row["id"] for row in rows if row["residual"] > 0]:
        for credit in [row["id"] for row in rows if row["residual"] < 0]:
            amount = min(left[debit], -left[credit])
            if amount > 0:
                left[debit], left[credit] = left[debit] - amount, left[credit] + amount
                who = {"user": env.user_id, "now": env.now}
                env.conn.execute(_MATCH, {"debit": debit, "credit": credit, "amount": amount, **who})


def _settle(env: Env, moves: Sequence[int]) -> None:
    for row in env.conn.execute(_STANDING, [list(moves)]).fetchall():
        values = {"amount_residual": row["open"], "payment_state": _state(row)}
        set_columns(env, MOVES, {row["id"]: {**values, "write_uid": env.user_id, "write_date": env.now}})


def _state(row: Mapping[str, Any]) -> str:
    if not row["by"]:
        return "paid" if row["state"] == "posted" and row["amount_total"] == Decimal(0) else "not_paid"
    if row["open"]:
        return "partial"
    return "reversed" if row["move_type"] == INVOICE and set(row["by"]) == {REFUND} else "paid"


def _moves_of(env: Env, lines: Sequence[int]) -> list[int]:
    query = "SELECT DISTINCT move_id FROM account_move_line WHERE id = ANY(%s)"
    return [row["move_id"] for row in env.conn.execute(query, [list(lines)])]
