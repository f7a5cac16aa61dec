"""Planning the way back: what an unflip would do to each subscription that a flip touched, read from Odoo and our store.

Owns: the act `unflip_plan`, and which invoices and drafts are of a flip. Does not own: doing it (unflip), the records
(domain/unflips). Writes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fcb_pipelines.acts.billed_feed import as_billed
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.flip import Course, Entry, Phase, Step, course, state
from fcb_pipelines.domain.flip_plans import SubscriptionPlan
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.live_keys import key_of
from fcb_pipelines.domain.live_months import boundary_of, starts_of_usage
from fcb_pipelines.domain.period import period_of
from fcb_pipelines.domain.unflips import Credit, HandBack, Undoing, Unflip, is_handed_back
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.credit_notes import MOVES
from fcb_pipelines.odoo.moves_now import MoveNow, moves_now
from fcb_pipelines.odoo.order_now import OrderNow, orders_now
from fcb_pipelines.odoo.records import Kind
from fcb_pipelines.odoo.resolution import resolve
from fcb_pipelines.services import Service
from fcb_pipelines.store import claims, hand_backs, journal
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store.claims import StoredClaim
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.flips import StoredFlip

PICTURE = "picture"
DRAFT, POSTED = "draft", "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What Odoo made for a subscription since it was flipped."""

    posted: tuple[MoveNow, ...]
    """Invoices that bill the customer."""
    drafts: Mapping[str, MoveNow]
    """Of ours, never posted, by external id."""


def unflip_plan(db: Database, odoo: Odoo, service: Service, flip: StoredFlip, now: datetime) -> Unflip:
    """What taking a flip back would do now; nobody of whom no step was begun is in it."""
    with db.transaction() as conn:
        entries = journal.of_flip(conn, flip.flip_id)
        held = claims.held(conn, service.code, flip.subscriptions)
        courses = {one: course(entries.get(one, ())) for one in flip.subscriptions}
        used = {
            one.external_subscription_id: _used(
                conn, service, flip.flip_id, one, None if is_handed_back(courses[one.external_subscription_id]) else now
            )
            for one in flip.plan.subscriptions
        }
    touched = [one for one in flip.plan.subscriptions if courses[one.external_subscription_id].touched]
    if not touched:
        return Unflip(flip_id=flip.flip_id, undone=())
    orders = orders_now(odoo, [one.order_id for one in touched if one.order_id is not None])
    live = live_invoices(db, odoo, service)
    return Unflip(
        flip_id=flip.flip_id,
        undone=tuple(
            _undoing(
                one,
                courses[one.external_subscription_id],
                orders.get(one.order_id or 0),
                billed=billed(odoo, service, one, picture_of(entries[one.external_subscription_id]), live),
                held=[each for each in held if each.external_subscription_id == one.external_subscription_id],
                used=used[one.external_subscription_id],
            )
            for one in touched
        ),
    )


def picture_of(entries: Iterable[Entry]) -> Mapping[str, Any] | None:
    """What was in Odoo before anything of a subscription was changed there; None where nothing was."""
    begun = (one for one in entries if (one.step, one.phase) == (Step.PLAN_SET, Phase.BEFORE))
    return next((one.data[PICTURE] for one in begun if PICTURE in one.data), None)


def live_invoices(db: Database, odoo: Odoo, service: Service) -> dict[str, int]:
    """Every invoice of a live subscription that we made in Odoo, by external id."""
    with db.transaction() as conn:
        known = {one.external_id: one.odoo_id for one in stored.records(conn, service.code, Entity.LIVE_INVOICE)}
    kind = Kind(entity=Entity.LIVE_INVOICE, model=MOVES, fields=())
    return resolve(odoo, kind, service.code, wanted=(), known=known)


def billed(
    odoo: Odoo, service: Service, one: SubscriptionPlan, before: Mapping[str, Any] | None, live: Mapping[str, int]
) -> Billed:
    """What Odoo billed of a subscription since the flip: what came of its order, and what we made of its live months."""
    if before is None or one.order_id is None:
        return Billed(posted=(), drafts={})
    name = one.external_subscription_id
    ours = {xid: odoo_id for xid, odoo_id in live.items() if key_of(xid).external_subscription_id == name}
    order = orders_now(odoo, [one.order_id]).get(one.order_id)
    there = {*(order.invoices if order else ()), *ours.values()} - {int(each) for each in before["moves"]}
    found = moves_now(odoo, there)
    return Billed(
        posted=tuple(each for each in found.values() if each.state == POSTED and each.is_invoice),
        drafts={
            xid: found[each] for xid, each in ours.items() if each in found and found[each].state == DRAFT and each in there
        },
    )


def used_of(conn: Connection, service: Service, one: SubscriptionPlan, now: datetime) -> tuple[HandBack, ...]:
    """What was used since the boundary of each charge, month by month, by the feed that each month is billed by.

    Also of charges that came after the flip: their boundary is the one that Odoo's invoices follow.
    """
    boundaries = {each.charge: each.boundary for each in one.charges}
    found = []
    for start in sorted(starts_of_usage(boundaries)):
        for begins, ends in _months(service, start, now):
            feed = as_billed(conn, service, period_of(begins, service.zone)).billed_feed
            sums = hand_backs.used(conn, service.code, feed, one.external_subscription_id, (begins, ends))
            found += [
                HandBack(
                    external_subscription_id=one.external_subscription_id,
                    charge=metric,
                    service_from=begins,
                    service_to=ends,
                    quantity=quantity,
                )
                for metric, quantity in sums.items()
                if metric != FLAT and boundary_of(boundaries, metric) == start
            ]
    return tuple(sorted(found, key=lambda each: (each.charge, each.service_from)))


def _months(service: Service, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The parts of a time that lie within one month each."""
    while start < end:
        until = min(period_of(start, service.zone).end, end)
        yield start, until
        start = until


def credit_of(move: MoveNow) -> Credit:
    """An invoice as it would be credited."""
    return Credit(move_id=move.odoo_id, name=move.name, net=move.net, gross=move.gross, paid=move.gross - move.open)


def left_of(conn: Connection, service: Service, flip_id: str, one: SubscriptionPlan, until: datetime) -> tuple[HandBack, ...]:
    """What was used up to a moment and was not handed back yet: of each charge from where that ended on, its times in UTC."""
    noted = _noted(conn, service, flip_id, one)
    found = []
    for each in used_of(conn, service, one, until):
        ends = [other.service_to for other in noted if other.charge == each.charge]
        start = max([each.service_from, *ends])
        if start == each.service_from:
            found.append(each)
        elif start < each.service_to:
            found += _from(conn, service, each, start)
    in_utc = ((each, each.service_from.astimezone(UTC), each.service_to.astimezone(UTC)) for each in found)
    return tuple(replace(each, service_from=start, service_to=end) for each, start, end in in_utc)


def _from(conn: Connection, service: Service, one: HandBack, start: datetime) -> list[HandBack]:
    """The part of a row from a moment in it on."""
    feed = as_billed(conn, service, period_of(start, service.zone)).billed_feed
    sums = hand_backs.used(conn, service.code, feed, one.external_subscription_id, (start, one.service_to))
    return [replace(one, service_from=start, quantity=sums[one.charge])] if one.charge in sums else []


def _noted(conn: Connection, service: Service, flip_id: str, one: SubscriptionPlan) -> tuple[HandBack, ...]:
    every = hand_backs.of_reference(conn, service.code, flip_id)
    return tuple(each for each in every if each.external_subscription_id == one.external_subscription_id)


def _used(
    conn: Connection, service: Service, flip_id: str, one: SubscriptionPlan, until: datetime | None
) -> tuple[HandBack, ...]:
    """What was handed back and, as long as the source was not seen to bill again, what would be up to a moment."""
    noted = _noted(conn, service, flip_id, one)
    return noted if until is None else (*noted, *left_of(conn, service, flip_id, one, until))


def _undoing(
    one: SubscriptionPlan,
    so_far: Course,
    order: OrderNow | None,
    *,
    billed: Billed,
    held: Iterable[StoredClaim],
    used: tuple[HandBack, ...],
) -> Undoing:
    return Undoing(
        external_subscription_id=one.external_subscription_id,
        customer=one.customer,
        state=state(so_far),
        order_id=one.order_id or 0,
        order_name=one.order_name,
        order_state="gone" if order is None else order.state,
        token_id=None if order is None else order.token_id,
        credits=tuple(credit_of(each) for each in billed.posted),
        drafts={each.odoo_id: each.name for each in billed.drafts.values()},
        claims=tuple(
            f"{each.charge} {each.service_from.isoformat()} to {each.service_to.isoformat()}"
            for each in held
            if each.biller == "odoo"
        ),
        resumes={each.charge: each.boundary for each in one.charges},
        used=used,
    )
