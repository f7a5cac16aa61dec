"""Boundary within a range: the source's last bill ends inside a range of ours, so that nobody priced Odoo's first one."""

from collections.abc import Iterator

from fcb_pipelines.domain.boundaries import WITHIN_RANGE
from fcb_pipelines.domain.gate import Class, Kind, Objection, of_charge
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in facts.not_begun:
        for charge in one.charges:
            for note in (note for note in charge.notes if note.startswith(WITHIN_RANGE)):
                yield Objection(
                    id=KIND.id,
                    scope=of_charge(one.external_subscription_id, charge.charge),
                    klass=Class.PROVEN,
                    words=f"Odoo's first range would be a part that nobody priced: {note.partition(': ')[2]}",
                    evidence=(charge.reference,) if charge.reference else (),
                    what_to_do="mend our interval or anchor (fcb adopt), or let the source bill up to the end of the range; "
                    "then plan anew",
                )


KIND = Kind(
    id="boundary_within_range",
    asks="whether each boundary is where a range of ours begins",
    classes=(Class.PROVEN,),
    clears="terms whose ranges begin there, or a bill of the source up to the next range",
    find=_find,
    needs_plan=True,
)
