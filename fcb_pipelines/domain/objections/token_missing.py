"""Token missing: nobody said how the customer pays once Odoo charges by itself. In front of the flip it is information."""

from collections.abc import Iterator, Mapping

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown


def _find(facts: GateFacts) -> Iterator[Objection]:
    found = _tokens(facts)
    for one in facts.planned:
        customer = one.external_user_id
        if found.get(one.external_subscription_id) is None and facts.attested(Statement.NO_TOKEN, customer) is None:
            said = lapsed(facts, Statement.NO_TOKEN, customer)
            yield Objection(
                id=KIND.id,
                scope=one.external_subscription_id,
                klass=Class.ATTESTED,
                words=f"there is no one payment token, and nobody said that customer {customer} pays without one{said}",
                what_to_do=to_attest(facts, Statement.NO_TOKEN, customer),
            )


def _tokens(facts: GateFacts) -> Mapping[str, int | None]:
    """The one token of each customer as Odoo has it now: a shadow has none, so the plan of a flip may know of none."""
    now = facts.plan if isinstance(facts.replanned, NotKnown) else facts.replanned
    return {} if now is None else {one.external_subscription_id: one.token_id for one in now.subscriptions}


KIND = Kind(
    id="token_missing",
    asks="whether each customer has a payment token, or pays without one",
    classes=(Class.ATTESTED,),
    clears="one token in Odoo, or NO_TOKEN of the customer",
    find=_find,
    parts=frozenset({Part.CHARGE}),
    told_before=frozenset({Part.FLIP}),
    needs_plan=True,
)
