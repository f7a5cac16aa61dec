"""Order missing: there is no shadow order to confirm, or it is no draft any more."""

from collections.abc import Iterator

from fcb_pipelines.domain.gate import Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown
from fcb_pipelines.domain.inert import DRAFT

_DO = "import again; an order that somebody confirmed or cancelled is looked at in Odoo first"


def _find(facts: GateFacts) -> Iterator[Objection]:
    orders = facts.odoo.orders
    for one in facts.not_begun:
        key = one.external_subscription_id
        if isinstance(orders, NotKnown) or key not in orders:
            lacking = orders if isinstance(orders, NotKnown) else NotKnown("a look at it")
            yield undecidable(KIND.id, key, lacking, "whether it has a draft order", _DO)
            continue
        order = orders[key]
        if order is None or order.state != DRAFT:
            yield Objection(
                id=KIND.id,
                scope=key,
                klass=Class.PROVEN,
                words="it has no order in Odoo" if order is None else f"its order {order.name} is no draft but {order.state!r}",
                evidence=() if order is None else (f"sale.order {order.odoo_id}",),
                what_to_do=_DO,
            )


KIND = Kind(
    id="order_missing",
    asks="whether each subscription has a draft order to confirm",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="an import",
    find=_find,
    needs_plan=True,
)
