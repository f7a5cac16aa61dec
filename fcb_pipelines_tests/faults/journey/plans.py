"""What is to befall whom in a round, by its seed.

Owns: the kinds of strikes and of circumstances, and which round has which. Does not own: how they are carried out (play).
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Strike(StrEnum):
    """What ends, stops or loses its sessions; one in each round."""

    SENDER_TAKEN = "sender killed: taken"
    SENDER_SENDING = "sender killed: sending"
    SENDER_ANSWERED = "sender killed: answered"
    SENDER_RECORDED = "sender killed: recorded"
    SENDER_STOPPED = "sender stopped past its lease"
    RECEIVER_ACCEPTING = "receiver killed: accepting"
    RECEIVER_STORED = "receiver killed: stored, not answered"
    RECEIVER_ACTED = "receiver killed: acted, not noted"
    RECEIVER_NOTED = "receiver killed: noted"
    OURS_KILLED = "our Postgres killed"
    OURS_STOPPED = "our Postgres stopped at once"
    OURS_ENDED = "our sessions ended by Postgres"
    THEIRS_KILLED = "the receiver's Postgres killed"
    THEIRS_STOPPED = "the receiver's Postgres stopped at once"
    THEIRS_ENDED = "the receiver's sessions ended by Postgres"


class Circumstance(StrEnum):
    """How the world is besides."""

    FAIR = "nothing else"
    ANSWERS_LOST = "answers lost"
    BACKWARDS = "messages in reverse order"
    AHEAD = "sender's clock 400 s ahead"
    BEHIND = "sender's clock 400 s behind"


OURS = frozenset({Strike.OURS_KILLED, Strike.OURS_STOPPED, Strike.OURS_ENDED})
THEIRS = frozenset({Strike.THEIRS_KILLED, Strike.THEIRS_STOPPED, Strike.THEIRS_ENDED})
APART = {Circumstance.AHEAD: timedelta(seconds=400), Circumstance.BEHIND: timedelta(seconds=-400)}
WITHIN = (timedelta(0), timedelta(seconds=240), timedelta(seconds=-240))
"""By how much the sender's clock is ahead of the receiver's where that is to change nothing."""
LONGEST_OFF = 300
"""Seconds by which the receiver's own clock may be off."""
FACTS_AT_FIRST = 8
"""At least so many messages are sent before anything else happens."""
ON_POSTGRES = 0.5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One round."""

    seed: int
    strike: Strike
    circumstance: Circumstance
    count: int
    """At the so-manyth time that it could be struck."""
    is_on_postgres: bool
    """Whether the receiver keeps what it has in Postgres, else in a file."""
    is_after: bool
    """Whether Postgres is struck when the receiver has answered, else before it is asked."""
    ahead: timedelta
    """Of the receiver's clock, before the right time."""
    apart: timedelta
    """Of the sender's first clock, before the receiver's."""
    loses: int

    @property
    def name(self) -> str:
        """For reports."""
        return f"{self.seed}: {self.strike}; {self.circumstance}; {'Postgres' if self.is_on_postgres else 'SQLite'}"


MOST = {
    Strike.SENDER_TAKEN: 1,
    Strike.SENDER_RECORDED: 1,
    Strike.SENDER_STOPPED: 1,
    Strike.RECEIVER_ACTED: 1,
    Strike.RECEIVER_NOTED: 1,
}
"""How often each is passed for sure; the others once for each of the first messages."""


def plan(seed: int) -> Plan:
    """The round of a seed: 75 in a row have each strike in each circumstance."""
    chance = random.Random(seed)  # noqa: S311 - what befalls whom, no secret
    turn, which = divmod(seed, len(Strike))
    strike, circumstance = list(Strike)[which], list(Circumstance)[(which + turn) % len(Circumstance)]
    return Plan(
        seed=seed,
        strike=strike,
        circumstance=circumstance,
        count=chance.randint(1, MOST.get(strike, FACTS_AT_FIRST)),
        is_on_postgres=chance.random() < ON_POSTGRES or strike in THEIRS,
        is_after=chance.random() < ON_POSTGRES,
        ahead=timedelta(seconds=chance.randint(-LONGEST_OFF, LONGEST_OFF)),
        apart=APART.get(circumstance) or chance.choice(WITHIN),
        loses=chance.randint(1, 3) if circumstance is Circumstance.ANSWERS_LOST else 0,
    )
