"""Shell around the act that sums a period's usage."""

import dagster as dg

from fcb_pipelines.acts import usage as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import DUAL_RUN, SOURCE, asset, key, table
from fcb_pipelines.domain.money import plain
from fcb_pipelines.services import Service


def usage_assets(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Asset `usage_totals` of a service."""

    @asset(
        service,
        "usage_totals",
        group=DUAL_RUN,
        kinds=["postgres", "sql"],
        deps=[key(service, SOURCE, "usage")],
        partitions_def=months,
    )
    def usage_totals(
        context: dg.AssetExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """Units per subscription and metric in the month, summed in SQL from the stored usage events."""
        done = acts.usage_totals(connections.period(service, context.partition_key))
        lost = [{"subscription": one.external_subscription_id, "quantity": one.quantity} for one in done.of_unknown]
        return dg.MaterializeResult(
            metadata={
                "subscriptions": len({one.external_subscription_id for one in done.totals}),
                "events": sum(one.events for one in done.totals),
                "snapshot": done.snapshot_id,
                "billed feed": done.feed,
                "alive while nothing was pushed": done.silent,
                **{f"{metric} (sum)": plain(quantity) for metric, quantity in done.quantities.items()},
                "use of unknown subscriptions": table(lost),
            }
        )

    return [usage_totals]
