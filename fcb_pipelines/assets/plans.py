"""Shell around the act that makes the products of every plan in Odoo."""

import dagster as dg

from fcb_pipelines.acts import plans as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import IMPORT, ODOO_POOL, SOURCE, asset, import_metadata, key
from fcb_pipelines.services import Service


def plan_assets(service: Service) -> list[dg.AssetsDefinition]:
    """Asset `plans` of a service."""

    @asset(
        service,
        "plans",
        group=IMPORT,
        kinds=["odoo"],
        deps=[key(service, SOURCE, "plans"), key(service, "partners")],
        pool=ODOO_POOL,
    )
    def plans(connections: dg.ResourceParam[Connections]) -> dg.MaterializeResult[None]:
        """Two products in Odoo per plan, one for the flat price and one for usage above the quota."""
        take_all = connections.settings.import_all_plans
        reading = connections.reading(service)
        done = acts.import_plans(reading, take_all=take_all, dry_run=False, report=connections.report)
        return dg.MaterializeResult(metadata=import_metadata(done, connections.odoo_page("products")))

    return [plans]
