"""The board: how flips, the gate, the kill switch and the alarms of a service stand, for whoever only looks.

Owns: the act `board`. Does not own: asking the gate (gate), doing anything (flip), how it is shown (report/flips).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fcb_pipelines.acts.stop import stopped
from fcb_pipelines.domain.alarms import Alarm
from fcb_pipelines.domain.arming import Arming
from fcb_pipelines.domain.flip import Course, Entry, State, course, state
from fcb_pipelines.domain.gate_asked import GateAsked
from fcb_pipelines.store import alarms, flips, gate_asked, journal
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.flips import StoredFlip
from fcb_pipelines.store.stops import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipShown:
    """One flip, and all that was ever done of it."""

    flip: StoredFlip
    armings: tuple[Arming, ...]
    asked: GateAsked | None
    """What the gate said of it last; None where nobody asked."""
    entries: Mapping[str, Sequence[Entry]]
    """The journal, by subscription; one that nothing was done of has none."""

    def course(self, subscription: str) -> Course:
        """How far a subscription is in it."""
        return course(self.entries.get(subscription, ()))

    def state(self, subscription: str) -> State:
        """Where a subscription stands in it."""
        return state(self.course(subscription), is_armed=bool(self.armings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything, as of one moment."""

    stopped: Stop | None
    alarms: tuple[Alarm, ...]
    """Those that are open."""
    asked: GateAsked | None
    """What the gate said last of the service as a whole."""
    flips: tuple[FlipShown, ...]
    """The last planned first."""
    live: Mapping[str, str]
    """Live subscription → the flip that took it there."""


def board(conn: Connection, service: str) -> Board:
    """Read it from our store alone; Odoo is not asked."""
    said = gate_asked.last(conn, service)
    return Board(
        stopped=stopped(conn, service),
        alarms=alarms.open_alarms(conn, service),
        asked=said.get(None),
        flips=tuple(_shown(conn, one, said) for one in reversed(flips.flips(conn, service))),
        live={each: one.flip_id for each, one in flips.live_subscriptions(conn, service).items()},
    )


def _shown(conn: Connection, flip: StoredFlip, said: Mapping[str | None, GateAsked]) -> FlipShown:
    return FlipShown(
        flip=flip,
        armings=flips.armings(conn, flip.flip_id),
        asked=said.get(flip.flip_id),
        entries=journal.of_flip(conn, flip.flip_id),
    )
