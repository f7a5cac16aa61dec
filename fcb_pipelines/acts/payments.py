"""Payments: what Odoo tells of the invoices of live subscriptions, followed with a cursor and kept as facts, each once.

Owns: the act `follow`, and which invoices are followed: those that Odoo billed for real, so none from before a boundary, also
once their subscription was taken back. Does not own: reading Odoo (odoo/payments), which facts there are (domain/payments),
what is told of them (domain/payment_news).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from fcb_pipelines.acts.deployments import deployments
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.live import Live
from fcb_pipelines.domain.live_keys import live_key
from fcb_pipelines.domain.messages import News
from fcb_pipelines.domain.payment_news import Dunning, payment_news
from fcb_pipelines.domain.payments import (
    NO_MOVE,
    NOTHING_PAST,
    Fact,
    FailedPayment,
    InvoiceNow,
    OurInvoice,
    Past,
    PaymentFact,
    facts,
    gone,
)
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import ORDER, ORDER_PLAN
from fcb_pipelines.odoo.order_now import orders_now
from fcb_pipelines.odoo.payments import MoveNow, TransactionNow, happened, moves_now, open_and_due_before
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What Odoo tells."""

    invoices: Sequence[InvoiceNow]
    failed: Sequence[FailedPayment]
    gone: frozenset[int]
    """Invoices that were told not paid, and that it has no more."""
    read: int
    cursor: datetime


def follow(db: Database, odoo: Odoo, service: Service, cursor: datetime | None, now: datetime) -> Followed:
    """Read what happened since the cursor, some of it again, and keep each fact once, with the message that tells it.

    Without a cursor everything since the first flip is read: a lost one costs time and records nothing twice. What is open for
    too long is found whenever it was written last.
    """
    with db.transaction() as conn:
        live = flips.last_flips(conn, service.code)
        orders = _orders(conn, service.code, live)
        ours = dict(_drafted(conn, service.code, live))
        past = kept.past(conn, service.code)
    if not live:
        return Followed(cursor=cursor, new=(), read=0)
    since = cursor or min((entry.at for one in live.values() for entry in one.course.done.values()), default=now)
    ours |= _made_by_odoo(odoo, orders, live)
    today, dunning = now.astimezone(service.zone).date(), _dunning(odoo, service)
    seen = _seen(odoo, service, since, ours, orders=orders, past=past, overdue_before=dunning.overdue_before(today))
    with db.transaction() as conn:
        kept.lock(conn, service.code)
        past = kept.past(conn, service.code)
        ordered = {order: _ours("", live[one]) for order, one in orders.items()}
        overdue_before = dunning.overdue_before(today)
        found = [
            *facts(ours, seen.invoices, seen.failed, past, orders=ordered, overdue_before=overdue_before),
            *gone(kept.last(conn, service.code, seen.gone), past),
        ]
        failures = kept.order_failures(conn, service.code)
        new = kept.add(conn, service.code, found, now)
        put(conn, service.code, _news(conn, service, new, past, failures, dunning=dunning, today=today, now=now), now)
    return Followed(cursor=seen.cursor, new=new, read=seen.read)


def _seen(
    odoo: Odoo,
    service: Service,
    since: datetime,
    ours: Mapping[int, OurInvoice],
    *,
    orders: Mapping[int, str],
    past: Mapping[int, Past],
    overdue_before: date,
) -> _Seen:
    told = happened(odoo, service.code, since, orders=list(orders))
    moves = {one.odoo_id: one for one in told.moves}
    failed = [one for one in told.transactions if one.is_failed]
    # One that is deleted leaves nothing that was written: it is missed by its id alone.
    owed = {each for each, one in past.items() if each != NO_MOVE and one.is_told_owed}
    wanted = ({each for one in failed for each in one.moves if each in ours} | owed) - moves.keys()
    moves |= {one.odoo_id: one for one in moves_now(odoo, {str(each): each for each in wanted}).values()}
    waiting = {each for each in ours if not _is_ended(past.get(each, NOTHING_PAST))}
    moves = {one.odoo_id: one for one in open_and_due_before(odoo, waiting, overdue_before)} | moves
    followed = {each: one for each, one in moves.items() if each in ours and one.state == POSTED and not one.is_refund}
    ended = [one for each, one in moves.items() if each in ours and one.state != POSTED and not one.is_refund]
    by = settled_by(odoo, followed)
    return _Seen(
        invoices=[
            *(_invoice(one, by.get(each, ())) for each, one in followed.items()),
            *(_invoice(one, ()) for one in ended),
        ],
        failed=[each for one in failed for each in _failed(one, followed)],
        gone=frozenset(owed - moves.keys()),
        read=len(told.moves) + len(told.transactions),
        cursor=told.cursor(since),
    )


def _is_ended(past: Past) -> bool:
    """Whether an invoice that is open for too long would tell nothing new."""
    return past.is_settled or past.is_overdue


def _dunning(odoo: Odoo, service: Service) -> Dunning:
    """The rules of the service; an Odoo without subscriptions charges nobody by itself, so it tries nothing again."""
    rules = service.dunning
    retries = ORDER_PLAN in odoo.fields(ORDER)
    return Dunning(
        grace=timedelta(days=rules.grace_days),
        final_attempts=rules.final_attempts,
        retry=timedelta(hours=rules.retry_hours) if retries else None,
    )


def _news(
    conn: Connection,
    service: Service,
    new: Sequence[PaymentFact],
    past: Mapping[int, Past],
    failures: Mapping[int, int],
    *,
    dunning: Dunning,
    today: date,
    now: datetime,
) -> Iterator[News]:
    """A message for each new fact, in the order in which they were recorded."""
    where = deployments(conn, service.code, [one.external_subscription_id for one in new])
    attempts: Counter[tuple[int, int | None]] = Counter({(move, None): one.failures for move, one in past.items()})
    attempts.update({(0, order): count for order, count in failures.items()})
    for one in new:
        attempts[one.move_id, one.order_id] += one.fact is Fact.PAYMENT_FAILED
        deployment = where.get(one.external_subscription_id or "")
        attempt = attempts[one.move_id, one.order_id]
        yield payment_news(one, deployment_id=deployment, attempt=attempt, dunning=dunning, today=today, now=now)


def _orders(conn: Connection, service: str, live: Mapping[str, Live]) -> dict[int, str]:
    """The orders of live subscriptions in Odoo."""
    there = stored.records(conn, service, Entity.SUBSCRIPTION)
    return {one.odoo_id: one.source_id for one in there if one.source_id in live}


def _drafted(conn: Connection, service: str, live: Mapping[str, Live]) -> Iterator[tuple[int, OurInvoice]]:
    """The invoices that we made, by Odoo's id."""
    for one in stored.records(conn, service, Entity.LIVE_INVOICE):
        subscription = live_key(one.source_id).external_subscription_id
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
        issued_on=one.issued_on,
        due_on=one.due_on,
        is_cancelled=one.state != POSTED,
    )


def _failed(one: TransactionNow, invoices: Mapping[int, MoveNow]) -> Iterator[FailedPayment]:
    """Its failure for each invoice of ours, or for its order where it has no invoice at all."""
    first = FailedPayment(
        transaction_id=one.odoo_id,
        move_id=None,
        order_id=next(iter(one.orders), None),
        amount=one.amount,
        failed_at=(one.changed_at or one.written_at).isoformat(),
        message=one.message,
        partner_id=one.partner_id,
    )
    for move in one.moves:
        if move in invoices:
            yield replace(first, move_id=move, order_id=None, amount=invoices[move].residual)
    if not one.has_invoice:
        yield first
