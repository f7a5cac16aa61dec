"""Rules of account.move: what a new invoice takes from its type, customer and company, and what may be changed when."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import user_error
from fcb_pipelines.odoo.sandbox.external_ids import forget
from fcb_pipelines.odoo.sandbox.invoiced import forget_moves
from fcb_pipelines.odoo.sandbox.models.moves import MOVE_LINES, MOVES
from fcb_pipelines.odoo.sandbox.move_line_rules import POSTED_LINE
from fcb_pipelines.odoo.sandbox.move_totals import refresh_totals
from fcb_pipelines.odoo.sandbox.rules import Rules, Values
from fcb_pipelines.odoo.sandbox.tax_tables import follow_place
from fcb_pipelines.odoo.sandbox.writing import set_columns

DRAFT, POSTED, CANCEL = "draft", "posted", "cancel"
ENTRY = "entry"

_READ_ONLY_ONCE_POSTED = frozenset(
    {
        "invoice_line_ids",
        "line_ids",
        "invoice_date",
        "date",
        "partner_id",
        "invoice_payment_term_id",
        "currency_id",
        "fiscal_position_id",
    }
)
_DUE_BY = frozenset({"invoice_date", "invoice_payment_term_id"})
_TOTALLED_BY = frozenset({"currency_id", "move_type"})
_JOURNALS = "SELECT type, min(id) AS id FROM account_journal WHERE active GROUP BY type"


class MoveRules(Rules):
    """An invoice needs nothing at all: even the customer may come later."""

    def fill(self, env: Env, rows: Sequence[Values]) -> None:
        """Completes journal, currency, dates, salesperson and fiscal position. Raises UserError for one made as posted."""
        journals = {row["type"]: row["id"] for row in env.conn.execute(_JOURNALS)}
        for row in rows:
            if row.get("state") == POSTED:
                raise user_error(
                    "You cannot create a move already in the posted state. Please create a draft move and post it after."
                )
            row.setdefault("journal_id", journals["general" if row.get("move_type", ENTRY) == ENTRY else "sale"])
            row.setdefault("company_id", env.company["id"])
            row.setdefault("currency_id", env.company["currency_id"])
            row.setdefault("partner_shipping_id", row.get("partner_id"))
            row.setdefault("invoice_user_id", env.user_id if row.get("partner_id") else None)
            _follow_dates(env, row)
        follow_place(env, rows)

    def touching(self, env: Env, ids: Sequence[int], names: Sequence[str]) -> None:
        """Raises UserError for what a posted invoice keeps, even if it would stay the same."""
        protected = [name for name in names if name in _READ_ONLY_ONCE_POSTED]
        if protected and _is_any_posted(env, ids):
            raise user_error(f"You cannot modify the following readonly fields on a posted move: {', '.join(protected)}")

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Another customer brings an address and a fiscal position, not other taxes on lines that are there."""
        if "partner_id" in values:
            values.setdefault("partner_shipping_id", values["partner_id"])
            follow_place(env, [values])
        if values.get("invoice_date"):
            values.setdefault("date", values["invoice_date"])

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Follows the payment terms, and computes the totals if the currency or the kind of document is another."""
        if _DUE_BY & values.keys():
            _follow_terms(env, ids)
        if _TOTALLED_BY & values.keys():
            refresh_totals(env, ids)

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Names the lines, which go with their moves. Raises UserError if one is posted."""
        if _is_any_posted(env, ids):
            raise user_error(POSTED_LINE)
        query = "SELECT id FROM account_move_line WHERE move_id = ANY(%s)"
        return [row["id"] for row in env.conn.execute(query, [list(ids)])]

    def unlinked(self, env: Env, touched: Sequence[int]) -> None:
        """Forgets the lines' external ids too; of an order's lines Odoo keeps them."""
        forget(env, MOVE_LINES, touched)
        forget_moves(env)


def _is_any_posted(env: Env, ids: Sequence[int]) -> bool:
    return bool(env.conn.execute("SELECT FROM account_move WHERE id = ANY(%s) AND state = 'posted'", [list(ids)]).rowcount)


def due_dates(env: Env, move: Mapping[str, Any]) -> Values:
    """When the invoice is due by its payment terms; nothing without terms, as then it stays what it is."""
    if not move.get("invoice_payment_term_id"):
        return {}
    row = env.conn.execute("SELECT days FROM account_payment_term WHERE id = %s", [move["invoice_payment_term_id"]]).fetchone()
    begins = move.get("invoice_date") or env.now.date()
    return {"invoice_date_due": begins + timedelta(days=row["days"])} if row else {}


def _follow_dates(env: Env, row: Values) -> None:
    today = env.now.date()
    row.setdefault("date", row.get("invoice_date") or today)
    # Without terms it is due today, whatever the day of the invoice.
    row.setdefault("invoice_date_due", due_dates(env, row).get("invoice_date_due", today))


def _follow_terms(env: Env, ids: Sequence[int]) -> None:
    query = "SELECT id, invoice_date, invoice_payment_term_id FROM account_move WHERE id = ANY(%s)"
    for move in env.conn.execute(query, [list(ids)]).fetchall():
        set_columns(env, MOVES, {move["id"]: due_dates(env, move)})
