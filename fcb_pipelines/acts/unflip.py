"""Taking a cohort back: planned, armed, and gone like the flip, until Odoo is as it was but for what must remain.

Owns: the acts `show` and `unflip`. Does not own: what would be done (unflip_plan), the steps (unflip_steps), how they are
journalled (flip_run), arming (arming).

It asks no gate and needs no switch of the settings, for it makes things safer: it is armed, and that is all. Where the service
was stopped it goes on only where somebody says `although_stopped`, and then in spite of that stop alone. Every subscription
goes back by itself: what is refused for one leaves no other live.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fcb_pipelines.acts.arming import held, require_armed
from fcb_pipelines.acts.flip import Going, ended_news, found
from fcb_pipelines.acts.flip_run import Doing, Run, Stands, refused, taken
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.acts.stop import require_running, stopped
from fcb_pipelines.acts.unflip_plan import unflip_plan
from fcb_pipelines.acts.unflip_steps import steps
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import BACK, FORTH, Part, Step, is_over
from fcb_pipelines.domain.news import Direction
from fcb_pipelines.domain.unflips import Unflip
from fcb_pipelines.store import flips as store
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.imports import exclusive_import

GIVEN_UP = "given up: the flip is taken back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What an unflip did, and how the flip stands."""

    plan: Unflip
    stands: Stands


def show(going: Going, flip_id: str) -> Unflip:
    """What taking a flip back would do; raises `InvalidInput` for one that is not there."""
    flip = found(going.db, going.service, flip_id)
    return unflip_plan(going.db, going.odoo, going.service, flip, going.now)


def unflip(going: Going, flip_id: str, *, although_stopped: bool = False) -> Undone:
    """Take a flip back as far as it goes; again goes on where it stopped.

    Raises `RuleViolation` where nothing was armed, something else was, or there is nothing to take back; `Stopped`.
    """
    with exclusive_import(going.db, going.service.code):
        flip = found(going.db, going.service, flip_id)
        plan = unflip_plan(going.db, going.odoo, going.service, flip, going.now)
        run = going.run(flip)
        with going.db.transaction() as conn:
            is_left = _admit(conn, going, run, plan, although_stopped=although_stopped)
        if is_left:
            going.report(f"unflip of {flip_id}: {plan.stake}")
            _carry_out(run, steps(going.evidence(flip), plan))
        return Undone(plan=plan, stands=_ended(run))


def _admit(conn: Connection, going: Going, run: Run, plan: Unflip, *, although_stopped: bool) -> bool:
    """Ask all that is asked before it; whether any step is left."""
    there = stopped(conn, going.service.code)
    run.although = there.stop_id if there is not None and although_stopped else None
    _require_running(conn, going, run)
    store.lock(conn, going.service.code)
    flip = held(conn, going.service, run.flip.flip_id)
    run.read(conn)
    if not run.touched:
        raise RuleViolation(f"no step of {flip.flip_id} was begun: there is nothing to take back")
    if all(Step.UNDONE in run.course(one).done for one in run.touched):
        return False
    require_armed(conn, flip, Part.UNFLIP, going.now, planned=plan.stake)
    given_up = [
        run.entry(one, begun.step, refused(GIVEN_UP))
        for one in flip.plan.subscriptions
        if (begun := run.course(one.external_subscription_id).begun) is not None and begun.step in FORTH
    ]
    if flip.ended_at is not None:
        store.end(conn, flip.flip_id, None)
    run.note(conn, given_up)
    run.keep(given_up)
    return True


def _require_running(conn: Connection, going: Going, run: Run) -> None:
    try:
        require_running(conn, going.service.code, although=run.although)
    except RuleViolation as error:
        raise type(error)(
            f"{error}; or, for the way back alone:  fcb unflip {run.flip.flip_id} --go --although-stopped"
        ) from None


def _carry_out(run: Run, doing: Mapping[Step, Doing]) -> None:
    """Every subscription by itself; what compares comes last, when its customer's others are back too."""
    *changing, comparing = BACK
    for one in run.flip.plan.subscriptions:
        # Stops at the first step that is not past.
        all(taken(run, Part.UNFLIP, doing, one, step=step) for step in changing)
    for one in run.flip.plan.subscriptions:
        taken(run, Part.UNFLIP, doing, one, step=comparing)


def _ended(run: Run) -> Stands:
    """End the flip once all that it touched is back."""
    courses = {one: run.course(one) for one in run.flip.subscriptions}
    with run.db.transaction() as conn:
        is_ended = held(conn, run.service, run.flip.flip_id).ended_at is not None
        if not is_ended and all(is_over(each) or not each.touched for each in courses.values()):
            store.end(conn, run.flip.flip_id, run.now)
            put(conn, run.service.code, [ended_news(run.flip, Direction.TO_SOURCE, run.now)], run.now)
    return Stands(flip=run.flip, courses=courses)
