"""Past due: the customer owes the source for longer than the grace; moving them now would mix two debts."""

from collections.abc import Iterator
from datetime import timedelta

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, of_customer, to_attest, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown, UnpaidInvoice


def _find(facts: GateFacts) -> Iterator[Objection]:
    for customer in facts.customers:
        attested = facts.attested(Statement.NO_DISPUTE, customer)
        if isinstance(facts.unpaid, NotKnown):
            if attested is None:
                do = to_attest(facts, Statement.NO_DISPUTE, customer)
                yield undecidable(KIND.id, of_customer(customer), facts.unpaid, "whether anything is past due", do)
            continue
        for one in facts.unpaid:
            # What was issued after somebody said so is not what they spoke of.
            is_cleared = attested is not None and one.issued_at <= attested.made_at
            if one.external_user_id == customer and _is_past_due(one, facts) and not is_cleared:
                yield _objection(facts, one)


def _is_past_due(one: UnpaidInvoice, facts: GateFacts) -> bool:
    return facts.age(one.issued_at) > timedelta(days=facts.rules.past_due_days)


def _objection(facts: GateFacts, one: UnpaidInvoice) -> Objection:
    customer = one.external_user_id
    return Objection(
        id=KIND.id,
        scope=of_customer(customer),
        klass=Class.PROVEN,
        words=f"invoice {one.external_invoice_id} of {one.amount} is {one.status.replace('_', ' ')} for more than "
        f"{facts.rules.past_due_days} days{lapsed(facts, Statement.NO_DISPUTE, customer)}",
        evidence=(one.external_invoice_id,),
        since=one.issued_at,
        what_to_do=f"collect it or write it off in the source, or  {to_attest(facts, Statement.NO_DISPUTE, customer)}",
    )


KIND = Kind(
    id="past_due",
    asks="whether a customer owes the source for longer than `past_due_days`",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="payment on record, or NO_DISPUTE of the customer, said after the invoice was issued",
    find=_find,
)
