"""Not inert: something of ours in Odoo could charge somebody who was never flipped."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_DO = "put it back to a draft in Odoo, and find out who changed it"


def _find(facts: GateFacts) -> Iterator[Objection]:
    found = facts.odoo.not_inert
    if isinstance(found, NotKnown):
        yield undecidable(KIND.id, SERVICE, found, "whether our copy in Odoo is inert", _DO)
        return
    for one in found:
        yield Objection(
            id=KIND.id,
            scope=SERVICE,
            klass=Class.PROVEN,
            words=f"{one.record}: {one.reason}",
            evidence=(one.record,),
            what_to_do=_DO,
        )


KIND = Kind(
    id="not_inert",
    asks="whether anything of ours in Odoo is live without having been flipped",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a draft again, or the flip that made it live",
    find=_find,
    is_global=True,
)
