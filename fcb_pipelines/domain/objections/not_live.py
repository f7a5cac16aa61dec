"""Not live: a token is to be attached to a subscription that no flip has taken live."""

from collections.abc import Iterator

from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_DO = "flip it first:  fcb flip F-… --go"


def _find(facts: GateFacts) -> Iterator[Objection]:
    if isinstance(facts.live, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.live, "what is live", _DO)
        return
    for one in facts.planned:
        key = one.external_subscription_id
        if key not in facts.live:
            yield Objection(id=KIND.id, scope=key, klass=Class.PROVEN, words="it is not live", what_to_do=_DO)


KIND = Kind(
    id="not_live",
    asks="whether what is to be charged is live",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="the flip",
    find=_find,
    parts=frozenset({Part.CHARGE}),
    needs_plan=True,
)
