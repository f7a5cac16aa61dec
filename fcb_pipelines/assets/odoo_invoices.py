"""Shells around the acts that keep a period's invoices in Odoo as drafts."""

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.draft_invoices import draft_invoices
from fcb_pipelines.acts.source_invoices import source_invoices
from fcb_pipelines.assets.shell import ODOO_INVOICES, ODOO_POOL, asset, key, table
from fcb_pipelines.domain.drafted import COUNTS, Drafted
from fcb_pipelines.services import Service

DRAFT_INVOICES, SOURCE_INVOICES = "odoo_draft_invoices", "odoo_source_invoices"


def odoo_invoice_assets(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Assets `odoo_draft_invoices` and `odoo_source_invoices` of a service; each refuses until its variable switches it on."""

    @asset(
        service,
        DRAFT_INVOICES,
        group=ODOO_INVOICES,
        kinds=["odoo"],
        deps=[key(service, "expected_invoices"), key(service, "partners"), key(service, "plans")],
        partitions_def=months,
        pool=ODOO_POOL,
    )
    def odoo_draft_invoices(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """What we would bill for the month, as one draft invoice per subscription; where Odoo invoices, as lines of usage."""
        done = draft_invoices(
            connections.period(service, context.partition_key),
            connections.odoo(),
            is_on=connections.settings.odoo_draft_invoices,
            dry_run=False,
            report=connections.report,
            lanes=connections.lanes(),
        )
        return dg.MaterializeResult(metadata=_metadata(done, connections))

    @asset(
        service,
        SOURCE_INVOICES,
        group=ODOO_INVOICES,
        kinds=["odoo"],
        deps=[key(service, "actual_invoices"), key(service, "expected_invoices"), key(service, "partners")],
        partitions_def=months,
        pool=ODOO_POOL,
    )
    def odoo_source_invoices(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """What the source billed in the month beyond our model, as drafts: one-off, add-on and header-only lines, credits."""
        done = source_invoices(
            connections.period(service, context.partition_key),
            connections.odoo(),
            is_on=connections.settings.odoo_source_invoices,
            dry_run=False,
            report=connections.report,
            lanes=connections.lanes(),
        )
        return dg.MaterializeResult(metadata=_metadata(done, connections))

    return [odoo_draft_invoices, odoo_source_invoices]


def _metadata(done: Drafted, connections: Connections) -> dict[str, dg.MetadataValue]:
    form = done.as_json()
    return {
        **{name: dg.MetadataValue.int(form[name]) for name in COUNTS},
        "in Odoo": dg.MetadataValue.url(connections.odoo_page("accounting")),
        "totals": table({"currency": code, **amounts} for code, amounts in form["totals"].items()),
        "issues": table(form["issues"]),
        "changes": table({"record": one["record"], "action": one["action"]} for one in form["diff"]),
        "removed": table({"record": each} for each in form["removed_drafts"]),
        "differences": table(form["differences"]),
    }
