"""Planning a flip: a cohort closed, a boundary for each charge, and Odoo's first bills beside the source's last ones.

Owns: the acts `planned` and `keep`, and what is asked of Odoo for them (`odoo_seen`). Does not own: the plan of one
subscription (flip_planner), what stands against a plan (acts/gate), carrying it out (acts/flip).
"""

from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.acts.cohorts import cohort
from fcb_pipelines.acts.flip_planner import OdooSeen, Planner
from fcb_pipelines.acts.source import last_snapshot, load
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import TOKEN, orders_now, tokens_of
from fcb_pipelines.odoo.resolution import external_ids
from fcb_pipelines.odoo.subscriptions import MODEL
from fcb_pipelines.services import Service
from fcb_pipelines.store import flips, imports, partners
from fcb_pipelines.store.audit import append_audit
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.flips import StoredFlip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asked to take live."""

    asked_for: tuple[str, ...]
    """Customers and subscriptions."""
    not_before: str
    """The first month that Odoo is to bill, such as `2026-07`."""
    final_usage: Biller = Biller.SOURCE


def odoo_seen(db: Database, odoo: Odoo, service: Service, wanted: Wanted, now: datetime) -> OdooSeen:
    """What Odoo has of a cohort's orders and partners; it is asked outside any transaction. Raises as `acts.cohorts.cohort`."""
    with db.transaction() as conn:
        records = load(conn, last_snapshot(conn, service), service)
        members = {*cohort(conn, service, records, wanted.asked_for, _begins(service, wanted, now)).subscriptions}
        known = imports.records(conn, service.code, Entity.SUBSCRIPTION)
        links = partners.links(conn, service.code)
    mine = [one for one in known if one.source_id in members]
    named = external_ids(odoo, MODEL, [one.odoo_id for one in mine])
    ours = {one.odoo_id: one.source_id for one in mine if named.get(one.odoo_id) == one.external_id}
    orders = orders_now(odoo, ours)
    owners = {link.odoo_id for link in links.values() if link.odoo_id is not None}
    asked = owners & {order.partner_id for order in orders.values()}
    return OdooSeen(
        orders={ours[odoo_id]: order for odoo_id, order in orders.items()},
        tokens=tokens_of(odoo, asked),
        can_charge=TOKEN in odoo.fields(MODEL),
    )


def planned(
    conn: Connection,
    service: Service,
    wanted: Wanted,
    seen: OdooSeen,
    *,
    taxes: TaxTable,
    settings_hash: str,
    now: datetime,
) -> FlipPlan:
    """What going live would do to everybody who goes together, by the last snapshot and what Odoo said.

    What cannot be planned of a subscription is in its notes, and no amount stands in its place. Raises `InvalidInput` for a
    name that nobody has or a month out of scope, `RuleViolation` where there is no snapshot to build on.
    """
    not_before = service.period(wanted.not_before)
    records = load(conn, last_snapshot(conn, service), service)
    found = cohort(conn, service, records, wanted.asked_for, _begins(service, wanted, now))
    planner = Planner.of(conn, service, records, found.subscriptions, seen, taxes=taxes, now=now)
    return FlipPlan(
        service=service.code,
        not_before=not_before.key,
        final_usage=wanted.final_usage,
        asked_for=wanted.asked_for,
        drawn_in=found.drawn_in,
        left_out=found.left_out,
        subscriptions=tuple(planner.plan(each, not_before, wanted.final_usage) for each in found.subscriptions),
        snapshot_id=records.snapshot_id,
        settings_hash=settings_hash,
        rule_version=RULE_VERSION,
        made_at=now,
    )


def keep(conn: Connection, plan: FlipPlan, person: str, now: datetime) -> str:
    """Keep a plan, in the audit log too; its id. The same plan again, unless it came to its end, is the one that is there."""
    digest = plan.content_hash
    times = sum(one.plan_hash == digest and one.ended_at is not None for one in flips.flips(conn, plan.service))
    flip_id = plan.flip_id(times)
    kept = StoredFlip(flip_id=flip_id, service=plan.service, plan=plan, plan_hash=digest, planned_at=now, planned_by=person)
    if flips.add(conn, kept):
        data = {"plan_hash": digest, "not_before": plan.not_before, "count": len(plan.subscriptions)}
        amounts = {"totals": {code: str(amount) for code, amount in plan.totals.items()}}
        entry = AuditEntry(
            at=now, actor=person, act=Act.FLIP_PLANNED, service=plan.service, subject=flip_id, data={**data, **amounts}
        )
        append_audit(conn, entry)
    return flip_id


def _begins(service: Service, wanted: Wanted, now: datetime) -> datetime:
    """From when on Odoo can bill: not before the month that was asked for, and not in the past."""
    return max(now, service.period(wanted.not_before).start).astimezone(service.zone)
