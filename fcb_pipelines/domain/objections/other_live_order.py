"""Other live order: Odoo bills the same partner already, by something that is not ours."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, of_customer, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_DO = "end it in Odoo, or leave the customer with the source"


def _find(facts: GateFacts) -> Iterator[Objection]:
    others = facts.odoo.others_live
    if isinstance(others, NotKnown):
        yield undecidable(KIND.id, SERVICE, others, "what else Odoo bills these customers", _DO)
        return
    for customer, partner in sorted({(one.external_user_id, one.partner_id or 0) for one in facts.planned}):
        for words in others.get(partner, ()):
            yield Objection(
                id=KIND.id,
                scope=of_customer(customer),
                klass=Class.PROVEN,
                words=f"Odoo bills the same partner by {words}",
                evidence=(words, f"res.partner {partner}"),
                what_to_do=_DO,
            )


KIND = Kind(
    id="other_live_order",
    asks="whether Odoo has another live order or repeating invoice of the same partner",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="ending it in Odoo",
    find=_find,
    needs_plan=True,
)
