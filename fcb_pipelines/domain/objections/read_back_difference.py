"""Read-back difference: Odoo has something otherwise than it was sent, or nobody looked since it was written."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    for words in facts.read_back:
        yield Objection(
            id=KIND.id,
            scope=SERVICE,
            klass=Class.PROVEN,
            words=words,
            what_to_do=f"fcb import --service {facts.service}, which reads back what it wrote",
        )


KIND = Kind(
    id="read_back_difference",
    asks="whether Odoo stored what the import sent",
    classes=(Class.PROVEN,),
    clears="an import whose read-back finds no difference",
    find=_find,
    is_global=True,
)
