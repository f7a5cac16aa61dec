"""The gate in front of a flip: asked of a plan inside the act, or of all customers by whoever wants to know what is left.

Owns: the acts `ready_to_flip` and `against_going_live`, what is read for them outside (`look`), and the gate as the acts on a
flip take it (`FlipGate`). Does not own: the rule (domain/gate), gathering (gate_store, gate_odoo), the acts themselves (flip).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from fcb_pipelines.acts import gate_store
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.flip_plan import Wanted, odoo_seen, planned
from fcb_pipelines.acts.gate_asking import Asked, Outside, Rules
from fcb_pipelines.acts.gate_odoo import ask_odoo, not_asked
from fcb_pipelines.domain import gate
from fcb_pipelines.domain.audit import Break
from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.gate import Against, Objection
from fcb_pipelines.domain.gate_facts import NotKnown
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.flips import StoredFlip


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the gate says of a plan."""

    objections: tuple[Objection, ...]
    """Everything that stands in the way; empty is the permission."""
    for_information: tuple[Objection, ...]
    """What will stand in the way of the other act: of charging, while the flip is looked at."""


def this_version() -> str:
    """Of this program: what is rehearsed, and attested to have been."""
    return version("fcb_pipelines")


def look(db: Database, odoo: Odoo | None, service: Service, plan: FlipPlan | None, rules: Rules) -> Outside:
    """Read what the gate needs from outside; never within a transaction, and without a failure: what fails is not known.

    Without Odoo, as for a page that only shows how things stand, nothing of it is known.
    """
    with_odoo = not_asked(rules.now) if odoo is None else ask_odoo(db, odoo, service, plan, rules.now)
    again: FlipPlan | NotKnown = NotKnown("the cohort planned anew, with Odoo")
    if plan is not None and odoo is not None and not isinstance(with_odoo.orders, NotKnown):
        again = _replanned(db, odoo, service, plan, rules)
    return Outside(odoo=with_odoo, broken_logs=_broken(db), replanned=again)


def ready_to_flip(conn: Connection, service: Service, asked: Asked, outside: Outside, rules: Rules) -> tuple[Objection, ...]:
    """Everything that stands in the way of an act on a plan; empty is the permission.

    Ask within the transaction that begins the act, under the lock of its flip, with what was read from outside right before.
    """
    return gate.objections(gate_store.facts(conn, service, asked, outside, rules))


def said_of_plan(conn: Connection, service: Service, asked: Asked, outside: Outside, rules: Rules) -> Said:
    """What the gate says of a plan, for whoever looks at it: with what the other act will ask."""
    found = gate_store.facts(conn, service, asked, outside, rules)
    return Said(objections=gate.objections(found), for_information=gate.for_information(found))


def against_going_live(conn: Connection, service: Service, outside: Outside, rules: Rules) -> Against:
    """What stands against going live at all: against everybody, and by customer, whatever is planned."""
    return gate.against(gate_store.facts(conn, service, Asked(), outside, rules))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipGate:
    """The gate as the acts on a flip ask it: first outside any transaction, then within that of the act."""

    db: Database
    odoo: Odoo
    service: Service
    rules: Rules

    def __call__(self, flip: StoredFlip, part: Part) -> Callable[[Connection, frozenset[str]], Sequence[Objection]]:
        """Read what is outside; what comes back is asked with the subscriptions that the flip changed anything of."""
        outside = look(self.db, self.odoo, self.service, flip.plan, self.rules)

        def ask(conn: Connection, under_way: frozenset[str]) -> tuple[Objection, ...]:
            asked = Asked(part=part, plan=flip.plan, flip_id=flip.flip_id, under_way=under_way)
            return ready_to_flip(conn, self.service, asked, outside, self.rules)

        return ask


def _broken(db: Database) -> tuple[Break, ...] | NotKnown:
    try:
        return tuple(one.broken for one in verify_logs(db) if one.broken is not None)
    except FcbError as error:
        return NotKnown(f"a look at the logs, which failed: {error}")


def _replanned(db: Database, odoo: Odoo, service: Service, plan: FlipPlan, rules: Rules) -> FlipPlan | NotKnown:
    wanted = Wanted(asked_for=plan.asked_for, not_before=plan.not_before, final_usage=plan.final_usage)
    try:
        seen = odoo_seen(db, odoo, service, wanted, rules.now)
        with db.transaction() as conn:
            return planned(conn, service, wanted, seen, taxes=rules.taxes, settings_hash=rules.settings_hash, now=rules.now)
    except FcbError as error:
        return NotKnown(f"a plan of the same cohort now, which failed: {' '.join(str(error).split())}")
