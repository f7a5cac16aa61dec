"""What a round left behind, and what is wrong with it.

Owns: the verdict: lost, done twice, made up, or otherwise different. Does not own: what happened (play).
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fcb_pipelines_tests.faults.journey.facts import Fact, states

Effect = tuple[str, str, str]
"""Act, deployment, message."""
LAST = {"suspended": {"suspend"}, "active": {"nothing", "restore"}, "ended": {"nothing", "suspend"}}
"""What was done last with a deployment that stands so."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """What all parties have in the end."""

    facts: Sequence[Fact]
    messages: Collection[str]
    """In our outbox."""
    undelivered: Collection[str]
    """By our books."""
    inbox: Mapping[str, str]
    """Where each message stands that the receiver has."""
    states: Mapping[str, str]
    effects: Sequence[Effect]
    """As the host's own table has them, in order."""
    noted: Sequence[Effect]
    """As the receiver has them noted."""
    outside: Collection[Effect]
    """As the host did them outside of any transaction."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is wrong; all empty where nothing is."""

    lost: tuple[str, ...]
    duplicates: tuple[str, ...]
    ghosts: tuple[str, ...]
    different: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.duplicates or self.ghosts or self.different)


def verdict(left: Left, different: Sequence[str] = ()) -> Verdict:
    """Hold what is there against the facts; `different` was seen on the way."""
    ids = {fact.message_id for fact in left.facts}
    done = {message for _, _, message in left.effects}
    return Verdict(
        lost=tuple(sorted(ids - set(left.inbox))),
        duplicates=tuple(f"{each} {times} times" for each, times in Counter(left.effects).items() if times > 1),
        ghosts=tuple(sorted((set(left.inbox) | set(left.messages) | done) - ids)),
        different=(*different, *_differences(left, ids)),
    )


def _differences(left: Left, ids: Collection[str]) -> Iterator[str]:
    if set(left.messages) != set(ids):
        yield "our outbox is not what was committed"
    if left.undelivered:
        yield f"not delivered by our books: {sorted(left.undelivered)}"
    if waiting := sorted(key for key, standing in left.inbox.items() if standing == "waiting"):
        yield f"the receiver has not acted on {waiting}"
    if left.states != (wanted := states(left.facts)):
        yield f"deployments stand at {dict(left.states)}, not at {wanted}"
    if Counter(left.noted) != Counter(left.effects):
        yield "what the receiver noted is not what was done"
    if not set(left.effects) <= set(left.outside):
        yield "an effect was written that was never done"
    yield from _ends(left)


def _ends(left: Left) -> Iterator[str]:
    """What was done last must lead to where a deployment stands, outside of the database too."""
    for done in (left.effects, left.outside):
        for deployment, state in left.states.items():
            *_, last = ["nothing", *(what for what, each, _ in done if each == deployment)]
            if last not in LAST[state]:
                yield f"{deployment} is {state}, and {last} was the last that was done"
