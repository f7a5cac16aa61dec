"""Shell around the act that makes or links a partner in Odoo for every customer."""

import dagster as dg

from fcb_pipelines.acts import partners as acts
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import IMPORT, ODOO_POOL, SOURCE, asset, import_metadata, key
from fcb_pipelines.services import Service


def partner_assets(service: Service) -> list[dg.AssetsDefinition]:
    """Asset `partners` of a service."""

    @asset(service, "partners", group=IMPORT, kinds=["odoo"], deps=[key(service, SOURCE, "users")], pool=ODOO_POOL)
    def partners(connections: dg.ResourceParam[Connections]) -> dg.MaterializeResult[None]:
        """One partner in Odoo per customer; one that was there before is linked by its e-mail and left as it is."""
        done = acts.import_partners(connections.reading(service), dry_run=False, report=connections.report)
        return dg.MaterializeResult(metadata=import_metadata(done, connections.odoo_page("contacts")))

    return [partners]
