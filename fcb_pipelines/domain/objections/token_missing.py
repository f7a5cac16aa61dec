"""Token missing: nobody said how the customer pays once Odoo charges by itself, or two things are said of it.

In front of the flip it is information.
"""

from collections.abc import Iterator, Mapping

from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown


def _find(facts: GateFacts) -> Iterator[Objection]:
    found = _tokens(facts)
    for one in facts.planned:
        token, said = found.get(one.external_subscription_id), facts.attested(Statement.NO_TOKEN, one.external_user_id)
        if (token is None) == (said is None):
            yield _neither(facts, one) if said is None else _both(facts, one, said)


def _neither(facts: GateFacts, one: SubscriptionPlan) -> Objection:
    customer = one.external_user_id
    said = lapsed(facts, Statement.NO_TOKEN, customer)
    return Objection(
        id=KIND.id,
        scope=one.external_subscription_id,
        klass=Class.ATTESTED,
        words=f"there is no one payment token, and nobody said that customer {customer} pays without one{said}",
        what_to_do=to_attest(facts, Statement.NO_TOKEN, customer),
    )


def _both(facts: GateFacts, one: SubscriptionPlan, said: Attestation) -> Objection:
    """It would never be attached; whether that is meant, or the signature is older than the token, only a person can tell."""
    name = said.attestation_id
    return Objection(
        id=KIND.id,
        scope=one.external_subscription_id,
        klass=Class.ATTESTED,
        words=f"customer {one.external_user_id} has a payment token, and {name} of {said.author} says they pay without one",
        evidence=(name,),
        since=said.made_at,
        what_to_do=f"archive the token in Odoo, or  fcb attest --withdraw {name} --text WHY --service {facts.service}",
    )


def _tokens(facts: GateFacts) -> Mapping[str, int | None]:
    """The one token of each customer as Odoo has it now: a shadow has none, so the plan of a flip may know of none."""
    now = facts.plan if isinstance(facts.replanned, NotKnown) else facts.replanned
    return {} if now is None else {one.external_subscription_id: one.token_id for one in now.subscriptions}


KIND = Kind(
    id="token_missing",
    asks="whether each customer has a payment token or pays without one, and not both",
    classes=(Class.ATTESTED,),
    clears="one token in Odoo, or NO_TOKEN of the customer; where both are there, one of them gone",
    find=_find,
    parts=frozenset({Part.CHARGE}),
    told_before=frozenset({Part.FLIP}),
    needs_plan=True,
)
