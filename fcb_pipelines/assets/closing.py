"""Shell around the act that closes a period."""

import dagster as dg
from pydantic import Field

from fcb_pipelines.acts import closing as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import CLOSING, asset, key
from fcb_pipelines.services import Service


class ClosedBy(dg.Config):
    """Who closes."""

    closed_by: str = Field(min_length=1, description="Your name: it is kept with the closing and in the audit log.")


def closing_assets(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """Asset `closing` of a service: made by hand, for one month at a time."""

    @asset(
        service,
        "closing",
        group=CLOSING,
        kinds=["postgres"],
        deps=[key(service, "reconciliation")],
        partitions_def=months,
    )
    def closing(
        context: dg.AssetExecutionContext, config: ClosedBy, connections: dg.ResourceParam[Connections]
    ) -> dg.MaterializeResult[None]:
        """The month's bill is made of the usage it has now, for good; what is told later is adjusted on a later bill."""
        done = acts.close_period(connections.period(service, context.partition_key), closed_by=config.closed_by)
        return dg.MaterializeResult(
            metadata={"closed by": done.closed_by, "snapshot": done.snapshot_id, "usage": done.usage_hash}
        )

    return [closing]
