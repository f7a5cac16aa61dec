"""Claimed otherwise: somebody bills already what Odoo's first range is for."""

from collections.abc import Iterator

from fcb_pipelines.domain.claims import Claim
from fcb_pipelines.domain.flip_plans import ChargePlan
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, of_charge, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown
from fcb_pipelines.domain.gate_rows import Placed, placed

_DO = "plan the cohort anew: the boundary moved"


def _find(facts: GateFacts) -> Iterator[Objection]:
    if isinstance(facts.claims, NotKnown):
        if facts.not_begun:
            yield undecidable(KIND.id, SERVICE, facts.claims, "who bills what", "load the claims (fcb claims)")
        return
    billed = [one for one in placed(facts) if one.instance.actual is not None]
    for one in facts.not_begun:
        key = one.external_subscription_id
        for charge in one.charges:
            for claim in facts.claims:
                if claim.charge_key == (key, charge.charge) and _overlaps(claim, charge):
                    words = f"{claim.biller} bills {claim.service_from:%Y-%m-%d} to {claim.service_to:%Y-%m-%d}"
                    yield _objection(of_charge(key, charge.charge), words, claim.reference)
            for found in billed:
                if found.row.external_subscription_id == key and _is_beyond(found, charge):
                    words = f"the source billed past the boundary of {charge.boundary:%Y-%m-%d} in {found.period}"
                    yield _objection(of_charge(key, charge.charge), words, found.row.row_id, *found.lines)


def _overlaps(claim: Claim, charge: ChargePlan) -> bool:
    return claim.service_from < charge.first_to and charge.boundary < claim.service_to


def _is_beyond(found: Placed, charge: ChargePlan) -> bool:
    one = found.instance
    return one.charge == charge.charge and one.service_to is not None and one.service_to > charge.boundary


def _objection(scope: str, words: str, *evidence: str) -> Objection:
    return Objection(id=KIND.id, scope=scope, klass=Class.PROVEN, words=words, evidence=evidence, what_to_do=_DO)


KIND = Kind(
    id="claimed_otherwise",
    asks="whether a claim, or a bill of the source, overlaps the first range that Odoo would bill",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a new plan with the boundary behind it",
    find=_find,
    needs_plan=True,
)
