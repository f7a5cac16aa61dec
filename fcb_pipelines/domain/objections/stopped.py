"""Stopped: somebody threw the kill switch."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown


def _find(facts: GateFacts) -> Iterator[Objection]:
    found, do = facts.stopped, f"once it may go on:  fcb resume --text WHY --service {facts.service}"
    if isinstance(found, NotKnown):
        yield undecidable(KIND.id, SERVICE, found, "whether everything is stopped", do)
    elif found is not None:
        words = f"{found.person} stopped everything: {found.text}"
        yield Objection(id=KIND.id, scope=SERVICE, klass=Class.PROVEN, words=words, since=found.at, what_to_do=do)


KIND = Kind(
    id="stopped",
    asks="whether the kill switch is thrown",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="fcb resume",
    find=_find,
    is_global=True,
)
