"""The checks of a period's invoices in Odoo.

Owns: which checks guard them. Does not own: the rules (acts/read_back, acts/draft_invoices,
acts/source_invoices).
"""

import warnings

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.draft_invoices import Completeness, draft_invoices_complete
from fcb_pipelines.acts.source_invoices import source_invoices_conserved
from fcb_pipelines.assets.odoo_invoices import DRAFT_INVOICES, SOURCE_INVOICES
from fcb_pipelines.assets.shell import key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import ERROR, equations_hold, odoo_read_back
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.services import Service


def invoice_checks(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """The checks of a period's invoices in Odoo, each with a status per partition."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)

        @dg.asset_check(asset=key(service, SOURCE_INVOICES), blocking=True, partitions_def=months)
        def source_invoices_carried(
            context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
        ) -> dg.AssetCheckResult:
            """Σ lines billed = Σ represented by our charges + Σ drafts + Σ held back, per currency, to the cent."""
            work = connections.period(service, context.partition_key)
            found = source_invoices_conserved(work)
            return equations_hold(found, "source_invoices_carried", service, context.partition_key)

        @dg.asset_check(
            asset=key(service, DRAFT_INVOICES), name="draft_invoices_complete", blocking=True, partitions_def=months
        )
        def complete(context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
            """Σ draft invoices in Odoo = Σ charges that are due, per currency, to the cent, and none could not be drafted."""
            found = draft_invoices_complete(connections.period(service, context.partition_key))
            return _is_complete(found, service, context.partition_key)

        return [
            odoo_read_back(service, DRAFT_INVOICES, (Part.DRAFT_INVOICES, Part.USAGE_LINES), months),
            odoo_read_back(service, SOURCE_INVOICES, (Part.SOURCE_INVOICES,), months),
            complete,
            source_invoices_carried,
        ]


def _is_complete(found: Completeness, service: Service, period: str) -> dg.AssetCheckResult:
    """The result, with each draft that could not be made and why."""
    name = "draft_invoices_complete"
    sums = equations_hold(found.equations, name, service, period)
    missing = f"; {len(found.missing)} drafts could not be made: {', '.join(found.missing)}" if found.missing else ""
    return dg.AssetCheckResult(
        passed=sums.passed and not found.missing,
        severity=ERROR,
        description=f"{sums.description}{missing}",
        metadata={
            **what_to_do(name, service, period, passed=sums.passed and not found.missing),
            **sums.metadata,
            "not drafted": table({"draft": one, "reason": why} for one, why in found.missing.items()),
        },
    )
