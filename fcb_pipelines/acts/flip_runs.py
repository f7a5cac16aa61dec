"""A flip from plan to act for whoever has connections to everything: the command line, and the runs of the page.

Owns: the acts `plan_cohort` and `do_armed`. Does not own: planning (flip_plan), arming (arming), going (flip, unflip).
"""

from fcb_pipelines.acts import flip, unflip
from fcb_pipelines.acts.arming import Typed, arm, require_armed
from fcb_pipelines.acts.claims import load_source
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip import Going
from fcb_pipelines.acts.flip_evidence import going
from fcb_pipelines.acts.flip_plan import Wanted, keep, odoo_seen, planned
from fcb_pipelines.acts.flip_run import Stands
from fcb_pipelines.domain.arming import Stake
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.services import Service
from fcb_pipelines.store.flips import StoredFlip


def plan_cohort(reached: Connections, service: Service, wanted: Wanted, person: str) -> tuple[str, FlipPlan]:
    """Plan taking a cohort live and keep the plan, whose id comes first; raises as `acts.flip_plan.planned`.

    What the source has billed is claimed before, so that the gate sees what else bills it.
    """
    db, settings, now = reached.database(), reached.settings, reached.now
    taxes, rules = settings.tax_table, settings.rules_hash(service)
    seen = odoo_seen(db, reached.odoo(), service, wanted, now)
    with db.transaction() as conn:
        load_source(conn, service, now)
        plan = planned(conn, service, wanted, seen, taxes=taxes, settings_hash=rules, now=now)
        return keep(conn, plan, person, now), plan


def do_armed(reached: Connections, service: Service, typed: Typed) -> tuple[Stands, bool]:
    """Do a part of a flip that is armed as it was typed; how the flip stands, and whether it was armed by this very call.

    Only the demo's is armed here: what stands in the configuration of a run proves nobody's name. Raises as the act.
    """
    given = going(reached, service, typed.person)
    stored = flip.found(given.db, service, typed.flip_id)
    meant = unflip.show(given, typed.flip_id).stake if typed.part is Part.UNFLIP else None
    is_new = not _is_armed(given, stored, typed, meant)
    if is_new and service.is_demo:
        with given.db.transaction() as conn:
            arm(conn, service, typed, given.now, planned=meant)
    acts = {Part.FLIP: flip.go, Part.CHARGE: flip.charge}
    if typed.part is Part.UNFLIP:
        return unflip.unflip(given, typed.flip_id).stands, is_new
    return acts[typed.part](given, typed.flip_id), is_new


def _is_armed(given: Going, stored: StoredFlip, typed: Typed, meant: Stake | None) -> bool:
    """Whether exactly this was armed by this person; raises `RuleViolation` where another thing was, or by somebody else."""
    with given.db.transaction() as conn:
        try:
            arming = require_armed(conn, stored, typed.part, given.now, planned=meant)
        except RuleViolation:
            if given.service.is_demo:
                return False
            raise
    if (arming.person, arming.stake.count, arming.stake.amounts) != (typed.person, typed.count, typed.amounts):
        raise RuleViolation(f"{arming.person} armed {arming.stake}; type the same, and their name")
    return True
