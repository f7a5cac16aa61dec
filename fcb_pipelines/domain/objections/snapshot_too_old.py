"""Snapshot too old: what the source says is not what it said when it was last read."""

from collections.abc import Iterator
from datetime import timedelta

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown


def _find(facts: GateFacts) -> Iterator[Objection]:
    seen, again = facts.snapshot, f"fcb import --service {facts.service}"
    if isinstance(seen, NotKnown):
        yield undecidable(KIND.id, SERVICE, seen, "what the source says", again)
        return
    if seen.refused_because is not None:
        words = f"snapshot {seen.snapshot_id} cannot be built on: {seen.refused_because}"
    elif facts.age(seen.taken_at) > timedelta(hours=facts.rules.snapshot_hours):
        words = f"the source was last read {seen.taken_at:%Y-%m-%d %H:%M} UTC, more than {facts.rules.snapshot_hours} hours ago"
    else:
        return
    yield Objection(
        id=KIND.id,
        scope=SERVICE,
        klass=Class.PROVEN,
        words=words,
        evidence=(f"snapshot {seen.snapshot_id}",),
        since=seen.taken_at,
        what_to_do=again,
    )


KIND = Kind(
    id="snapshot_too_old",
    asks="whether the newest snapshot of the source is recent, and was not refused",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a new import",
    find=_find,
    is_global=True,
)
