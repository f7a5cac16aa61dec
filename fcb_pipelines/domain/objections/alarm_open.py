"""Alarm open: something woke a person, and nobody cleared it."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown


def _find(facts: GateFacts) -> Iterator[Objection]:
    if isinstance(facts.alarms, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.alarms, "whether an alarm is open", f"fcb alarms --service {facts.service}")
        return
    for one in facts.alarms:
        yield Objection(
            id=KIND.id,
            scope=SERVICE,
            klass=Class.PROVEN,
            words=f"{one.kind} of {one.subject}: {one.words}",
            evidence=(f"{one.kind} {one.subject}",),
            since=one.raised_at,
            what_to_do=f"find out what happened, then  fcb alarms --clear ID --text WHY --service {facts.service}",
        )


KIND = Kind(
    id="alarm_open",
    asks="whether an alarm of the service is open",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a person who clears it",
    find=_find,
    is_global=True,
)
