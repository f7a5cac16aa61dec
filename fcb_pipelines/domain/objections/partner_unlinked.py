"""Partner unlinked: nobody knows which partner in Odoo the customer is, so the bill would go to nobody or to somebody else."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import Class, Kind, Objection, of_customer
from fcb_pipelines.domain.gate_facts import GateFacts
from fcb_pipelines.domain.partners import LinkState


def _find(facts: GateFacts) -> Iterator[Objection]:
    for customer in facts.customers:
        link = facts.links.get(customer)
        if link is not None and link.state is LinkState.LINKED and link.odoo_id is not None:
            continue
        yield Objection(
            id=KIND.id,
            scope=of_customer(customer),
            klass=Class.UNDECIDABLE if link is None else Class.PROVEN,
            words="nobody knows which partner in Odoo it is"
            + (": it was never linked, needs an import" if link is None else f": {link.reason}"),
            evidence=() if link is None else tuple(f"res.partner {each}" for each in link.candidates),
            what_to_do="import, or declare it in fcb.toml under account_links and import again",
        )


KIND = Kind(
    id="partner_unlinked",
    asks="whether each customer is known to be one partner in Odoo",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="a link: by the import, or declared in fcb.toml",
    find=_find,
)
