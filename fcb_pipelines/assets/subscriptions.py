"""Shell around the act that makes a draft order in Odoo for every subscription."""

import dagster as dg

from fcb_pipelines.acts import subscriptions as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import IMPORT, ODOO_POOL, SOURCE, asset, import_metadata, key
from fcb_pipelines.services import Service


def subscription_assets(service: Service) -> list[dg.AssetsDefinition]:
    """Asset `shadow_subscriptions` of a service."""

    @asset(
        service,
        "shadow_subscriptions",
        group=IMPORT,
        kinds=["odoo"],
        deps=[key(service, SOURCE, "subscriptions"), key(service, "plans")],
        pool=ODOO_POOL,
    )
    def shadow_subscriptions(connections: dg.ResourceParam[Connections]) -> dg.MaterializeResult[None]:
        """One draft order in Odoo per subscription, with the flat price of its billing interval; inert until it is flipped."""
        done = acts.import_subscriptions(connections.reading(service), dry_run=False, report=connections.report)
        return dg.MaterializeResult(metadata=import_metadata(done, connections.odoo_page("sales")))

    return [shadow_subscriptions]
