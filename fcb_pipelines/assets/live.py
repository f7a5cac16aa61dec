"""Shells around what goes on after a flip: a month's invoices of live subscriptions, and the guards over both systems.

Owns: how what came of it is shown; that an open alarm fails its run, so that whoever is paged for failed runs is paged for it.
Does not own: the acts.
"""

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.flip import complete
from fcb_pipelines.acts.flip_board import board
from fcb_pipelines.acts.flip_evidence import going
from fcb_pipelines.acts.guards import guard
from fcb_pipelines.acts.live_invoices import Switches, live_invoices
from fcb_pipelines.assets.shell import LIVE, ODOO_POOL, asset, key, table
from fcb_pipelines.domain.drafted import COUNTS
from fcb_pipelines.services import Service

LIVE_INVOICES, LIVE_GUARD = "live_invoices", "live_guard"
WATCH = "the daily watch"
"""Who looks whether a flip is complete, in its journal."""


def live_assets(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Assets `live_invoices`, of a month, and `live_guard` of a service."""

    @asset(
        service,
        LIVE_INVOICES,
        group=LIVE,
        kinds=["odoo"],
        deps=[key(service, "expected_invoices")],
        partitions_def=months,
        pool=ODOO_POOL,
    )
    def month_of_live_invoices(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """What falls due in the month of live subscriptions: claimed, drafted, read back, and posted where nothing objects."""
        settings = connections.settings
        done = live_invoices(
            connections.period(service, context.partition_key),
            connections.odoo(),
            Switches(may_draft=settings.odoo_draft_invoices, may_post=settings.odoo_post_invoices),
            dry_run=False,
            report=connections.report,
            lanes=connections.lanes(),
        )
        form = done.drafted.as_json()
        return dg.MaterializeResult(
            metadata={
                **{name: dg.MetadataValue.int(form[name]) for name in COUNTS},
                "posted": len(done.posted),
                "in Odoo": dg.MetadataValue.url(connections.odoo_page("accounting")),
                "totals": table({"currency": code, **amounts} for code, amounts in form["totals"].items()),
                "objections": table(
                    {"objection": one.id, "what": one.words, "to do": one.what_to_do} for one in done.objections
                ),
                "failed": table({"draft": each, "why": why} for each, why in done.drafted.failed.items()),
                "not posted": table({"invoice": each, "why": why} for each, why in done.refused.items()),
                "differences": table(form["differences"]),
            }
        )

    @asset(service, LIVE_GUARD, group=LIVE, kinds=["odoo"], deps=[key(service, "flip")], pool=ODOO_POOL)
    def both_systems(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """What is billed twice and what nobody bills, over both systems; completes flips whose last source bill came."""
        completed = _completed(connections, service)
        found = guard(connections.database(), connections.odoo(), service, connections.now)
        for one in found.alarms.open:
            context.log.error("%s. To do: %s", one, one.what_to_do)
        return dg.MaterializeResult(
            metadata={
                "watched": found.watched,
                "alarms": table(
                    {
                        "alarm": one.alarm_id,
                        "kind": one.kind.value,
                        "about": one.subject,
                        "what": one.words,
                        "to do": one.what_to_do,
                    }
                    for one in found.alarms.open
                ),
                "no longer so": table({"alarm": str(one)} for one in found.alarms.cleared),
                "complete since": table({"flip": each} for each in completed),
                "source seen at": str(found.source_seen_at or "never"),
            }
        )

    return [month_of_live_invoices, both_systems]


def _completed(connections: Connections, service: Service) -> list[str]:
    """Complete every flip that waits for nothing any more; those that came to their end now."""
    with connections.database().transaction() as conn:
        under_way = [one.flip.flip_id for one in board(conn, service.code).flips if one.entries and one.flip.ended_at is None]
    given = going(connections, service, WATCH)
    for flip_id in under_way:
        complete(given, flip_id)
    with connections.database().transaction() as conn:
        return [
            one.flip.flip_id
            for one in board(conn, service.code).flips
            if one.flip.flip_id in under_way and one.flip.ended_at is not None
        ]
