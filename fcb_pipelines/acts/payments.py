"""Payments: what Odoo tells of the invoices of live subscriptions, followed with a cursor and kept as facts, each once.

Owns: the act `follow`, and which invoices are followed: those that Odoo bills for real, so none from before a boundary. Does
not own: reading Odoo (odoo/payments), which facts there are (domain/payments), sending them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.live import Live
from fcb_pipelines.domain.payments import FailedPayment, InvoiceNow, OurInvoice, PaymentFact, facts
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import orders_now
from fcb_pipelines.odoo.payments import MoveNow, TransactionNow, happened, moves_now
from fcb_pipelines.odoo.settlements import settled_by
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store import payments as kept
from fcb_pipelines.store.database import Connection, Database

POSTED = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What was read and what of it is new."""

    cursor: datetime | None
    """From where to go on the next time; None while nobody is live."""
    new: tuple[PaymentFact, ...]
    read: int
    """Invoices and attempts to charge that were looked at."""


def follow(db: Database, odoo: Odoo, service: Service, cursor: datetime | None, now: datetime) -> Followed:
    """Read what happened since the cursor, some of it again, and keep each fact once.

    Without a cursor everything since the first flip is read: a lost one costs time and records nothing twice.
    """
    with db.transaction() as conn:
        live = flips.live_subscriptions(conn, service.code)
        orders = _orders(conn, service.code, live)
        ours = dict(_drafted(conn, service.code, live))
    if not live:
        return Followed(cursor=cursor, new=(), read=0)
    since = cursor or min((one.since for one in live.values() if one.since is not None), default=now)
    told = happened(odoo, service.code, since, orders=list(orders))
    ours |= _made_by_odoo(odoo, orders, live)
    moves = {one.odoo_id: one for one in told.moves}
    failed = [one for one in told.transactions if one.is_failed]
    wanted = {each for one in failed for each in one.moves if each in ours} - moves.keys()
    moves |= {one.odoo_id: one for one in moves_now(odoo, {str(each): each for each in wanted}).values()}
    followed = {each: one for each, one in moves.items() if each in ours and one.state == POSTED and not one.is_refund}
    by = settled_by(odoo, followed)
    invoices = [_invoice(one, by.get(each, ())) for each, one in followed.items()]
    found = facts(ours, invoices, (each for one in failed for each in _failed(one, followed)))
    with db.transaction() as conn:
        new = kept.add(conn, service.code, found, now)
    return Followed(cursor=told.cursor(since), new=new, read=len(told.moves) + len(told.transactions))


def _orders(conn: Connection, service: str, live: Mapping[str, Live]) -> dict[int, str]:
    """The orders of live subscriptions in Odoo."""
    there = stored.records(conn, service, Entity.SUBSCRIPTION)
    return {one.odoo_id: one.source_id for one in there if one.source_id in live}


def _drafted(conn: Connection, service: str, live: Mapping[str, Live]) -> Iterator[tuple[int, OurInvoice]]:
    """The invoices that we made, by Odoo's id; the key of each is its subscription and month."""
    for one in stored.records(conn, service, Entity.LIVE_INVOICE):
        subscription = one.source_id.rpartition("/")[0]
        if subscription in live:
            yield one.odoo_id, _ours(one.external_id, live[subscription])


def _made_by_odoo(odoo: Odoo, orders: Mapping[int, str], live: Mapping[str, Live]) -> dict[int, OurInvoice]:
    """The invoices that Odoo made of live orders."""
    return {
        move: _ours("", live[orders[each.odoo_id]])
        for each in orders_now(odoo, list(orders)).values()
        for move in each.invoices
    }


def _ours(xid: str, live: Live) -> OurInvoice:
    return OurInvoice(
        xid=xid, external_user_id=live.plan.external_user_id, external_subscription_id=live.external_subscription_id
    )


def _invoice(one: MoveNow, settled: tuple[int, ...]) -> InvoiceNow:
    return InvoiceNow(
        move_id=one.odoo_id,
        name=one.name,
        partner_id=one.partner_id or 0,
        total=one.total,
        residual=one.residual,
        payment_state=one.payment_state,
        # A payment that Odoo keeps without an entry in the books settles by nothing that could be named.
        settled_by=",".join(map(str, settled)) or one.payment_state,
    )


def _failed(one: TransactionNow, invoices: Mapping[int, MoveNow]) -> Iterator[FailedPayment]:
    for move in one.moves:
        if move in invoices:
            yield FailedPayment(
                transaction_id=one.odoo_id,
                move_id=move,
                amount=invoices[move].residual,
                failed_at=(one.changed_at or one.written_at).isoformat(),
                message=one.message,
            )
