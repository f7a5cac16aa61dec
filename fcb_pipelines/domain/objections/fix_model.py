"""Fix model: our own price, interval, term or tax is wrong, so that Odoo would bill it wrong from the first day on."""

from collections.abc import Iterator

from fcb_pipelines.domain.clean import asks_for_our_model
from fcb_pipelines.domain.gate import Class, Kind, Objection
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.gate_rows import Placed, placed
from fcb_pipelines.domain.rows import Verdict


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in placed(facts):
        if one.instance.verdict is not Verdict.UNEXPLAINED and asks_for_our_model(one.instance):
            yield _objection(one)


def _objection(one: Placed) -> Objection:
    why = "; ".join(finding.words for finding in one.instance.explanation.findings)
    return Objection(
        id=KIND.id,
        scope=one.row.row_id,
        klass=Class.PROVEN,
        words=f"our terms of {one.instance.charge} are not those that were billed in {one.period}: {why}",
        evidence=(one.row.row_id, *one.lines),
        since=one.instance.service_from,
        what_to_do=f"fcb adopt {one.row.row_id}, import, and run {one.period} again until it is a match",
    )


KIND = Kind(
    id="fix_model",
    asks="whether a difference is explained by a term that neither our rating nor Odoo's order has",
    classes=(Class.PROVEN,),
    clears="adopting the term and running the period again as a match",
    find=_find,
)
