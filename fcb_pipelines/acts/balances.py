"""Opening balances: what customers have with the source beside their invoices, against what is open in Odoo.

Owns: the act `opening_balances`. Does not own: the comparison (domain/balances), reading Odoo (odoo/balances).
"""

from collections.abc import Collection
from datetime import datetime

from fcb_pipelines.acts.source import SourceRecords, last_records
from fcb_pipelines.domain.balances import Balance, compared, source_balances
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.odoo.balances import balances
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.services import Service
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store import partners
from fcb_pipelines.store.database import Database


def opening_balances(
    db: Database, odoo: Odoo, service: Service, now: datetime, customers: Collection[str] | None = None
) -> tuple[Balance, ...]:
    """Both sides per customer and currency, of all customers of the last snapshot or of some.

    Raises `RuleViolation` where no snapshot was taken yet.
    """
    records = last_records(db, service)
    asked = {user: code for user, code in _currencies(records, service).items() if customers is None or user in customers}
    with db.transaction() as conn:
        links = {user: one.odoo_id for user, one in partners.links(conn, service.code).items() if one.odoo_id is not None}
        orders = [one.odoo_id for one in stored.records(conn, service.code, Entity.SUBSCRIPTION)]
    of_partner = {links[user]: user for user in asked if user in links}
    open_ = balances(odoo, list(of_partner), orders=orders) if of_partner else {}
    there = {(user, code): amount for (partner, code), amount in open_.items() for user in asked if links.get(user) == partner}
    return compared(source_balances(records.evidence, asked, now), there, without_partner=asked.keys() - links.keys())


def _currencies(records: SourceRecords, service: Service) -> dict[str, str]:
    """Each customer with the currency that they are billed in."""
    currency_of = {plan.external_plan_id: plan.currency for plan in records.plans}
    found = {user.external_user_id: service.currency for user in records.users}
    for one in records.subscriptions:
        if one.external_user_id in found:
            found[one.external_user_id] = currency_of.get(one.external_plan_id, service.currency)
    return found
