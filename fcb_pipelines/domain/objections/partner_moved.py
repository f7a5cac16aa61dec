"""Partner moved: Odoo's order is of another partner than will own the subscription, so that somebody else would be billed."""

from collections.abc import Iterator

from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.gate import Class, Kind, Objection, undecidable
from fcb_pipelines.domain.gate_facts import GateFacts, NotKnown

_NOTES = ("owner_changes", "other_partner")
"""What begins the notes of a plan that says so (acts/flip_planner)."""

_DO = "let the move happen first, import so that the order follows, and plan anew"


def _find(facts: GateFacts) -> Iterator[Objection]:
    orders = facts.odoo.orders
    for one in facts.planned:
        key = one.external_subscription_id
        for words in _noted(one):
            yield _objection(one, words)
        if isinstance(orders, NotKnown) or key not in orders:
            lacking = orders if isinstance(orders, NotKnown) else NotKnown("a look at its order")
            yield undecidable(KIND.id, key, lacking, "whose order it is in Odoo", _DO)
        elif not _noted(one) and (order := orders[key]) is not None and order.partner_id != one.partner_id:
            yield _objection(one, f"order {order.name} is of partner {order.partner_id} in Odoo, planned is {one.partner_id}")


def _noted(one: SubscriptionPlan) -> list[str]:
    return [note.partition(": ")[2] or note for note in one.notes if note.startswith(_NOTES)]


def _objection(one: SubscriptionPlan, words: str) -> Objection:
    return Objection(
        id=KIND.id,
        scope=one.external_subscription_id,
        klass=Class.PROVEN,
        words=words,
        evidence=(f"sale.order {one.order_id}", f"res.partner {one.partner_id}"),
        what_to_do=_DO,
    )


KIND = Kind(
    id="partner_moved",
    asks="whether the order is of the partner who owns the subscription when Odoo begins, and stays so",
    classes=(Class.PROVEN, Class.UNDECIDABLE),
    clears="the move, an import, and a new plan",
    find=_find,
    needs_plan=True,
)
