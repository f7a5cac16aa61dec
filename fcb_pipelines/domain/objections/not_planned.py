"""Not planned: of a subscription of the cohort nobody can tell what Odoo would bill."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import Class, Kind, Objection
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in facts.planned:
        if not one.charges:
            yield Objection(
                id=KIND.id,
                scope=one.external_subscription_id,
                klass=Class.UNDECIDABLE,
                words="none of its charges could be planned" + (f": {'; '.join(one.notes)}" if one.notes else ""),
                what_to_do="mend what is missing in the source or in fcb.toml, import, and plan anew",
            )


KIND = Kind(
    id="not_planned",
    asks="whether what Odoo would bill of each subscription could be planned",
    classes=(Class.UNDECIDABLE,),
    clears="the records that are missing, and a new plan",
    find=_find,
    needs_plan=True,
)
