"""What guards compare: both systems as they are, of the subscriptions that are watched after their flip.

Owns: who is watched, gathering. Does not own: the rules (domain/guards), what is raised (`guards`), Odoo (`guard_odoo`), which
is read after, outside any transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fcb_pipelines.acts.billed_too import source_billed
from fcb_pipelines.acts.guard_odoo import InOdoo
from fcb_pipelines.acts.source import last_snapshot
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.guards import DueInstance, GuardFacts, SourceBilled, instance_of
from fcb_pipelines.domain.live import Live
from fcb_pipelines.domain.period import add_months, day_of, midnight, period_of
from fcb_pipelines.services import Service
from fcb_pipelines.store import alarms, claims, flips, rating, snapshots
from fcb_pipelines.store import imports as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.imports import OdooRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What our store says of the subscriptions that are watched."""

    live: Mapping[str, Live]
    """Those that are live, and those on the way there or back."""
    as_of: datetime
    """The time of the last snapshot."""
    due: tuple[DueInstance, ...]
    source: tuple[SourceBilled, ...]
    claims: tuple[Claim, ...]
    carried: Mapping[str, str]
    invoices: Mapping[Entity, tuple[OdooRecord, ...]]
    """Where invoices of ours were last seen in Odoo."""
    orders: Mapping[int, str]
    """Order in Odoo → subscription."""


def watched(conn: Connection, service: Service, now: datetime) -> Watched | None:
    """Who is watched, and what our store says of them; None where nobody is.

    Watched is who is live since no longer than the months of `flip.watch_months`, who is on the way there or back, because
    their order may be confirmed and Odoo then invoices it, and who has an open alarm.
    """
    today = day_of(now, service.zone)
    since = midnight(add_months(today, -service.flip.watch_months), service.zone)
    alarmed = {one.subject.partition("/")[0] for one in alarms.open_alarms(conn, service.code)}
    every = flips.subscriptions_in_odoo(conn, service.code)
    live = {name: one for name, one in every.items() if name in alarmed or not one.is_live or one.is_since(since)}
    if not live:
        return None
    snapshot_id = last_snapshot(conn, service)
    header = snapshots.snapshot(conn, service.code, snapshot_id)
    first = min(boundary for one in live.values() for boundary in one.boundaries.values())
    told = rating.expected_from(conn, service.code, period_of(first, service.zone).previous().key, list(live))
    return Watched(
        live=live,
        as_of=now if header is None else header.taken_at,
        due=tuple(_due(line, service) for _, line in told if _is_first(line)),
        source=tuple(source_billed(conn, service, snapshot_id, live)),
        claims=tuple(one.claim for one in claims.held(conn, service.code, list(live))),
        carried={
            one.line_key: f"claim {one.reference}" for one in claims.carried(conn, service.code) if one.biller is Biller.ODOO
        },
        invoices={
            each: stored.records(conn, service.code, each)
            for each in (Entity.LIVE_INVOICE, Entity.INVOICE, Entity.SOURCE_INVOICE)
        },
        orders={
            one.odoo_id: one.source_id
            for one in stored.records(conn, service.code, Entity.SUBSCRIPTION)
            if one.source_id in live
        },
    )


def facts(service: Service, told: Watched, there: InOdoo, now: datetime) -> GuardFacts:
    """What is compared: our store's side of it, and what Odoo's invoices were read back as."""
    return GuardFacts(
        as_of=told.as_of,
        now=now,
        # Of whom goes back nothing is Odoo's to bill any more, but what it billed may be billed twice all the same.
        boundaries={name: one.boundaries for name, one in told.live.items() if not one.course.is_going_back},
        due=told.due,
        source=told.source,
        odoo=there.billed,
        claims=told.claims,
        carried={**told.carried, **there.carried},
        lag=timedelta(days=service.arrears_lag_days),
    )


def _due(line: ExpectedLine, service: Service) -> DueInstance:
    return DueInstance(
        external_subscription_id=line.external_subscription_id,
        charge=line.charge,
        service_from=line.service_from,
        service_to=line.service_to,
        decides_at=line.due_at + timedelta(days=service.arrears_lag_days),
        net=line.net,
        is_due=line.is_due,
    )


def _is_first(line: ExpectedLine) -> bool:
    """Whether a line bills its instance: not late usage of one, nor what could not be priced."""
    return instance_of(line.line_key.removeprefix(f"{line.external_subscription_id}/")) is not None
