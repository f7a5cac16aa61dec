"""The states of invoices: posting with a number, going back to draft, cancelling, and what refuses each."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import OdooError, user_error
from fcb_pipelines.odoo.sandbox.invoiced import refresh, sold_by
from fcb_pipelines.odoo.sandbox.models.moves import MOVES
from fcb_pipelines.odoo.sandbox.move_rules import CANCEL, DRAFT, POSTED, due_dates
from fcb_pipelines.odoo.sandbox.move_totals import refresh_totals
from fcb_pipelines.odoo.sandbox.reconciling import reconcile, settle, unreconcile
from fcb_pipelines.odoo.sandbox.writing import set_columns

_MOVES = """
    SELECT m.id, m.name, m.state, m.move_type, m.partner_id, m.journal_id, m.date, m.invoice_date, m.payment_reference,
           m.invoice_date_due, m.invoice_payment_term_id, m.amount_total, m.auto_post, m.reversed_entry_id, j.code,
           (SELECT v.state FROM account_move v WHERE v.id = m.reversed_entry_id) AS reversed_state,
           c.active AS has_active_currency, c.name AS currency,
           EXISTS (SELECT FROM account_move_line l WHERE l.move_id = m.id) AS has_lines
      FROM account_move m JOIN account_journal j ON j.id = m.journal_id JOIN res_currency c ON c.id = m.currency_id
     WHERE m.id = ANY(%s) ORDER BY m.date, m.ref NULLS FIRST, m.id
"""

INVOICE = "out_invoice"


def post(env: Env, ids: Sequence[int]) -> bool:
    """Posts drafts in the order of their days, each with the next number of its year. Raises UserError."""
    moves = _moves(env, ids)
    for move in moves:
        _check_postable(env, move)
    for move in moves:
        _post(env, move)
    # A credit note is matched with what it takes back, as far as that is open.
    for move in moves:
        if move["reversed_state"] == POSTED:
            reconcile(env, moves=[move["id"], move["reversed_entry_id"]])
    return False


def back_to_draft(env: Env, ids: Sequence[int]) -> None:
    """Makes drafts of posted and cancelled ones; they keep their numbers. Raises UserError for a draft."""
    if any(move["state"] == DRAFT for move in _moves(env, ids)):
        raise user_error("Only posted/cancelled journal entries can be reset to draft.")
    _set(env, ids, {"state": DRAFT})
    refresh_totals(env, ids)
    if env.edition.undoes_matches:
        unreconcile(env, ids)
    settle(env, ids)


def cancel(env: Env, ids: Sequence[int]) -> None:
    """Cancels drafts, and posted ones too. Raises UserError for one that is cancelled."""
    moves = _moves(env, ids)
    if any(move["state"] == CANCEL for move in moves):
        raise user_error("Only draft journal entries can be cancelled.")
    back_to_draft(env, [move["id"] for move in moves if move["state"] == POSTED])
    unreconcile(env, ids)
    _set(env, ids, {"state": CANCEL, "payment_state": "not_paid"})
    refresh(env, sold_by(env, moves=ids))


def _moves(env: Env, ids: Sequence[int]) -> list[dict[str, Any]]:
    return env.conn.execute(_MOVES, [list(ids)]).fetchall()


def _check_postable(env: Env, move: Mapping[str, Any]) -> None:
    if move["auto_post"] != "no" and move["date"] > env.now.date():
        raise user_error(f"This move is configured to be auto-posted on {move['date']:%m/%d/%Y}")
    refusal = _refusal(move)
    if refusal is not None:
        raise refusal


def _refusal(move: Mapping[str, Any]) -> OdooError | None:
    if move["state"] != DRAFT:
        return user_error(f"The entry {move['name'] or '/'} (id {move['id']}) must be in draft.")
    if not move["has_lines"]:
        return user_error("Even magicians can't post nothing!")
    if not move["has_active_currency"]:
        return user_error(f"You cannot validate a document with an inactive currency: {move['currency']}")
    if move["partner_id"] is None:
        return user_error(
            "The 'Customer' field is required to validate the invoice.\n"
            "You probably don't want to explain to your auditor that you invoiced an invisible man :)"
        )
    if move["amount_total"] < 0:
        return user_error(
            "You cannot validate an invoice with a negative total amount. You should create a credit note instead. "
            "Use the action menu to transform it into a credit note or refund."
        )
    return None


def _post(env: Env, move: Mapping[str, Any]) -> None:
    day = move["invoice_date"] or env.now.date()
    name = move["name"] or _next_name(env, move, day)
    values = {
        "state": POSTED,
        "name": name,
        "invoice_date": day,
        "date": day,
        "posted_before": True,
        "payment_state": "not_paid" if move["amount_total"] else "paid",
        "payment_reference": move["payment_reference"] or (name if move["move_type"] == INVOICE else None),
    }
    _set(env, [move["id"]], {**values, **due_dates(env, {**move, "invoice_date": day})})


def _next_name(env: Env, move: Mapping[str, Any], day: date) -> str:
    """The number after the highest of the year; those of credit notes are counted apart."""
    # Touching the journal makes two posts at once wait for each other, and the later one begin again.
    env.conn.execute("UPDATE account_journal SET write_date = %s WHERE id = %s", [env.now, move["journal_id"]])
    prefix = f"{'' if move['move_type'] == INVOICE else 'R'}{move['code']}/{day.year}/"
    rows = env.conn.execute("SELECT name FROM account_move WHERE journal_id = %s", [move["journal_id"]])
    numbers = [re.fullmatch(re.escape(prefix) + r"(\d+)", row["name"] or "") for row in rows]
    return f"{prefix}{max((int(found[1]) for found in numbers if found), default=0) + 1:05d}"


def _set(env: Env, ids: Sequence[int], values: Mapping[str, Any]) -> None:
    written = {**values, "write_uid": env.user_id, "write_date": env.now}
    set_columns(env, MOVES, dict.fromkeys(ids, written))
