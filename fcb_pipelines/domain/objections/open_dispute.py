"""Open dispute: the customer disputes what the source billed, and nothing says that it is over."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, of_customer, to_attest, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown


def _find(facts: GateFacts) -> Iterator[Objection]:
    for customer in facts.customers:
        attested = facts.attested(Statement.NO_DISPUTE, customer)
        do = to_attest(facts, Statement.NO_DISPUTE, customer)
        if isinstance(facts.disputes, NotKnown):
            if attested is None:
                yield undecidable(KIND.id, of_customer(customer), facts.disputes, "whether anything is disputed", do)
            continue
        for one in facts.disputes:
            # What was said before it began says nothing of it.
            is_cleared = attested is not None and (one.since is None or one.since <= attested.made_at)
            if one.external_user_id == customer and not is_cleared:
                yield Objection(
                    id=KIND.id,
                    scope=of_customer(customer),
                    klass=Class.PROVEN,
                    words=f"dispute {one.reference} is open{lapsed(facts, Statement.NO_DISPUTE, customer)}",
                    evidence=(one.reference,),
                    since=one.since,
                    what_to_do=f"settle it, or  {do}",
                )


KIND = Kind(
    id="open_dispute",
    asks="whether a customer disputes what the source billed",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="its end on record, or NO_DISPUTE of the customer, said after it began",
    find=_find,
)
