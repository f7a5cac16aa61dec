"""Partner linked twice: somebody else of the source is the same partner in Odoo, and is not judged with them.

Two customers that are one partner are no objection where both are in the closure: their money is judged together, and their
balances are compared in one sum.
"""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import Class, Kind, Objection, of_customer
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    for customer in facts.customers:
        others = [other for other in facts.neighbours.get(customer, ()) if other not in facts.customers]
        if others:
            link = facts.links.get(customer)
            yield Objection(
                id=KIND.id,
                scope=of_customer(customer),
                klass=Class.PROVEN,
                words=f"{', '.join(map(of_customer, others))} of the source is the same partner in Odoo, and not in the cohort",
                evidence=() if link is None or link.odoo_id is None else (f"res.partner {link.odoo_id}",),
                what_to_do="plan them together, or link them to partners of their own (account_links in fcb.toml) and import",
            )


KIND = Kind(
    id="partner_linked_twice",
    asks="whether a partner in Odoo is also a customer of the source that is not judged with the cohort",
    classes=(Class.PROVEN,),
    clears="planning both, or partners of their own",
    find=_find,
    needs_plan=True,
)
