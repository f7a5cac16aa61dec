"""Partner moved: Odoo's order is of another partner than will own the subscription, so that somebody else would be billed."""

from collections.abc import Iterator

from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Kind, Objection
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_NOTES = ("owner_changes", "other_partner")
"""What begins the notes of a plan that says so (acts/flip_planner)."""


def _find(facts: GateFacts) -> Iterator[Objection]:
    for one in facts.planned:
        for words in dict.fromkeys((*_noted(one), *_of_order(facts, one))):
            yield Objection(
                id=KIND.id,
                scope=one.external_subscription_id,
                klass=Class.PROVEN,
                words=words,
                evidence=(f"sale.order {one.order_id}", f"res.partner {one.partner_id}"),
                what_to_do="let the move happen first, import so that the order follows, and plan anew",
            )


def _noted(one: SubscriptionPlan) -> list[str]:
    return [note.partition(": ")[2] or note for note in one.notes if note.startswith(_NOTES)]


def _of_order(facts: GateFacts, one: SubscriptionPlan) -> Iterator[str]:
    orders = facts.odoo.orders
    order = None if isinstance(orders, NotKnown) else orders.get(one.external_subscription_id)
    # That there is none, or that nobody could look, are objections of their own.
    if order is not None and order.partner_id != one.partner_id and not _noted(one):
        yield f"order {order.name} is of partner {order.partner_id} in Odoo, and planned is partner {one.partner_id}"


KIND = Kind(
    id="partner_moved",
    asks="whether the order is of the partner who owns the subscription when Odoo begins, and stays so",
    classes=(Class.PROVEN,),
    clears="the move, an import, and a new plan",
    find=_find,
    needs_plan=True,
)
