"""Ends in Odoo: orders of live subscriptions that were cancelled or closed there, each told once.

Owns: the act `follow_ends`, and what counts as an end. Does not own: reading Odoo (odoo/order_now), what is told (domain/news).

An unflip cancels orders too, and ends nobody's subscription: it notes in the journal what it begins before it asks Odoo, so
whoever is live by the journal after Odoo was read was not being taken back while it was.
"""

from collections.abc import Mapping
from datetime import datetime

from fcb_pipelines.acts.deployments import deployments
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.news import EndedBy, termination_news
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import CANCELLED, CLOSED, OrderNow, orders_now
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips, order_ends
from fcb_pipelines.store.database import Connection, Database

REASONS = {
    EndedBy.ODOO_CANCELLED: "the order was cancelled in Odoo",
    EndedBy.ODOO_CLOSED: "the subscription was closed in Odoo",
}


def follow_ends(db: Database, odoo: Odoo, service: Service, now: datetime) -> tuple[str, ...]:
    """Record and tell which live subscriptions ended in Odoo since the last time; their ids."""
    with db.transaction() as conn:
        orders = _orders(conn, service)
    if not orders:
        return ()
    ended = {
        orders[each]: (each, by)
        for each, order in orders_now(odoo, list(orders)).items()
        if (by := _ended_by(order)) is not None
    }
    if not ended:
        return ()
    with db.transaction() as conn:
        live = flips.live_subscriptions(conn, service.code)
        new = [
            one
            for one in sorted(ended.keys() & live.keys())
            if order_ends.add(conn, service.code, one, order_id=ended[one][0], by=ended[one][1], seen_at=now)
        ]
        _tell(conn, service, {one: ended[one][1] for one in new}, now)
    return tuple(new)


def _orders(conn: Connection, service: Service) -> dict[int, str]:
    """The orders of live subscriptions in Odoo."""
    live = flips.live_subscriptions(conn, service.code)
    return {one.plan.order_id: each for each, one in live.items() if one.plan.order_id is not None}


def _ended_by(order: OrderNow) -> EndedBy | None:
    """A subscription that was renewed goes on as another order; it did not end."""
    if order.state == CANCELLED:
        return EndedBy.ODOO_CANCELLED
    return EndedBy.ODOO_CLOSED if order.subscription_state == CLOSED else None


def _tell(conn: Connection, service: Service, ended: Mapping[str, EndedBy], now: datetime) -> None:
    where = deployments(conn, service.code, ended)
    news = [
        termination_news(one, deployment_id=where.get(one), ended_at=now, ended_by=by, reason=REASONS[by], now=now)
        for one, by in ended.items()
    ]
    put(conn, service.code, news, now)
