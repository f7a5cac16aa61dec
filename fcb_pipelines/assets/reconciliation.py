"""Shell around the act that reconciles a period."""

from collections import Counter

import dagster as dg

from fcb_pipelines.acts import reconciliation as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import DUAL_RUN, asset, key, table
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.rows import Row, Status, Verdict
from fcb_pipelines.report.figures import figures, summary
from fcb_pipelines.services import Service


def reconciliation_assets(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Asset `reconciliation` of a service."""

    @asset(
        service,
        "reconciliation",
        group=DUAL_RUN,
        kinds=["postgres", "python"],
        deps=[key(service, "expected_invoices"), key(service, "actual_invoices")],
        partitions_def=months,
    )
    def reconciliation(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """One row per subscription and month with its charge instances, both sides compared; a new revision each time."""
        done = acts.reconcile_period(connections.period(service, context.partition_key))
        statuses = Counter(row.status for row in done.judged)
        for one in done.plain:
            statuses.update({Status.MATCH: one.matches, Status.NOTHING_DUE: one.rows - one.matches})
        open_rows = [row for row in done.judged if row.verdict is Verdict.UNEXPLAINED]
        biggest = sorted(open_rows, key=lambda row: (-row.abs_difference.amount, row.row_id))
        return dg.MaterializeResult(
            metadata={
                "revision": done.revision,
                "rows": statuses.total(),
                **{f"rows {status}": statuses[status] for status in Status},
                **summary(figures(done.judged, service.currency), {one.currency: one.net for one in done.plain}),
                **{f"coverage of money {code}": share for code, share in done.coverage.money.items()},
                "coverage of subscriptions": done.coverage.subscriptions,
                "changed since the last revision": len(done.changes.rows),
                "why": ", ".join(done.changes.because) or "same snapshot, settings and rules",
                "largest unexplained": table(map(_summary, biggest)),
            }
        )

    return [reconciliation]


def _summary(row: Row) -> dict[str, str | None]:
    return {
        "row": row.row_id,
        "partner": row.external_user_id,
        "expected": None if row.expected is None else plain(row.expected.net.amount),
        "actual": None if row.actual is None else plain(row.actual.net.amount),
        "difference": plain(row.difference.amount),
        "currency": row.currency,
        "status": row.status.value,
    }
