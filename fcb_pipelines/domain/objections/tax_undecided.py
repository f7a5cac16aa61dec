"""Tax undecided: the place of a customer, or a rate there, is not known, so the tax of Odoo's bill would be anybody's guess."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import Class, Kind, Objection, of_charge, of_customer
from fcb_pipelines.domain.gate_facts import GateFacts

_DO = "say in the source where the customer is, or add the rates of that place to fcb.toml; then import"


def _find(facts: GateFacts) -> Iterator[Objection]:
    for customer in facts.customers:
        if customer in facts.tax_undecided:
            yield _objection(of_customer(customer), facts.tax_undecided[customer])
    for one, charge in facts.charges:
        # The tax on nothing is nothing.
        if charge.first_net and charge.first_tax is None and one.external_user_id not in facts.tax_undecided:
            yield _objection(
                of_charge(one.external_subscription_id, charge.charge), "the tax on Odoo's first bill is not known"
            )


def _objection(scope: str, words: str) -> Objection:
    return Objection(id=KIND.id, scope=scope, klass=Class.UNDECIDABLE, words=words, what_to_do=_DO)


KIND = Kind(
    id="tax_undecided",
    asks="whether the tax on what Odoo would bill can be told",
    classes=(Class.UNDECIDABLE,),
    clears="the place of the customer, or the rates of that place",
    find=_find,
)
