"""Term changes unknown: it cannot be told which price holds when Odoo first bills."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import Class, Kind, Objection, of_charge
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.instances import FLAT, TERM_UNKNOWN


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one, charge in facts.charges:
        untold = [note for note in charge.notes if note.partition(":")[0] == TERM_UNKNOWN]
        if untold or (charge.charge == FLAT and charge.first_net is None):
            why = "; ".join(note.partition(": ")[2] for note in untold if ": " in note)
            yield Objection(
                id=KIND.id,
                scope=of_charge(one.external_subscription_id, charge.charge),
                klass=Class.UNDECIDABLE,
                words="its terms on the day of Odoo's first bill cannot be told" + (f": {why}" if why else ""),
                what_to_do="say since when they hold (valid_from of the plan, or terms_assumed_from or history in fcb.toml), "
                "then plan anew",
            )


KIND = Kind(
    id="term_changes_unknown",
    asks="whether the terms of each charge are known on the day of Odoo's first bill",
    classes=(Class.UNDECIDABLE,),
    clears="a date of the terms, on record or attested in fcb.toml",
    find=_find,
    needs_plan=True,
)
