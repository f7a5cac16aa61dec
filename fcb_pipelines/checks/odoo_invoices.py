"""The checks of a period's invoices in Odoo.

Owns: which checks guard them. Does not own: the rules (acts/read_back, acts/source_invoices).
"""

import warnings

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.source_invoices import source_invoices_conserved
from fcb_pipelines.assets.odoo_invoices import DRAFT_INVOICES, SOURCE_INVOICES
from fcb_pipelines.assets.shell import key
from fcb_pipelines.checks.shell import equations_hold, odoo_read_back
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
            """Σ drafts of source invoices = Σ lines that no charge of ours stands for, per currency, to the cent."""
            return equations_hold(source_invoices_conserved(connections.period(service, context.partition_key)))

        return [
            odoo_read_back(service, DRAFT_INVOICES, (Part.DRAFT_INVOICES, Part.USAGE_LINES), months),
            odoo_read_back(service, SOURCE_INVOICES, (Part.SOURCE_INVOICES,), months),
            source_invoices_carried,
        ]
