"""Fix source: the source billed too much or too little, and nothing says that it was settled."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.gate_rows import Placed, placed
from fcb_pipelines.domain.rows import Remedy, Verdict

_DECIDED_OTHERWISE = frozenset({Verdict.UNEXPLAINED, Verdict.MATCH, Verdict.NOTHING_DUE})


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in placed(facts):
        is_open = one.instance.explanation.open_remedy is Remedy.FIX_SOURCE
        if not is_open or one.instance.verdict in _DECIDED_OTHERWISE:
            continue
        if facts.attested(Statement.FIXED_IN_SOURCE, one.row.row_id) is None:
            yield _objection(facts, one)


def _objection(facts: GateFacts, one: Placed) -> Objection:
    why = "; ".join(finding.words for finding in one.instance.explanation.findings)
    amount = abs(one.instance.difference) or one.instance.billed
    row = one.row.row_id
    said = to_attest(facts, Statement.FIXED_IN_SOURCE, row)
    return Objection(
        id=KIND.id,
        scope=row,
        klass=Class.PROVEN,
        words=f"{amount} is owed or was billed too much in {one.period}: {why}{lapsed(facts, Statement.FIXED_IN_SOURCE, row)}",
        evidence=(row, *one.lines),
        since=one.instance.service_from,
        what_to_do=f"settle it in the source, then  {said} , or  fcb accept {row}",
    )


KIND = Kind(
    id="fix_source",
    asks="whether the source billed something wrong that was not settled",
    classes=(Class.PROVEN,),
    clears="FIXED_IN_SOURCE of the row, or an acceptance in force that settles it",
    find=_find,
)
