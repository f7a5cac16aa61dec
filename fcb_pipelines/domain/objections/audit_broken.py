"""Audit broken: the log of who did what is not as it was written, so that no signature can be relied on."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_DO = "fcb audit verify, and find out who wrote there"


def _find(facts: GateFacts) -> Iterator[Objection]:
    for words in facts.unproved:
        yield Objection(id=KIND.id, scope=SERVICE, klass=Class.PROVEN, words=words, what_to_do=_DO)
    if isinstance(facts.broken_logs, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.broken_logs, "whether the audit log is whole", _DO)
        return
    for one in facts.broken_logs:
        yield Objection(
            id=KIND.id,
            scope=SERVICE,
            klass=Class.PROVEN,
            words=f"{one.log} is {one.wrong} at row {one.position}: {one.detail}",
            evidence=(f"{one.log} {one.position}",),
            what_to_do=_DO,
        )


KIND = Kind(
    id="audit_broken",
    asks="whether the access log and the audit log are as they were written, and say what was attested and done",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="logs that verify",
    find=_find,
    is_global=True,
)
