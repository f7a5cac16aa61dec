"""One run of a part of a flip: each step journalled before and after, in the order that makes any crash resumable.

Owns: how a step is begun, ended and told, and that a customer goes as a whole. Does not own: what a step does (flip_steps,
unflip_steps), whether it may begin at all (flip, unflip).

There are three kinds of steps. One that looks (`Looking`) changes nothing: it is journalled once it has an answer. One that
changes our store alone (`Storing`) does so in the transaction that journals it. One that asks Odoo (`Asking`) is journalled as
begun, done and read back outside any transaction, then journalled as ended: what was begun and has no end is done again by the
next run, which each call to Odoo allows because it looks first. Before anything is changed the kill switch is looked at.

The lock that keeps other runs out is of a session that can be lost while the run goes on. So each transaction that journals,
and each call that may change something in Odoo, first holds the flip and asks whether the lock is still there and the journal
as this run left it. Where it is not, the run ends with `Overtaken` and says nothing more: what Odoo answered it is not
journalled, the step stays as begun, and whoever runs next looks at what is there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from fcb_pipelines.acts.held_flip import HeldFlip
from fcb_pipelines.acts.held_odoo import HeldOdoo
from fcb_pipelines.acts.stop import Stopped, require_running
from fcb_pipelines.domain.errors import Overtaken, Refused, RuleViolation
from fcb_pipelines.domain.flip import STEPS, Course, Entry, Part, Phase, State, Step, course, is_under_way, next_step, state
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.services import Service
from fcb_pipelines.store import journal
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.flips import StoredFlip

Report = Callable[[str], None]
WHY = "why"
"""In what the journal says of a step that waits or was refused: for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a step."""

    data: Mapping[str, Any]
    phase: Phase = Phase.AFTER


def waiting(why: str, **data: Any) -> Told:
    """It cannot be done yet."""
    return Told(phase=Phase.WAITING, data={WHY: why, **data})


def refused(why: object, **data: Any) -> Told:
    """It was tried and the outside said no, or what was read back is not as planned."""
    return Told(phase=Phase.REFUSED, data={WHY: " ".join(str(why).split()), **data})


@dataclass(slots=True, kw_only=True)
class Run:
    """What the steps of one run are given, and what the journal says so far."""

    db: Database
    bare: Odoo
    """Odoo, without asking first; see `odoo`."""
    held: HeldFlip
    service: Service
    flip: StoredFlip
    actor: str
    now: datetime
    report: Report
    although: int | None = None
    """The number of the stop in spite of which it goes on; see `acts.stop`."""
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    """The journal as it was read, and what this run added."""
    odoo: Odoo = field(init=False)
    """Odoo, of which a run that was overtaken changes nothing more."""

    def __post_init__(self) -> None:
        self.odoo = HeldOdoo(odoo=self.bare, require_held=self.held.require)

    def begin(self, conn: Connection) -> StoredFlip:
        """Hold the flip until the transaction ends, and read its journal, which from now on this run alone may add to."""
        there = self.held.begin(conn)
        found = journal.of_flip(conn, self.flip.flip_id)
        self.entries = {one: list(found.get(one, ())) for one in self.flip.subscriptions}
        return there

    def course(self, subscription: str) -> Course:
        """How far a subscription is."""
        return course(self.entries[subscription])

    @property
    def touched(self) -> frozenset[str]:
        """The subscriptions that any step of this flip was begun with."""
        return frozenset(one for one in self.entries if self.course(one).touched)

    @property
    def under_way(self) -> frozenset[str]:
        """The subscriptions that this flip changed anything of."""
        return frozenset(one for one in self.entries if is_under_way(self.course(one)))

    def entry(self, one: SubscriptionPlan, step: Step, told: Told) -> Entry:
        """A line for the journal."""
        return Entry(
            flip_id=self.flip.flip_id,
            external_subscription_id=one.external_subscription_id,
            step=step,
            phase=told.phase,
            at=self.now,
            actor=self.actor,
            data=told.data,
        )

    def begun(self, one: SubscriptionPlan, step: Step, data: Mapping[str, Any]) -> list[Entry]:
        """The line that begins a step; none where an earlier run began it."""
        begun = self.course(one.external_subscription_id).begun
        more = {} if self.although is None else {"although_stopped": self.although}
        return [] if begun is not None else [self.entry(one, step, Told(phase=Phase.BEFORE, data={**data, **more}))]

    def note(self, conn: Connection, entries: Sequence[Entry]) -> None:
        """Journal lines; call last in a transaction that holds the flip, and `keep` them once it has ended."""
        self.held.note(conn, entries)

    def keep(self, entries: Iterable[Entry]) -> None:
        """Remember lines that are in the journal now, and tell them."""
        self.held.keep()
        for entry in entries:
            self.entries[entry.external_subscription_id].append(entry)
            if entry.phase is not Phase.BEFORE:
                self.report(f"{entry.external_subscription_id}: {entry.step} {_said(entry)}")

    def require_running(self, conn: Connection) -> None:
        """Raise `Stopped` where somebody threw the kill switch."""
        require_running(conn, self.service.code, although=self.although)


class Doing(Protocol):
    """One kind of step."""

    def take(self, run: Run, one: SubscriptionPlan, step: Step) -> Told:
        """Do the step for one subscription and journal it; what came of it."""


@dataclass(frozen=True, slots=True)
class Looking:
    """A step that only looks."""

    look: Callable[[Run, SubscriptionPlan], Told]

    def take(self, run: Run, one: SubscriptionPlan, step: Step) -> Told:
        """Look; what waits is told once, until it waits for something else."""
        told = self.look(run, one)
        entry = run.entry(one, step, told)
        if told.phase is Phase.WAITING and _is_told(run, entry):
            return told
        is_done = told.phase is not Phase.WAITING
        entries = [*(run.begun(one, step, {}) if is_done else []), entry]
        with run.held.transaction() as conn:
            run.note(conn, entries)
        run.keep(entries)
        return told


@dataclass(frozen=True, slots=True)
class Storing:
    """A step that changes our store alone; all of it and its lines in the journal, or nothing."""

    store: Callable[[Run, Connection, SubscriptionPlan], Told]

    def take(self, run: Run, one: SubscriptionPlan, step: Step) -> Told:
        """Do it; what a rule says against it is journalled by itself."""
        begun = run.begun(one, step, {})
        try:
            with run.held.transaction() as conn:
                run.require_running(conn)
                told = self.store(run, conn, one)
                entries = [*begun, run.entry(one, step, told)]
                run.note(conn, entries)
        except Stopped:
            raise
        except RuleViolation as error:
            told = refused(error)
            entries = [*begun, run.entry(one, step, told)]
            with run.held.transaction() as conn:
                run.note(conn, entries)
        run.keep(entries)
        return told


@dataclass(frozen=True, slots=True)
class Asking:
    """A step that asks Odoo to change something."""

    before: Callable[[Run, SubscriptionPlan], Mapping[str, Any]]
    """What is about to be done, for the journal; not asked again for a step that was begun."""
    ask: Callable[[Run, SubscriptionPlan], Told]
    """Does it unless it is done already, and reads back what is there."""
    overtaken: Callable[[Run, SubscriptionPlan], None] = lambda run, one: None
    """What is done where another run may have gone on while Odoo was asked."""

    def take(self, run: Run, one: SubscriptionPlan, step: Step) -> Told:
        """Do it; what Odoo or a rule says against it is journalled, while a failure leaves the step begun."""
        try:
            begun = self._begun(run, one, step)
        except (Refused, RuleViolation) as error:
            return self._ended(run, [*run.begun(one, step, {}), run.entry(one, step, told := refused(error))], told)
        with run.held.transaction() as conn:
            run.require_running(conn)
            run.note(conn, begun)
        run.keep(begun)
        try:
            told = self._asked(run, one)
            return self._ended(run, [run.entry(one, step, told)], told)
        except Overtaken:
            self.overtaken(run, one)
            raise

    def _asked(self, run: Run, one: SubscriptionPlan) -> Told:
        try:
            return self.ask(run, one)
        except (Refused, RuleViolation) as error:
            return refused(error)

    def _begun(self, run: Run, one: SubscriptionPlan, step: Step) -> list[Entry]:
        is_begun = run.course(one.external_subscription_id).begun is not None
        return [] if is_begun else run.begun(one, step, self.before(run, one))

    def _ended(self, run: Run, entries: list[Entry], told: Told) -> Told:
        with run.held.transaction() as conn:
            run.note(conn, entries)
        run.keep(entries)
        return told


def carry_out(run: Run, part: Part, steps: Mapping[Step, Doing]) -> None:
    """Do a part for every subscription, customer by customer.

    None of a customer's subscriptions takes a step before all of theirs came to it, so that nobody is live by half; what waits
    or was refused for one customer stops no other.
    """
    for group in customers(run.flip.plan.subscriptions):
        for step in STEPS[part]:
            # Each of them, so that all that waits is told at once.
            is_past = [taken(run, part, steps, one, step=step) for one in group]
            if not all(is_past):
                break


def taken(run: Run, part: Part, steps: Mapping[Step, Doing], one: SubscriptionPlan, *, step: Step) -> bool:
    """Whether a subscription is past a step, which is taken where it is the next one."""
    so_far = run.course(one.external_subscription_id)
    if next_step(so_far, part) is step:
        return steps[step].take(run, one, step).phase is Phase.AFTER
    return step in so_far.done


def customers(subscriptions: Sequence[SubscriptionPlan]) -> list[list[SubscriptionPlan]]:
    """Subscriptions by who pays for them: those of one customer, or of one partner in Odoo, together."""
    groups: list[list[SubscriptionPlan]] = []
    for one in subscriptions:
        theirs = [group for group in groups if any(_is_same_customer(one, other) for other in group)]
        groups = [group for group in groups if group not in theirs]
        groups.append([*(each for group in theirs for each in group), one])
    return groups


def _is_same_customer(one: SubscriptionPlan, other: SubscriptionPlan) -> bool:
    is_one_partner = one.partner_id is not None and one.partner_id == other.partner_id
    return is_one_partner or one.external_user_id == other.external_user_id


def _is_told(run: Run, entry: Entry) -> bool:
    last = run.course(entry.external_subscription_id).told
    return last is not None and (last.step, last.phase, last.data) == (entry.step, entry.phase, entry.data)


def _said(entry: Entry) -> str:
    if entry.phase is Phase.AFTER:
        return "done"
    return f"{'waits' if entry.phase is Phase.WAITING else 'was refused'}: {entry.data.get(WHY, '')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """How a flip stands."""

    flip: StoredFlip
    courses: Mapping[str, Course]

    @property
    def states(self) -> Mapping[str, State]:
        """By subscription."""
        return {one: state(each) for one, each in self.courses.items()}

    def is_done(self, part: Part) -> bool:
        """Whether a part is done for everybody."""
        return all(next_step(each, part) is None for each in self.courses.values())

    def open(self) -> Mapping[str, str]:
        """What each subscription waits for, or why it was refused, as last told."""
        return {one: str(each.told.data.get(WHY, "")) for one, each in self.courses.items() if each.told is not None}
