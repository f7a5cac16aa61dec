"""Not rehearsed: nobody practised flip and unflip with this version of the program lately."""

from collections.abc import Iterator
from datetime import timedelta

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, lapsed, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    days, said = facts.rules.rehearsed_days, facts.attested(Statement.REHEARSED, value=facts.version)
    if said is None or facts.age(said.made_at) > timedelta(days=days):
        yield Objection(
            id=KIND.id,
            scope=SERVICE,
            klass=Class.ATTESTED,
            words=f"nobody says that flip and unflip were rehearsed with version {facts.version} within {days} days"
            + lapsed(facts, Statement.REHEARSED),
            evidence=() if said is None else (said.attestation_id,),
            since=None if said is None else said.made_at,
            what_to_do=f"make rehearse, then  {to_attest(facts, Statement.REHEARSED, value=facts.version)}",
        )


KIND = Kind(
    id="not_rehearsed",
    asks="whether flip and unflip were rehearsed with this version within `rehearsed_days`",
    classes=(Class.ATTESTED,),
    clears="REHEARSED of the service with this version",
    find=_find,
    is_global=True,
)
