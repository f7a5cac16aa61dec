"""What goes wrong in a round of the experiment: told by its seed alone, so that a round can be had again.

Owns: the kinds of fault and how a seed chooses among them. Does not own: doing it (`harm`).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fcb_pipelines.odoo.transport import Choice


class Fault(StrEnum):
    """What can come between us and Odoo."""

    DROPPED_BEFORE = "dropped before the call"
    DROPPED_AFTER = "dropped before the answer"
    TIMED_OUT = "timed out, then committed"
    CUT = "answer cut in the middle"
    RESET = "connection reset"
    GATEWAY = "502, 503, 504 or 429"
    SERVER_KILLED = "server killed"
    KILLED = "our process killed"
    BACKEND_KILLED = "database session ended"
    HOT_ROW = "row held by another"
    TWICE = "delivered twice"
    KEY_CHANGED = "key changed"


class Moment(StrEnum):
    """When it happens, as the server sees the call."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


STEPS = ("import", "change", "prune")
LONG = frozenset({Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER, Fault.CUT, Fault.RESET, Fault.GATEWAY})
"""Those that may last longer than we try again."""
GIVEN_UP = 9
"""Calls in a row: more than we make of one."""
WRITES = {"import": 4, "change": 6, "prune": 3}
CALLS = 10
"""There are at least so many writes in a step, and calls of any kind in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """One thing that goes wrong: at which call of which step, and how often."""

    seed: int
    fault: Fault
    step: str
    is_at_write: bool
    nth: int
    """Of the writes, or of all calls of the step; from 0."""
    times: int
    """How many calls in a row."""
    moment: Moment
    delay_seconds: float
    """How long after the moment began."""
    status: int
    """What a gateway answers."""
    transport: Choice
    is_least: bool
    """Whether the user with the least rights imports."""


def disturbance(seed: int, kinds: Sequence[Fault], transports: Sequence[Choice]) -> Disturbance:
    """What the seed says; all kinds come equally often."""
    chance = random.Random(seed)  # noqa: S311 - no secret hangs on it
    fault = kinds[seed % len(kinds)]
    step, is_at_write = chance.choice(STEPS), chance.random() < 0.75
    return Disturbance(
        seed=seed,
        fault=fault,
        step=step,
        is_at_write=is_at_write,
        nth=chance.randrange(WRITES[step] if is_at_write else CALLS),
        times=chance.choice((1, 1, 2, GIVEN_UP)) if fault in LONG else 1,
        moment=chance.choice(tuple(Moment)),
        delay_seconds=chance.choice((0.0, 0.002, 0.005, 0.01, 0.02, 0.04)),
        status=chance.choice((502, 503, 504, 429)),
        transport=chance.choice(transports),
        is_least=chance.random() < 0.3,
    )
