"""Taking a cohort back: planned, armed, and gone like the flip, until Odoo is as it was but for what must remain.

Owns: the acts `show` and `unflip`, and what was handed back. Does not own: what would be done (unflip_plan), the steps
(unflip_steps), how they are journalled (flip_run), arming (arming).

It asks no gate and needs no switch of the settings, for it makes things safer: it is armed, and that is all. Where the service
was stopped it goes on only where somebody says `although_stopped`, and then in spite of that stop alone. Every subscription
goes back by itself: what is refused for one leaves no other live.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from fcb_pipelines.acts.arming import require_armed
from fcb_pipelines.acts.flip import Going, ended_news, found, standing
from fcb_pipelines.acts.flip_run import Doing, Run, Stands, refused, taken
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.acts.stop import require_running, stopped
from fcb_pipelines.acts.unflip_plan import unflip_plan
from fcb_pipelines.acts.unflip_steps import steps
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.flip import BACK, FORTH, Part, Step, is_over
from fcb_pipelines.domain.news import Direction
from fcb_pipelines.domain.unflips import HandBack, Unflip, is_handed_back
from fcb_pipelines.store import audit, hand_backs
from fcb_pipelines.store import flips as store
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines.store.imports import exclusive_import

GIVEN_UP = "given up: the flip is taken back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What an unflip did, and how the flip stands."""

    plan: Unflip
    stands: Stands


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack:
    """The usage that a flip handed back to the source, as it is on record."""

    rows: tuple[HandBack, ...]
    missing: tuple[str, ...]
    """Subscriptions of which it is not known yet, for the source was not seen to bill them again."""


def show(going: Going, flip_id: str) -> Unflip:
    """What taking a flip back would do; raises `InvalidInput` for one that is not there."""
    flip = found(going.db, going.service, flip_id)
    return unflip_plan(going.db, going.odoo, going.service, flip, going.now)


def handed_back(going: Going, flip_id: str) -> HandedBack:
    """What was handed back of a flip, which never changes again; raises `InvalidInput` for one that is not there."""
    with going.db.transaction() as conn:
        stands = standing(conn, going.service, flip_id)
        rows = hand_backs.of_reference(conn, going.service.code, flip_id)
    missing = (one for one, each in stands.courses.items() if each.touched and not is_handed_back(each))
    return HandedBack(rows=rows, missing=tuple(missing))


def unflip(going: Going, flip_id: str, *, although_stopped: bool = False) -> Undone:
    """Take a flip back as far as it goes; again goes on where it stopped.

    One of which no step was begun is given up. Raises `RuleViolation` where nothing was armed, something else was, or there is
    nothing to take back; `Stopped`.
    """
    with exclusive_import(going.db, going.service.code) as lock:
        flip = found(going.db, going.service, flip_id)
        plan = unflip_plan(going.db, going.odoo, going.service, flip, going.now)
        run = going.run(flip, lock)
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
    flip = run.begin(conn)
    if not run.touched:
        _give_up(conn, going, run, flip)
        return False
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


def _give_up(conn: Connection, going: Going, run: Run, flip: StoredFlip) -> None:
    """End a flip that was armed or waited and changed nothing, so that it is in the way of no other; needs no arming."""
    is_waiting = any(run.entries.values()) or bool(store.armings(conn, flip.flip_id))
    if flip.ended_at is not None or not is_waiting:
        raise RuleViolation(f"no step of {flip.flip_id} was begun: there is nothing to take back")
    store.end(conn, flip.flip_id, going.now)
    at = going.now.astimezone(UTC)
    entry = AuditEntry(at=at, actor=going.actor, act=Act.FLIP_GIVEN_UP, service=flip.service, subject=flip.flip_id, data={})
    audit.append_audit(conn, entry)
    going.report(f"no step of {flip.flip_id} was begun: it is given up, and nothing was changed")


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
        is_ended = run.held.hold(conn).ended_at is not None
        if not is_ended and all(is_over(each) or not each.touched for each in courses.values()):
            store.end(conn, run.flip.flip_id, run.now)
            put(conn, run.service.code, [ended_news(run.flip, Direction.TO_SOURCE, run.now)], run.now)
    return Stands(flip=run.flip, courses=courses)
