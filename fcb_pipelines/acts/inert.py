"""The proof that the shadow is inert: Odoo is read back, whatever our store believes.

Owns: the act `shadow_inert`. Does not own: the rule (domain/inert), the reading (odoo/inert).
"""

from fcb_pipelines.domain.external_ids import Entity, external_id
from fcb_pipelines.domain.inert import InertFacts, NotInert, not_inert
from fcb_pipelines.odoo import inert
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.partners import MODEL as PARTNER_MODEL
from fcb_pipelines.odoo.records import Kind
from fcb_pipelines.odoo.resolution import resolve
from fcb_pipelines.odoo.subscriptions import MODEL as ORDER_MODEL
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store.database import Database


def shadow_inert(odoo: Odoo, db: Database, service: Service) -> tuple[NotInert, ...]:
    """Everything of ours in Odoo that could charge somebody and that no flip took there; empty is the proof that nothing can.

    A partner that was in Odoo before us may have payment tokens of its own: only those that we made are looked at.
    """
    invoices = {
        xid: odoo_id
        for entity in (Entity.INVOICE, Entity.SOURCE_INVOICE)
        for xid, odoo_id in _ours(odoo, db, service, entity, inert.INVOICE_MODEL).items()
    }
    facts = InertFacts(
        orders=inert.orders_seen(odoo, _ours(odoo, db, service, Entity.SUBSCRIPTION, ORDER_MODEL)),
        tokens=inert.tokens(odoo, _ours(odoo, db, service, Entity.USER, PARTNER_MODEL)),
        posted=inert.posted(odoo, invoices),
    )
    return not_inert(facts, _flipped(db, service))


def _flipped(db: Database, service: Service) -> frozenset[str]:
    """What a flip is taking live or took there: orders, and the customers who may be charged for them."""
    with db.transaction() as conn:
        taken = flips.subscriptions_in_odoo(conn, service.code).values()
    orders = (external_id(service.code, Entity.SUBSCRIPTION, one.external_subscription_id) for one in taken)
    return frozenset({*orders, *(external_id(service.code, Entity.USER, one.plan.external_user_id) for one in taken)})


def _ours(odoo: Odoo, db: Database, service: Service, entity: Entity, model: str) -> dict[str, int]:
    with db.transaction() as conn:
        known = {one.external_id: one.odoo_id for one in stored.records(conn, service.code, entity)}
    return resolve(odoo, Kind(entity=entity, model=model, fields=()), service.code, wanted=(), known=known)
