"""Source not stopped: the source would go on billing what Odoo bills from its boundary on."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, to_attest, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown
from fcb_pipelines.domain.history import BillingState

ODOO = "odoo"
"""The biller of a subscription that the source leaves to us."""


def is_stopped(state: BillingState) -> bool:
    """Whether the source says that it will not bill it again by itself."""
    return not state.auto_renew or state.biller.strip().casefold() == ODOO


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in facts.planned:
        key = one.external_subscription_id
        seen = facts.subscriptions.get(key)
        if seen is None or facts.stop_said(key) is not None:
            continue
        said = _not_now(facts, key)
        do = f"stop it in the source and import, or  {to_attest(facts, Statement.SOURCE_STOPPED, key)}"
        if isinstance(seen.billing, NotKnown):
            lacking = NotKnown(f"{seen.billing.needs}, or a signature{said}")
            yield undecidable(KIND.id, key, lacking, "whether the source goes on billing it", do)
        elif not is_stopped(seen.billing):
            yield Objection(
                id=KIND.id,
                scope=key,
                klass=Class.PROVEN,
                words=f"{seen.billing.biller} bills it and renews it by itself{said}",
                evidence=() if seen.billing.provider_id is None else (seen.billing.provider_id,),
                what_to_do=do,
            )


def _not_now(facts: GateFacts, key: str) -> str:
    """Why what somebody signed does not count, as the end of a sentence; empty where nobody ever did."""
    said = facts.attested(Statement.SOURCE_STOPPED, key)
    if said is None:
        return lapsed(facts, Statement.SOURCE_STOPPED, key)
    return f"; {said.attestation_id} of {said.author} said otherwise before it was resumed on {facts.resumed[key]:%Y-%m-%d}"


KIND = Kind(
    id="source_not_stopped",
    asks="whether the source was stopped from billing each subscription",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a billing state that does not renew, or whose biller is odoo; else SOURCE_STOPPED since it was last resumed",
    find=_find,
    needs_plan=True,
)
