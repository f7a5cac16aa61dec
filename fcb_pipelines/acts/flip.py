"""Taking a cohort live, and charging it: the gate asked again under the lock of the flip, then the steps, journalled.

Owns: the acts `go`, `charge` and `complete`, and what is asked before each. Does not own: the steps (flip_steps), how they are
journalled (flip_run), the gate's rule (domain/gate), arming (arming), the way back (unflip).

Whatever stops a run, the same act goes on where it stopped. Imports of the service wait while one runs, and it while they do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.acts.arming import require_armed, require_free
from fcb_pipelines.acts.claims import load_source
from fcb_pipelines.acts.flip_run import Report, Run, Stands, carry_out
from fcb_pipelines.acts.flip_steps import Evidence, steps
from fcb_pipelines.acts.held_flip import HeldFlip
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.acts.stop import require_running
from fcb_pipelines.domain.arming import Arming
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.flip import Part, course, is_over
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.gate_asked import GateAsked
from fcb_pipelines.domain.gate_facts import Gate as Gates
from fcb_pipelines.domain.messages import News
from fcb_pipelines.domain.news import Direction, flip_news
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips as store
from fcb_pipelines.store import gate_asked, journal
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines.store.imports import ImportLock, exclusive_import

Asked = Callable[[Connection, frozenset[str]], Sequence[Objection]]
"""The gate, once Odoo was read: everything against, given the subscriptions that the flip changed anything of."""
Gate = Callable[[StoredFlip, Part], Asked]
"""Reads what the gate needs from outside, the cohort planned anew among it; asked outside any transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What the acts on a flip are given."""

    db: Database
    odoo: Odoo
    service: Service
    now: datetime
    actor: str
    report: Report
    gate: Gate
    evidence: Callable[[StoredFlip], Evidence]
    """What the source and people say as of now; read outside any transaction."""
    may_confirm: bool
    """FCB_ODOO_CONFIRM_ORDERS."""
    may_charge: bool
    """FCB_ODOO_ATTACH_TOKENS."""

    def run(self, flip: StoredFlip, lock: ImportLock) -> Run:
        """A run of one of the parts of a flip, as long as the lock is held."""
        return Run(
            db=self.db,
            bare=self.odoo,
            held=HeldFlip(db=self.db, service=self.service, flip_id=flip.flip_id, lock=lock),
            service=self.service,
            flip=flip,
            actor=self.actor,
            now=self.now,
            report=self.report,
        )


class FlipRefused(RuleViolation):
    """Something stands against it; nothing was done."""

    def __init__(self, what: str, against: Sequence[Objection]) -> None:
        """`against` is everything that stands against it."""
        lines = "\n".join(f"  {one.id} ({one.scope}): {one.words}. To do: {one.what_to_do}" for one in against)
        super().__init__(f"{what} is refused:\n{lines}")
        self.against = tuple(against)


def go(going: Going, flip_id: str) -> Stands:
    """Take a cohort live, as far as each of its customers can go now; then what completes those who are charged.

    Raises `FlipRefused` with everything that stands against it, `Stopped`, `InvalidInput` for a flip that is not there.
    """
    return _done(going, flip_id, Part.FLIP, going.may_confirm, "FCB_ODOO_CONFIRM_ORDERS")


def charge(going: Going, flip_id: str) -> Stands:
    """Attach the payment tokens of those who are live, or note that there is none; raises like `go`."""
    return _done(going, flip_id, Part.CHARGE, going.may_charge, "FCB_ODOO_ATTACH_TOKENS")


def complete(going: Going, flip_id: str) -> Stands:
    """Look whether what was left to the source is billed, and end what is; it needs no arming and moves no money."""
    with exclusive_import(going.db, going.service.code) as lock:
        flip = found(going.db, going.service, flip_id)
        run = going.run(flip, lock)
        with going.db.transaction() as conn:
            run.begin(conn)
        return _completed(run, going.evidence(flip), None)


def standing(conn: Connection, service: Service, flip_id: str) -> Stands:
    """How a flip stands; raises `InvalidInput` for one that is not there."""
    flip = store.flip(conn, service.code, flip_id)
    if flip is None:
        raise InvalidInput(f"{service.code} has no flip {flip_id!r}:  fcb flip --list  shows them")
    entries = journal.of_flip(conn, flip_id)
    return Stands(flip=flip, courses={one: course(entries.get(one, ())) for one in flip.subscriptions})


def found(db: Database, service: Service, flip_id: str) -> StoredFlip:
    """A flip as it was planned; raises `InvalidInput` for one that is not there."""
    with db.transaction() as conn:
        return standing(conn, service, flip_id).flip


def _done(going: Going, flip_id: str, part: Part, is_on: bool, variable: str) -> Stands:
    with exclusive_import(going.db, going.service.code) as lock:
        with going.db.transaction() as conn:
            # Before Odoo is asked anything: who stopped it waits for nobody.
            require_running(conn, going.service.code)
            flip = standing(conn, going.service, flip_id).flip
            # What the source has billed is claimed first: nothing of it is Odoo's to take.
            load_source(conn, going.service, going.now)
        asked, run = going.gate(flip, part), going.run(flip, lock)
        try:
            with going.db.transaction() as conn:
                arming = _admitted(going, conn, run, part, asked=asked, off="" if is_on else variable)
                _keep_asked(conn, going, flip, part, ())
        except FlipRefused as refused:
            with going.db.transaction() as conn:
                _keep_asked(conn, going, flip, part, refused.against)
            raise
        going.report(f"{part} of {flip_id}: {len(flip.subscriptions)} subscriptions, armed by {arming.person}")
        evidence = going.evidence(flip)
        carry_out(run, part, steps(evidence, armed_at=arming.armed_at))
        return _completed(run, evidence, arming.armed_at)


def _admitted(going: Going, conn: Connection, run: Run, part: Part, *, asked: Asked, off: str) -> Arming:
    """The arming under which a part is done; asked under the lock of the flip, and raises `FlipRefused` with all against it."""
    require_running(conn, going.service.code)
    store.lock(conn, going.service.code)
    flip = run.begin(conn)
    against = list(_formal(conn, going, run, flip, off))
    arming = None
    try:
        arming = require_armed(conn, flip, part, going.now)
    except RuleViolation as error:
        against.append(_against("not_armed", flip, str(error), f"fcb arm {flip.flip_id} --act {part} --count N --amount …"))
    against += asked(conn, run.under_way)
    if against or arming is None:
        raise FlipRefused(f"the {part} of {flip.flip_id}", against)
    return arming


def _formal(conn: Connection, going: Going, run: Run, flip: StoredFlip, off: str) -> Iterable[Objection]:
    if off:
        yield _against("switched_off", flip, f"{off} is not set", f"set {off}=true, then again")
    if flip.ended_at is not None:
        yield _against("ended", flip, "the flip is at its end", "plan anew:  fcb flip --cohort …")
    elif back := [one for one in flip.subscriptions if run.course(one).is_going_back]:
        # Whoever armed it before that did not mean the others to go on without them.
        words = f"it is being taken back ({', '.join(back)})"
        yield _against("going_back", flip, words, f"end its unflip:  fcb unflip {flip.flip_id} --go , then plan anew")
    try:
        require_free(conn, flip, going.now)
    except RuleViolation as error:
        yield _against("in_another_flip", flip, str(error), "complete or undo the other flip first")


def _keep_asked(conn: Connection, going: Going, flip: StoredFlip, part: Part, against: tuple[Objection, ...]) -> None:
    """Keep what was said, whether it was let through or not."""
    said = GateAsked(flip_id=flip.flip_id, gate=Gates(part.value), asked_by=going.actor, asked_at=going.now, objections=against)
    gate_asked.add(conn, going.service.code, said)


def ended_news(flip: StoredFlip, direction: Direction, now: datetime) -> News:
    """What is told of a flip that came to its end, one way or the other."""
    totals = {code: str(amount.amount) for code, amount in flip.plan.totals.items()}
    return flip_news(
        flip.flip_id,
        direction,
        subscriptions=len(flip.subscriptions),
        totals=totals,
        not_before=flip.plan.not_before,
        now=now,
    )


def _against(name: str, flip: StoredFlip, words: str, what_to_do: str) -> Objection:
    return Objection(id=name, scope=flip.flip_id, klass=Class.PROVEN, words=words, what_to_do=what_to_do)


def _completed(run: Run, evidence: Evidence, armed_at: datetime | None) -> Stands:
    """Complete what can be, and end the flip once all of it is at its end."""
    carry_out(run, Part.COMPLETE, steps(evidence, armed_at=armed_at))
    courses = {one: run.course(one) for one in run.flip.subscriptions}
    with run.db.transaction() as conn:
        if run.held.hold(conn).ended_at is None and all(is_over(each) for each in courses.values()):
            store.end(conn, run.flip.flip_id, run.now)
            put(conn, run.service.code, [ended_news(run.flip, Direction.TO_ODOO, run.now)], run.now)
    return Stands(flip=run.flip, courses=courses)
