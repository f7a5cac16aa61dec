"""Balance unequal: the credit, deposit or unapplied payment of a customer with the source is not what Odoo opens with.

Customers that are one partner in Odoo are compared in one sum, because Odoo has one balance of them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.balances import Balance, Key
from fcb_pipelines.domain.gate import SERVICE, Class, Kind, Objection, lapsed, of_customer, to_attest, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.previews import previewed

_DO = "import, and look at  fcb balances"


def _find(facts: GateFacts) -> Iterator[Objection]:
    if isinstance(facts.balances, NotKnown):
        yield undecidable(KIND.id, SERVICE, facts.balances, "whether balances are those of Odoo", _DO)
        return
    own = [one for one in facts.balances if one.external_user_id in facts.customers]
    for customer, currency in sorted(_billed_in(facts) - {(one.external_user_id, one.currency) for one in own}):
        lacking = NotKnown("the balances of both sides")
        yield undecidable(KIND.id, of_customer(customer), lacking, f"the balance in {currency}", _DO)
    for found in _by_partner(facts, own):
        yield from _judged(facts, found)


def _billed_in(facts: GateFacts) -> set[Key]:
    amounts = ((one.external_user_id, previewed(one, charge)) for one, charge in facts.charges)
    return {(customer, amount.currency) for customer, amount in amounts if amount is not None}


def _by_partner(facts: GateFacts, own: Sequence[Balance]) -> list[list[Balance]]:
    found: dict[tuple[object, str], list[Balance]] = defaultdict(list)
    for one in own:
        link = facts.links.get(one.external_user_id)
        partner = None if link is None else link.odoo_id
        found[partner if partner is not None else one.external_user_id, one.currency].append(one)
    return list(found.values())


def _judged(facts: GateFacts, found: Sequence[Balance]) -> Iterator[Objection]:
    first = found[0]
    subject = f"{first.external_user_id}/{first.currency}"
    known = [one.source for one in found if one.source is not None]
    source = total(known, first.currency) if len(known) == len(found) else None
    if source is not None and first.odoo is not None and source == first.odoo:
        return
    is_untold = source is None and first.odoo is not None
    if is_untold and facts.attested(Statement.BALANCE, subject, str(first.odoo)) is not None:
        return
    why = "; ".join(dict.fromkeys(one.why for one in found if one.why))
    said = lapsed(facts, Statement.BALANCE, subject) if is_untold else ""
    yield Objection(
        id=KIND.id,
        scope=of_customer(first.external_user_id),
        klass=Class.ATTESTED if said else Class.PROVEN if source is not None and first.odoo is not None else Class.UNDECIDABLE,
        words=f"in {first.currency} the source owes {_told(source)} and Odoo opens with {_told(first.odoo)}"
        + (f": {why}" if why else "")
        + said,
        evidence=tuple(reference for one in found for reference in one.references),
        what_to_do=to_attest(facts, Statement.BALANCE, subject, first.odoo)
        if is_untold
        else "book the opening balance in Odoo, or settle it in the source, then import",
    )


def _told(amount: Money | None) -> str:
    return "what nobody can tell" if amount is None else str(amount)


KIND = Kind(
    id="balance_unequal",
    asks="whether what each customer has with the source is what Odoo opens with, per currency",
    classes=(Class.PROVEN, Class.ATTESTED, Class.UNDECIDABLE),
    clears="equal balances; where the source's cannot be told, BALANCE with exactly the value of Odoo's",
    find=_find,
)
