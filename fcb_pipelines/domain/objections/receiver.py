"""Receiver: nobody proved that the host understands what we would tell it of invoices and payments."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, lapsed, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    if facts.attested(Statement.RECEIVER) is None:
        yield Objection(
            id=KIND.id,
            scope=SERVICE,
            klass=Class.ATTESTED,
            words=f"nobody says that its receiver passed a signed test message{lapsed(facts, Statement.RECEIVER)}",
            what_to_do=to_attest(facts, Statement.RECEIVER),
        )


KIND = Kind(
    id="receiver",
    asks="whether the service's receiver passed a signed test message",
    classes=(Class.ATTESTED,),
    clears="RECEIVER of the service",
    find=_find,
    is_global=True,
)
