"""Shell around the act that keeps what the service billed for a period."""

from collections import Counter

import dagster as dg

from fcb_pipelines.acts import invoices as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import DUAL_RUN, SOURCE, asset, key, table
from fcb_pipelines.domain.money import total
from fcb_pipelines.services import Service


def invoice_assets(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Asset `actual_invoices` of a service."""

    @asset(
        service,
        "actual_invoices",
        group=DUAL_RUN,
        kinds=["postgres", "python"],
        deps=[key(service, SOURCE, "invoices"), key(service, "usage_totals")],
        partitions_def=months,
    )
    def actual_invoices(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """The lines that the service billed for the month, classified, with a balancing line where header and items differ."""
        lines = acts.actual_period(connections.period(service, context.partition_key))
        counting = [line for line in lines if line.counts]
        kinds = Counter(line.kind.value for line in counting)
        nets = {
            f"net {code}": str(total((line.net for line in counting if line.net.currency == code), code).amount)
            for code in sorted({line.net.currency for line in counting})
        }
        return dg.MaterializeResult(
            metadata={
                "lines": len(counting),
                "lines that do not count": len(lines) - len(counting),
                **nets,
                "kinds": table([{"kind": kind, "lines": count} for kind, count in sorted(kinds.items())]),
            }
        )

    return [actual_invoices]
