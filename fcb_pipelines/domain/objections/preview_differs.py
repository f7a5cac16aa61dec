"""Preview differs: Odoo's order does not come to what is planned, or what is planned is not what the source billed last."""

from collections.abc import Iterator

from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip_plans import ChargePlan, SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Kind, Objection, lapsed, of_charge, to_attest, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown, ShadowOrder
from fcb_pipelines.domain.instances import FLAT

_IMPORT = (
    "import, so that the order is as our terms say; where Odoo itself invoices, arm the flip and run  fcb invoices  for each "
    "month whose usage stands on it, which takes that off"
)


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one, charge in facts.charges:
        if charge.first_net is None:
            continue
        if charge.charge == FLAT:
            yield from _of_order(facts, one, charge)
        yield from _of_last_bill(facts, one, charge)


def _of_order(facts: GateFacts, one: SubscriptionPlan, charge: ChargePlan) -> Iterator[Objection]:
    scope, orders = of_charge(one.external_subscription_id, charge.charge), facts.odoo.orders
    if isinstance(orders, NotKnown) or one.external_subscription_id not in orders:
        lacking = orders if isinstance(orders, NotKnown) else NotKnown("its order in Odoo")
        yield undecidable(KIND.id, scope, lacking, "what Odoo would bill", _IMPORT)
        return
    order = orders[one.external_subscription_id]
    if order is not None and not _is_planned(order, charge):
        yield Objection(
            id=KIND.id,
            scope=scope,
            klass=Class.PROVEN,
            words=f"order {order.name} in Odoo comes to {order.net} and {order.tax} of tax, planned are {charge.first_net} and "
            f"{charge.first_tax or 'an unknown tax'}",
            evidence=(f"sale.order {order.odoo_id}",),
            what_to_do=_IMPORT,
        )


def _is_planned(order: ShadowOrder, charge: ChargePlan) -> bool:
    # A tax that is not known is an objection of its own.
    return order.net == charge.first_net and charge.first_tax in (None, order.tax)


def _of_last_bill(facts: GateFacts, one: SubscriptionPlan, charge: ChargePlan) -> Iterator[Objection]:
    last, scope = charge.last_bill, of_charge(one.external_subscription_id, charge.charge)
    if last is None or last.net == charge.first_net:
        return
    if facts.attested(Statement.PREVIEW, scope, str(charge.first_net)) is None:
        yield Objection(
            id=KIND.id,
            scope=scope,
            klass=Class.PROVEN,
            words=f"the source last billed {last.net} and Odoo would bill {charge.first_net}"
            + lapsed(facts, Statement.PREVIEW, scope),
            evidence=(last.line_key,),
            since=last.service_from,
            what_to_do=f"mend our terms, or where it is right  {to_attest(facts, Statement.PREVIEW, scope, charge.first_net)}",
        )


KIND = Kind(
    id="preview_differs",
    asks="whether Odoo's order comes to what is planned, and the plan to what the source billed last",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="equal amounts; against the last bill, PREVIEW with exactly the planned amount",
    find=_find,
    needs_plan=True,
)
