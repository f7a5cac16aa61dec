"""Credit notes of an unflip: every invoice that Odoo posted since the flip is taken back whole, once, by an id of ours.

Owns: which id a credit note has, and what is said of it. Does not own: which invoices they are (unflip_plan), when (unflip).
"""

from collections.abc import Sequence
from typing import Any

from fcb_pipelines.acts.flip_run import Run
from fcb_pipelines.domain.external_ids import Entity, external_id
from fcb_pipelines.odoo import live
from fcb_pipelines.odoo.moves_now import MoveNow


def credit_all(run: Run, moves: Sequence[MoveNow]) -> list[dict[str, Any]]:
    """Take back each of these invoices unless it is already; what was made. The kill switch is looked at before each.

    Raises `RuleViolation` for one that somebody else credited in part, `Stopped`, and what the port to Odoo raises.
    """
    made = []
    for move in moves:
        with run.db.transaction() as conn:
            run.require_running(conn)
        xid = external_id(run.service.code, Entity.CREDIT_NOTE, str(move.odoo_id))
        day = run.now.astimezone(run.service.zone).date()
        note = live.credit(run.odoo, move.odoo_id, xid, reason=f"taken back with {run.flip.flip_id}", on=day)
        made.append({"invoice": move.name, "move_id": move.odoo_id, "credit_note": note, "gross": str(move.gross)})
    return made
