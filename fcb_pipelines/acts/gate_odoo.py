"""What the gate is told of Odoo: read before the transaction in which it is asked, and never guessed.

Owns: the act `ask_odoo`, and which settings of Odoo are fit. Does not own: reading Odoo (odoo), what stands against a flip
(domain/objections). Whatever cannot be read is not known, with what Odoo said of it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.errors import FcbError
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.gate_facts import NotKnown, OdooFacts, OdooSetting, ShadowOrder
from fcb_pipelines.domain.money import Money
from fcb_pipelines.odoo.balances import balances
from fcb_pipelines.odoo.check_settings import DIGITS
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.flip_settings import FlipSettings, PlanFacts, flip_settings
from fcb_pipelines.odoo.order_now import OrderNow, orders_now, others_live
from fcb_pipelines.services import Service
from fcb_pipelines.store import judged, partners
from fcb_pipelines.store.database import Database

T = TypeVar("T")
_FIX = "fcb doctor --fix as an administrator, or in Odoo"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    odoo: Odoo
    service: Service
    plan: FlipPlan | None
    partners: Mapping[str, int]
    """Customer → partner, of those who are asked about."""
    ours: frozenset[int]
    """Our orders, of every service."""
    now: datetime


def ask_odoo(db: Database, odoo: Odoo, service: Service, plan: FlipPlan | None, now: datetime) -> OdooFacts:
    """Read what a gate needs of Odoo, of a plan or of all customers; never within a transaction, and without a failure."""
    reached = _told(odoo.version)
    if isinstance(reached, NotKnown):
        return _unread(reached, now)
    asking = _asking(db, odoo, service, plan, now)
    return OdooFacts(
        orders=_told(lambda: _orders(asking)),
        others_live=_told(lambda: _others(asking)),
        settings=_told(lambda: tuple(_settings(asking))),
        balances=_told(lambda: _balances(asking)),
        not_inert=_told(lambda: shadow_inert(odoo, db, service)),
        read_at=now,
    )


def _asking(db: Database, odoo: Odoo, service: Service, plan: FlipPlan | None, now: datetime) -> _Asking:
    with db.transaction() as conn:
        links = {user: link.odoo_id for user, link in partners.links(conn, service.code).items() if link.odoo_id is not None}
        ours = judged.our_orders(conn)
    if plan is not None:
        owners = {one.external_user_id for one in plan.subscriptions}
        asked_for = {links[owner] for owner in owners if owner in links}
        # Whoever is the same partner has the same balance there.
        links = {user: partner for user, partner in links.items() if partner in asked_for}
    return _Asking(odoo=odoo, service=service, plan=plan, partners=links, ours=ours, now=now)


def not_asked(now: datetime) -> OdooFacts:
    """What is known of Odoo where nobody asked it."""
    return _unread(NotKnown("a look into Odoo, which nobody took"), now)


def _unread(untold: NotKnown, now: datetime) -> OdooFacts:
    return OdooFacts(orders=untold, others_live=untold, settings=untold, balances=untold, not_inert=untold, read_at=now)


def _told(look: Callable[[], T]) -> T | NotKnown:
    try:
        return look()
    except FcbError as error:
        return NotKnown(f"an answer of Odoo, which said: {' '.join(str(error).split())}")


def _orders(asking: _Asking) -> dict[str, ShadowOrder | None]:
    """Each by the order that it was planned with; the plan that is made anew says whether that is still its order."""
    planned = () if asking.plan is None else asking.plan.subscriptions
    there = orders_now(asking.odoo, [one.order_id for one in planned if one.order_id is not None]) if planned else {}
    found = {one.external_subscription_id: there.get(one.order_id or 0) for one in planned}
    return {key: None if order is None else _order(order) for key, order in found.items()}


def _order(order: OrderNow) -> ShadowOrder:
    return ShadowOrder(
        odoo_id=order.odoo_id,
        name=order.name,
        state=order.state,
        partner_id=order.partner_id,
        net=order.net,
        tax=order.tax,
    )


def _others(asking: _Asking) -> Mapping[int, tuple[str, ...]]:
    return others_live(asking.odoo, set(asking.partners.values()), asking.ours) if asking.partners else {}


def _balances(asking: _Asking) -> dict[tuple[str, str], Money]:
    if not asking.partners:
        return {}
    found = balances(asking.odoo, set(asking.partners.values()), orders=asking.ours)
    return {
        (user, currency): amount
        for user, partner in asking.partners.items()
        for (of, currency), amount in found.items()
        if of == partner
    }


def _settings(asking: _Asking) -> Iterator[OdooSetting]:
    read = flip_settings(asking.odoo, detect(asking.odoo))
    for name, kept in (("quantity decimals", read.quantity_decimals), ("price decimals", read.price_decimals)):
        words = f"Odoo keeps {kept} and {DIGITS} are needed"
        yield _setting(name, kept is None or kept >= DIGITS, words, _FIX)
    declared = asking.service.conventions.tax_rounding
    words = f"Odoo rounds taxes by {read.tax_rounding} and we declare {declared}"
    yield _setting("tax rounding", read.tax_rounding is declared, words, _FIX)
    closed = read.closed(_first_day(asking))
    words = f"books are closed on days that Odoo would invoice ({', '.join(f'{name} {day}' for name, day in closed.items())})"
    yield _setting("lock dates", not closed, words, "open the books, or flip for a later month")
    for plan in read.plans or ():
        yield from _of_plan(asking.service.flip.host_closes_after_days, plan)
    yield _sending(read)
    yield from _of_user(read)


def _first_day(asking: _Asking) -> date:
    """The first day that Odoo would invoice."""
    planned = () if asking.plan is None else asking.plan.subscriptions
    days = [one.next_invoice_on for one in planned]
    return min(days, default=asking.now.astimezone(asking.service.zone).date())


def _of_plan(host_closes_after: int, plan: PlanFacts) -> Iterator[OdooSetting]:
    days = plan.closes_after_days
    yield _setting(
        f"auto-close of plan {plan.name!r}",
        days is None or days > host_closes_after,
        f"Odoo ends a subscription {days} days after an invoice was due, and the host only after {host_closes_after}",
        "set its automatic closing later (Subscriptions > Configuration > Recurring Plans)",
    )
    yield OdooSetting(
        name=f"sending of plan {plan.name!r}",
        is_fit=not plan.is_mailed,
        words="Odoo e-mails each of its invoices by itself",
        what_to_do="take the e-mail template off the plan, or attest that it is meant (auto_send)",
        statement=Statement.AUTO_SEND,
        may_be_meant=True,
    )


def _sending(read: FlipSettings) -> OdooSetting:
    untold = NotKnown("a user of Odoo that may see the setting sale.automatic_invoice")
    return OdooSetting(
        name="sending invoices by itself",
        is_fit=untold if read.sends_by_itself is None else not read.sends_by_itself,
        words="Odoo e-mails the invoice of an order that is paid online (sale.automatic_invoice)",
        what_to_do="switch it off (Sales > Configuration > Settings), or attest that it is meant (auto_send)",
        statement=Statement.AUTO_SEND,
        may_be_meant=True,
    )


def _of_user(read: FlipSettings) -> Iterator[OdooSetting]:
    yield _setting(
        "e-mail of our user", read.has_email, "it has none, and without one Odoo refuses to post", "give our user one in Odoo"
    )
    words = "it may not, so nobody can tell who has one"
    yield _setting(
        "seeing payment tokens", read.sees_tokens, words, "give our user the group of invoicing (docs/odoo/rights.md)"
    )
    for model, lacks in read.lacks.items():
        yield _setting(f"rights on {model}", False, lacks, "give our user that group (docs/odoo/rights.md)")


def _setting(name: str, is_fit: bool, words: str, what_to_do: str) -> OdooSetting:
    return OdooSetting(name=name, is_fit=is_fit, words=words, what_to_do=what_to_do)
