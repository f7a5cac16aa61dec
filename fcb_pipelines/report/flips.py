"""Flips on the report's page: what stands in the way, who is live, and every step that was taken.

Owns: what the page says of the board. Does not own: the board (acts/flip_board), HTML (pages).
"""

from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass

from fcb_pipelines.acts.flip_board import Board, FlipShown
from fcb_pipelines.domain.flip import Entry, Phase, State
from fcb_pipelines.domain.flip_plans import ChargePlan, SubscriptionPlan
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.gate_asked import GateAsked, grouped
from fcb_pipelines.domain.money import Money
from fcb_pipelines.report.amounts import counted, joined, with_currency

WHY = "why"
STATES: Mapping[State, str] = {
    State.SHADOW: "the source bills it",
    State.ARMED: "armed: nothing was done yet",
    State.FLIPPING: "on its way: it goes on where it stopped",
    State.LIVE: "Odoo bills it; what the source still has to bill is awaited",
    State.COMPLETE: "Odoo bills it, and every bill from before is there",
    State.UNFLIPPING: "on its way back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the gate said, by what it is about."""

    said: GateAsked
    groups: Mapping[str, tuple[Objection, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge across its boundary."""

    plan: ChargePlan
    difference: Money | None
    """Odoo's first bill − the source's last one; None where either is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A subscription of a flip."""

    plan: SubscriptionPlan
    state: State
    waits: str
    """What it waits for, or why it was refused; empty where neither."""
    charges: tuple[Charge, ...]
    entries: tuple[Entry, ...]
    """Its journal without the beginnings of steps that ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A flip as the page shows it."""

    shown: FlipShown
    members: tuple[Member, ...]
    asked: Asked | None


def cohorts(board: Board) -> tuple[Cohort, ...]:
    """Every flip, the last planned first."""
    return tuple(
        Cohort(shown=one, members=tuple(_members(one)), asked=None if one.asked is None else asked(one.asked))
        for one in board.flips
    )


def asked(said: GateAsked) -> Asked:
    """What the gate said, in groups."""
    return Asked(said=said, groups=grouped(said.objections))


def sentence(board: Board) -> str:
    """How things stand, in one sentence."""
    if board.stopped is not None:
        return f"Stopped by {board.stopped.person}: {board.stopped.text}."
    if board.alarms:
        return f"{counted(len(board.alarms), 'alarm')} {_verb(board.alarms)} open."
    if board.live:
        by = counted(len(set(board.live.values())), "flip")
        return f"{counted(len(board.live), 'subscription')} {_verb(board.live)} live, by {by}."
    if board.asked is not None:
        return f"Nobody is live: {board.asked.sentence}."
    return "Nobody is live, and nobody asked yet what stands in the way."


def totals(one: Cohort) -> str:
    """What Odoo's first invoices come to."""
    return joined(with_currency(each) for each in one.shown.flip.plan.totals.values()) or "nothing that is known yet"


def _verb(of: Sized) -> str:
    return "is" if len(of) == 1 else "are"


def _members(one: FlipShown) -> Iterator[Member]:
    for plan in one.flip.plan.subscriptions:
        key = plan.external_subscription_id
        told, entries = one.course(key).told, one.entries.get(key, ())
        ended = {each.step for each in entries if each.phase is Phase.AFTER}
        yield Member(
            plan=plan,
            state=one.state(key),
            waits="" if told is None else str(told.data.get(WHY, "")),
            charges=tuple(Charge(plan=each, difference=_difference(each)) for each in plan.charges),
            entries=tuple(each for each in entries if each.phase is not Phase.BEFORE or each.step not in ended),
        )


def _difference(charge: ChargePlan) -> Money | None:
    last = charge.last_bill
    if last is None or charge.first_net is None or last.net.currency != charge.first_net.currency:
        return None
    return charge.first_net - last.net
