"""Asking the gate and keeping what it said, for whoever looks: the page, the command line, the check in front of a flip.

Owns: the acts `ask_of_flip` and `ask_of_service`. Does not own: the gate (gate), the acts behind it, which ask for themselves.
"""

from itertools import chain

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip import found
from fcb_pipelines.acts.gate import against_going_live, look, ready_to_flip, this_version
from fcb_pipelines.acts.gate_asking import Asked, Rules
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.gate_asked import GateAsked
from fcb_pipelines.domain.gate_facts import Gate
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips, gate_asked


def rules(reached: Connections, service: Service) -> Rules:
    """Under what the gate is asked now."""
    settings = reached.settings
    return Rules(taxes=settings.tax_table, settings_hash=settings.rules_hash(service), version=this_version(), now=reached.now)


def ask_of_flip(reached: Connections, service: Service, flip_id: str, part: Part, asked_by: str) -> GateAsked:
    """Ask what stands against a part of a flip, and keep the answer; raises `InvalidInput` for a flip that is not there."""
    db, under = reached.database(), rules(reached, service)
    flip = found(db, service, flip_id)
    outside = look(db, reached.odoo(), service, flip.plan, under)
    with db.transaction() as conn:
        asked = Asked(part=part, plan=flip.plan, flip_id=flip_id, under_way=flips.under_way(conn, flip_id))
        said = GateAsked(
            flip_id=flip_id,
            gate=Gate(part.value),
            asked_by=asked_by,
            asked_at=reached.now,
            objections=ready_to_flip(conn, service, asked, outside, under),
        )
        gate_asked.add(conn, service.code, said)
    return said


def ask_of_service(reached: Connections, service: Service, asked_by: str) -> GateAsked:
    """Ask what stands against going live at all, each customer judged alone, and keep the answer."""
    db, under = reached.database(), rules(reached, service)
    outside = look(db, reached.odoo(), service, None, under)
    with db.transaction() as conn:
        against = against_going_live(conn, service, outside, under)
        said = GateAsked(
            flip_id=None,
            gate=Gate.FLIP,
            asked_by=asked_by,
            asked_at=reached.now,
            objections=(*against.service, *chain.from_iterable(against.customers.values())),
        )
        gate_asked.add(conn, service.code, said)
    return said
