"""Boundary unproved: nothing but the source's word says up to when a charge is billed."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.boundaries import DOUBTFUL
from fcb_pipelines.domain.flip_plans import ChargePlan, Proof, SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Kind, Objection, of_charge, to_attest
from fcb_pipelines.domain.gate_facts import GateFacts


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in facts.not_begun:
        for charge in one.charges:
            if words := _unproved(facts, one, charge):
                yield _objection(facts, of_charge(one.external_subscription_id, charge.charge), charge, words)


def _unproved(facts: GateFacts, one: SubscriptionPlan, charge: ChargePlan) -> str:
    """Why its boundary cannot be relied on; empty where it can."""
    if charge.proof is Proof.UNPROVED:
        doubts = "; ".join(note.partition(": ")[2] for note in charge.notes if note.startswith(DOUBTFUL))
        return f"no line and nobody says up to when it is billed; {charge.boundary:%Y-%m-%d} is a guess" + (
            f": {doubts}" if doubts else ""
        )
    if charge.proof is Proof.SIGNED:
        subject = of_charge(one.external_subscription_id, charge.charge)
        holding = {each.attestation_id for each in facts.said(Statement.PAID_THROUGH, subject) if each.holds_at(facts.now)}
        if charge.reference not in holding:
            return f"{charge.reference} said that it is billed until {charge.boundary:%Y-%m-%d}, and holds no longer"
    return ""


def _objection(facts: GateFacts, scope: str, charge: ChargePlan, words: str) -> Objection:
    return Objection(
        id=KIND.id,
        scope=scope,
        klass=Class.UNDECIDABLE if charge.proof is Proof.UNPROVED else Class.ATTESTED,
        words=words,
        evidence=(charge.reference,) if charge.reference else (),
        what_to_do=f"{to_attest(facts, Statement.PAID_THROUGH, scope, 'DAY')} , then plan the cohort anew",
    )


KIND = Kind(
    id="boundary_unproved",
    asks="whether it is proved up to when the source billed each charge",
    classes=(Class.UNDECIDABLE, Class.ATTESTED),
    clears="an invoice line with a range, or PAID_THROUGH of the charge, and a new plan",
    find=_find,
    needs_plan=True,
)
