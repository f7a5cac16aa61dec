"""Double billed: the source billed the same charge twice for the same time."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import Class, Kind, Objection
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.gate_rows import placed
from fcb_pipelines.domain.matching import DOUBLE_BILLED
from fcb_pipelines.domain.rows import Verdict


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in placed(facts):
        twice = [finding for finding in one.instance.explanation.findings if finding.cause == DOUBLE_BILLED]
        if twice and one.instance.verdict is Verdict.UNEXPLAINED:
            yield Objection(
                id=KIND.id,
                scope=one.row.row_id,
                klass=Class.PROVEN,
                words=f"{one.instance.billed} of customer {one.row.external_user_id} is billed twice: {twice[0].words}",
                evidence=(one.row.row_id, *twice[0].references),
                since=one.instance.service_from,
                what_to_do=f"give it back in the source and run the period again, or  fcb accept {one.row.row_id}",
            )


KIND = Kind(
    id="double_billed",
    asks="whether the source billed a charge twice for the same time",
    classes=(Class.PROVEN,),
    clears="a credit in the source and a new run, or an acceptance in force",
    find=_find,
)
