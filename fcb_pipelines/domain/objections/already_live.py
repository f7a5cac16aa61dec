"""Already live: another flip took it live, or is taking it there or back."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_DO = "plan the cohort without it"


def _find(facts: GateFacts) -> Iterator[Objection]:
    if not facts.not_begun:
        return
    if isinstance(facts.elsewhere, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.elsewhere, "what is live", _DO)
        return
    for one in facts.not_begun:
        key = one.external_subscription_id
        if key in facts.elsewhere:
            yield Objection(
                id=KIND.id,
                scope=key,
                klass=Class.PROVEN,
                words="another flip took it live, or is under way with it",
                what_to_do=_DO,
            )


KIND = Kind(
    id="already_live",
    asks="whether another flip took a subscription live",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="planning without it, or its unflip",
    find=_find,
    needs_plan=True,
)
