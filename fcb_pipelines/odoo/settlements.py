"""What settles an invoice in Odoo: the entries by which payments and credit notes are matched with it.

Owns: which models and fields tell. Does not own: what follows (domain/payments). Read-only.
"""

from collections import defaultdict
from collections.abc import Collection

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.credit_notes import LINES
from fcb_pipelines.odoo.records import id_of, rows_where

PARTIALS = "account.partial.reconcile"


def settled_by(odoo: Odoo, move_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The entries that settle each of these invoices, by their ids; an invoice without any is left out.

    They are gone where a payment is taken back, and others where it is made again.
    """
    due = [("display_type", "=", "payment_term")]
    lines = {row["id"]: id_of(row["move_id"]) for row in rows_where(odoo, LINES, "move_id", move_ids, ["move_id"], also=due)}
    found: dict[int, list[int]] = defaultdict(list)
    for row in rows_where(odoo, PARTIALS, "debit_move_id", lines, ["debit_move_id"]):
        found[lines[id_of(row["debit_move_id"])]].append(row["id"])
    return {move: tuple(sorted(each)) for move, each in found.items()}
