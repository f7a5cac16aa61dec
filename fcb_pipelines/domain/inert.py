"""Inert: whether anything that we put in Odoo could charge somebody.

Owns: the rule. Does not own: how Odoo is read back (odoo/inert). Until a subscription is flipped its order is a draft without
an invoice and without a live plan, no partner that we made has a payment token, and no invoice of ours is posted. What a flip
took live is not asked about here: the guards compare it with what it may be.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

DRAFT = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    """One order of ours as Odoo has it now."""

    external_id: str
    name: str
    state: str
    invoices: int
    live: Mapping[str, str] = field(default_factory=dict)
    """What makes it a running subscription in Odoo Enterprise, such as its recurring plan; empty in Community."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InertFacts:
    """Everything read back from Odoo for the proof."""

    orders: tuple[OrderSeen, ...]
    tokens: Mapping[str, int]
    """Payment tokens by the external id of a partner that we made; none where it has none."""
    posted: tuple[str, ...]
    """Names of posted invoices of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotInert:
    """One thing in Odoo that is not inert, and why."""

    record: str
    """Our external id, or the name in Odoo where it has none."""
    reason: str


def not_inert(facts: InertFacts, flipped: Collection[str] = ()) -> tuple[NotInert, ...]:
    """Everything that could charge somebody; empty is the proof that nothing can.

    `flipped` are the external ids of orders that a flip is taking live or took there, and of their customers.
    """
    orders = (
        NotInert(record=order.external_id, reason=reason)
        for order in facts.orders
        if order.external_id not in flipped
        for reason in _live_signs(order)
    )
    tokens = (
        NotInert(record=partner, reason=f"has {count} payment tokens")
        for partner, count in facts.tokens.items()
        if count and partner not in flipped
    )
    posted = (NotInert(record=name, reason="is an invoice of ours and posted") for name in facts.posted)
    return (*orders, *tokens, *posted)


def _live_signs(order: OrderSeen) -> Iterator[str]:
    if order.state != DRAFT:
        yield f"order {order.name} is not a draft but {order.state!r}"
    if order.invoices:
        yield f"order {order.name} has {order.invoices} invoices"
    for name, value in order.live.items():
        yield f"order {order.name} has {name} {value!r}: Odoo may invoice and charge it by itself"
