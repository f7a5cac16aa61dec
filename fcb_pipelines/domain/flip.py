"""The flip: the steps that take one subscription live, in their order, and what its journal says of where it stands.

Owns: steps, phases, states, the journal's record and its grammar. Does not own: the gate (gate), the plan (flip_plans), who may
start it (arming), doing a step (acts/flip, acts/unflip).

Of each step the journal has any number of tries that came to nothing (`waiting`, or `before` and `refused`), then `before` and
`after`. A `before` at the end of a journal is a step that was interrupted: the next run takes it up again without another one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Step(StrEnum):
    """The steps of a flip in their order, then those of an unflip in theirs."""

    SOURCE_STOPPED = "source_stopped"
    CLAIMED = "claimed"
    PLAN_SET = "plan_set"
    """Before it is confirmed: an Odoo with subscriptions confirms none without its plan."""
    CONFIRMED = "confirmed"
    PREVIEWED = "previewed"
    TOKEN_ATTACHED = "token_attached"  # noqa: S105 (the name of a step)
    FINAL_BILL_SEEN = "final_bill_seen"
    COMPLETE = "complete"
    TOKEN_DETACHED = "token_detached"  # noqa: S105 (the name of a step)
    BACK_TO_DRAFT = "back_to_draft"
    CREDITED = "credited"
    """After that, so that Odoo makes no invoice any more while the last one is being credited."""
    CLAIMS_RELEASED = "claims_released"
    USAGE_HANDED_BACK = "usage_handed_back"
    SOURCE_RESUMED = "source_resumed"
    UNDONE = "undone"


class Phase(StrEnum):
    """Before a step it is noted what is about to be done, after it what was read back."""

    BEFORE = "before"
    AFTER = "after"
    WAITING = "waiting"
    """It cannot be done yet, and says what it waits for; nothing was changed."""
    REFUSED = "refused"
    """It was tried and the outside said no, or what was read back is not as planned."""


class State(StrEnum):
    """Where a subscription stands."""

    SHADOW = "shadow"
    ARMED = "armed"
    FLIPPING = "flipping"
    """Between arming and the first step that makes it live: it goes on where it stopped."""
    LIVE = "live"
    COMPLETE = "complete"
    UNFLIPPING = "unflipping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal; none is ever changed or deleted."""

    flip_id: str
    external_subscription_id: str
    step: Step
    phase: Phase
    at: datetime
    actor: str
    data: Mapping[str, Any]
    """What is about to be done, or what was answered and read back. JSON without floats."""


class Part(StrEnum):
    """What is armed and done at once; `complete` is armed by nobody, for it changes nothing outside."""

    FLIP = "flip"
    CHARGE = "charge"
    COMPLETE = "complete"
    UNFLIP = "unflip"


STEPS: Mapping[Part, tuple[Step, ...]] = {
    Part.FLIP: (Step.SOURCE_STOPPED, Step.CLAIMED, Step.PLAN_SET, Step.CONFIRMED, Step.PREVIEWED),
    Part.CHARGE: (Step.TOKEN_ATTACHED,),
    Part.COMPLETE: (Step.FINAL_BILL_SEEN, Step.COMPLETE),
    Part.UNFLIP: (
        Step.TOKEN_DETACHED,
        Step.BACK_TO_DRAFT,
        Step.CREDITED,
        Step.CLAIMS_RELEASED,
        Step.USAGE_HANDED_BACK,
        Step.SOURCE_RESUMED,
        Step.UNDONE,
    ),
}
FORTH = STEPS[Part.FLIP] + STEPS[Part.CHARGE] + STEPS[Part.COMPLETE]
BACK = STEPS[Part.UNFLIP]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How far one subscription is in one flip."""

    done: Mapping[Step, Entry]
    """The steps that ended, in order, each with what was read back."""
    touched: frozenset[Step]
    """The steps that were ever begun, whatever came of it: what they change may be changed."""
    begun: Entry | None = None
    """The step that was begun and has no end: the next run takes it up again."""
    told: Entry | None = None
    """What the next step waits for, or why it was refused, as last told."""

    @property
    def is_going_back(self) -> bool:
        """Whether its unflip was begun; from then on it only goes back."""
        return not self.touched.isdisjoint(BACK)


def course(entries: Iterable[Entry]) -> Course:
    """How far one subscription is, by its entries in one flip in their order."""
    done: dict[Step, Entry] = {}
    touched: set[Step] = set()
    begun = told = None
    for entry in entries:
        if entry.phase is Phase.AFTER:
            done[entry.step], begun, told = entry, None, None
        elif entry.phase is Phase.BEFORE:
            begun, told = entry, None
            touched.add(entry.step)
        else:
            begun, told = None, entry
    return Course(done=done, touched=frozenset(touched), begun=begun, told=told)


def next_step(so_far: Course, part: Part) -> Step | None:
    """The step that a part goes on with; None where it is at its end, or cannot begin.

    Nobody is charged who is not live, and nobody is complete of whom it was not said whether they are. Of a subscription that
    no step touched nothing can be undone.
    """
    if part is Part.UNFLIP:
        return _first_open(so_far, BACK) if so_far.touched else None
    if so_far.is_going_back:
        return None
    open_step = _first_open(so_far, FORTH)
    return open_step if open_step in STEPS[part] else None


def state(so_far: Course, *, is_armed: bool = False) -> State:
    """Where a subscription stands, by its course in the last flip that it is in."""
    if Step.UNDONE in so_far.done:
        return State.SHADOW
    if so_far.is_going_back:
        return State.UNFLIPPING
    if Step.COMPLETE in so_far.done:
        return State.COMPLETE
    if Step.PREVIEWED in so_far.done:
        return State.LIVE
    if so_far.touched:
        return State.FLIPPING
    return State.ARMED if is_armed else State.SHADOW


def is_under_way(so_far: Course) -> bool:
    """Whether the flip changed anything of it, which it does with its claims first: a step that only looked changed nothing.

    From then on its gate does not ask again what the flip itself changes.
    """
    return Step.CLAIMED in so_far.done


def is_in_odoo(so_far: Course) -> bool:
    """Whether its order in Odoo may be another than the inert one that imports keep: nobody else changes it then.

    Until it is undone, for only then it was compared with what it was before.
    """
    return Step.PLAN_SET in so_far.touched and Step.UNDONE not in so_far.done


def is_over(so_far: Course) -> bool:
    """Whether nothing of its flip is left to do: it is complete, or undone, or on neither way."""
    return Step.UNDONE in so_far.done or (Step.COMPLETE in so_far.done and not so_far.is_going_back)


def faults(entries: Sequence[Entry]) -> tuple[str, ...]:
    """What is wrong with the journal of one subscription in one flip; nothing where it is complete.

    A step that was begun and has no end is one too: the run that began it did not come to its end.
    """
    found: list[str] = []
    done: list[Step] = []
    begun: Step | None = None
    for entry in entries:
        found += _wrong(entry, done, begun)
        if entry.phase is Phase.AFTER:
            done.append(entry.step)
        begun = entry.step if entry.phase is Phase.BEFORE else None
    return (*found, *([f"{begun} was begun and has no end"] if begun else []))


def _wrong(entry: Entry, done: Sequence[Step], begun: Step | None) -> list[str]:
    """What is wrong with one entry, after the steps that were done and the one that was begun."""
    wrong = []
    if entry.step not in (_follower(done, FORTH), _follower(done, BACK)):
        wrong.append(f"{entry.step} {entry.phase} is out of order")
    if entry.phase in (Phase.BEFORE, Phase.WAITING) and begun is not None:
        wrong.append(f"{entry.step} {entry.phase} follows {begun}, which was begun and had no end")
    if entry.phase in (Phase.AFTER, Phase.REFUSED) and begun is not entry.step:
        wrong.append(f"{entry.step} {entry.phase} follows no beginning of it")
    return wrong


def _follower(done: Sequence[Step], way: Sequence[Step]) -> Step | None:
    """The step of a way that may come next; none of the way forth once a step back was done."""
    if way is FORTH and any(step in BACK for step in done):
        return None
    return next((step for step in way if step not in done), None)


def _first_open(so_far: Course, way: Sequence[Step]) -> Step | None:
    return next((step for step in way if step not in so_far.done), None)
