"""Rules of account.move: what a new invoice takes from its type, customer and company, and what may be changed when."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fcb_pipelines.odoo.sandbox.env import Env
from fcb_pipelines.odoo.sandbox.errors import user_error
from fcb_pipelines.odoo.sandbox.external_ids import forget
from fcb_pipelines.odoo.sandbox.models.moves import MOVE_LINES
from fcb_pipelines.odoo.sandbox.move_totals import refresh_totals
from fcb_pipelines.odoo.sandbox.rules import Rules, Values
from fcb_pipelines.odoo.sandbox.tax_tables import follow_place

DRAFT, POSTED, CANCEL = "draft", "posted", "cancel"
ENTRY = "entry"

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

    def writing(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Another customer brings an address and a fiscal position, not other taxes on lines that are there."""
        if "partner_id" in values:
            values.setdefault("partner_shipping_id", values["partner_id"])
            follow_place(env, [values])
        if values.get("invoice_date"):
            values.setdefault("date", values["invoice_date"])

    def written(self, env: Env, ids: Sequence[int], values: Values) -> None:
        """Computes the totals if the currency or the kind of document is another."""
        if _TOTALLED_BY & values.keys():
            refresh_totals(env, ids)

    def unlinking(self, env: Env, ids: Sequence[int]) -> Sequence[int]:
        """Names the lines, which go with their moves."""
        query = "SELECT id FROM account_move_line WHERE move_id = ANY(%s)"
        return [row["id"] for row in env.conn.execute(query, [list(ids)])]

    def unlinked(self, env: Env, touched: Sequence[int]) -> None:
        """Forgets the lines' external ids too; of an order's lines Odoo keeps them."""
        forget(env, MOVE_LINES, touched)


def _follow_dates(env: Env, row: Values) -> None:
    today = env.now.date()
    row.setdefault("date", row.get("invoice_date") or today)
    row.setdefault("invoice_date_due", _due(env, row, today))


def _due(env: Env, row: Mapping[str, Any], today: date) -> date:
    del env, row
    return today
