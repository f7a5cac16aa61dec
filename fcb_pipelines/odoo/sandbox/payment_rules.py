"""Rules of payments and transactions: what they are filled with, and what a payment does.

Owns: the entry that a payment makes in the books. Matching it with an invoice is in `reconciling`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.models.banking import PAYMENTS
from fcb_pipelines.odoo.sandbox.reconciling import unreconcile
from fcb_pipelines.odoo.sandbox.rules import Rules, Values
from fcb_pipelines.odoo.sandbox.writing import set_columns

_ENTRY = """
    INSERT INTO account_move (name, ref, date, state, move_type, journal_id, partner_id, currency_id, company_id, auto_post,
        payment_state, amount_total, amount_untaxed, amount_tax, amount_residual, posted_before,
        create_uid, create_date, write_uid, write_date)
    SELECT 'PBNK1/' || to_char(%(date)s::date, 'YYYY') || '/' || lpad((1 + count(p.move_id))::text, 5, '0'), %(ref)s, %(date)s,
           'posted', 'entry',
           (SELECT j.id FROM account_journal j WHERE j.active AND j.type <> 'sale' ORDER BY j.type <> 'bank', j.id LIMIT 1),
           %(partner_id)s, %(currency_id)s, %(company)s, 'no', 'not_paid', %(amount)s, 0, 0, 0, true,
           %(user)s, %(now)s, %(user)s, %(now)s
      FROM account_payment p RETURNING id, name
"""

_ITEM = """
    INSERT INTO account_move_line (move_id, display_type, sequence, name, amount_currency, balance, date_maturity,
        is_receivable, quantity, price_unit, discount, price_subtotal, price_total,
        create_uid, create_date, write_uid, write_date)
    VALUES (%(move)s, 'product', 100, 'Manual Payment', %(booked)s, %(booked)s, %(date)s, %(is_receivable)s,
        1, 0, 0, 0, 0, %(user)s, %(now)s, %(user)s, %(now)s) RETURNING id
"""


class TransactionRules(Rules):
    """A reference is of one transaction, and a new one has changed its state now; writing a state leaves that moment."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Notes the moment. Raises ValidationError for a reference that there is already."""
        for row in rows:
            row.setdefault("last_state_change", env.now.replace(microsecond=0))
            known = "SELECT FROM payment_transaction WHERE reference = %s"
            if env.conn.execute(known, [row.get("reference")]).rowcount:
                raise env.edition.wording.broken("Reference must be unique!")


class PaymentRules(Rules):
    """A payment is in the company's currency and of today where nothing else is said."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Completes currency and date."""
        for row in rows:
            row.setdefault("currency_id", env.company["currency_id"])
            row.setdefault("date", env.now.date())

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Its entry goes with it."""
        moves = [row["move_id"] for row in _payments(env, ids) if row["move_id"]]
        unreconcile(env, moves)
        return moves

    def unlinked(self, env: Env, touched: Sequence[int]) -> None:
        """Deletes the entries."""
        env.conn.execute("DELETE FROM account_move WHERE id = ANY(%s)", [list(touched)])


def post(env: Env, ids: Sequence[int]) -> None:
    """Books payments: what was received stands against what the customer owes."""
    for payment in _payments(env, ids):
        stamp = {"user": env.user_id, "now": env.now, "company": env.company["id"], "ref": payment["name"]}
        entry = env.conn.execute(_ENTRY, {**payment, **stamp}).fetchone() or {}
        signed = payment["amount"] if payment["payment_type"] == "inbound" else -payment["amount"]
        for is_receivable in (False, True):
            item = {"booked": -signed if is_receivable else signed, "is_receivable": is_receivable, "move": entry["id"]}
            env.conn.execute(_ITEM, {**payment, **stamp, **item})
        set_columns(env, PAYMENTS, {payment["id"]: {"name": entry["name"], "state": "in_process", "move_id": entry["id"]}})


def cancel(env: Env, ids: Sequence[int]) -> None:
    """Takes payments back: what they paid is open again."""
    for payment in _payments(env, ids):
        if payment["move_id"]:
            unreconcile(env, [payment["move_id"]])
            env.conn.execute("UPDATE account_move SET state = 'cancel' WHERE id = %s", [payment["move_id"]])
        set_columns(env, PAYMENTS, {payment["id"]: {"state": "canceled"}})


def back_to_draft(env: Env, ids: Sequence[int]) -> None:
    """Makes drafts of payments; what they paid stays paid where a draft stays matched."""
    if env.edition.undoes_matches:
        cancel(env, ids)
    set_columns(env, PAYMENTS, {each: {"state": "draft"} for each in ids})


def _payments(env: Env, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    return list(env.conn.execute("SELECT * FROM account_payment WHERE id = ANY(%s) ORDER BY id", [list(ids)]).fetchall())
