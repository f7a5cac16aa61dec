"""The checks of the import chain, on what Odoo has.

Owns: which checks guard the shadow copy. Does not own: the rules (acts/completeness, acts/inert, acts/read_back).
"""

from collections.abc import Sequence

import dagster as dg

from fcb_pipelines.acts import completeness, inert
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.shell import ODOO_POOL, key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import ERROR, WARN, odoo_read_back
from fcb_pipelines.domain.inert import NotInert
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.services import Service


def import_checks(service: Service) -> list[dg.AssetChecksDefinition]:
    """The checks of the import chain, read back from Odoo."""
    orders = key(service, "shadow_subscriptions")

    @dg.asset_check(asset=orders, blocking=True, pool=ODOO_POOL)
    def import_complete(connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Everything that the import wants is in Odoo; records of the source that are bad warn."""
        take_all = connections.settings.import_all_plans
        found = completeness.import_complete(connections.reading(service), take_all=take_all)
        missing = [{"entity": one.entity.value, "missing": external_id} for one in found for external_id in one.missing]
        failed = [
            {"entity": one.entity.value, "id": issue.external_id, "reason": issue.reason}
            for one in found
            for issue in one.failed
        ]
        counts = [{"entity": one.entity.value, "wanted": one.wanted, "in Odoo": one.present} for one in found]
        return dg.AssetCheckResult(
            passed=not missing and not failed,
            severity=ERROR if missing else WARN,
            description=f"{len(missing)} records missing in Odoo, {len(failed)} bad in the source",
            metadata={
                **what_to_do("import_complete", service, passed=not missing and not failed),
                "records": table(counts),
                "missing": table(missing),
                "bad": table(failed),
            },
        )

    @dg.asset_check(asset=orders, blocking=True, pool=ODOO_POOL)
    def shadow_inert(connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Nothing that we put in Odoo could charge anybody: orders are drafts, no token, nothing posted."""
        alive = inert.shadow_inert(connections.odoo(), connections.database(), service)
        return dg.AssetCheckResult(
            passed=not alive,
            severity=ERROR,
            description=_alive(alive),
            metadata={
                **what_to_do("shadow_inert", service, passed=not alive),
                "not inert": table({"record": one.record, "reason": one.reason} for one in alive),
            },
        )

    read_back_check = odoo_read_back(service, "shadow_subscriptions", (Part.PARTNERS, Part.PLANS, Part.SUBSCRIPTIONS))
    return [import_complete, shadow_inert, read_back_check]


def _alive(found: Sequence[NotInert]) -> str:
    if not found:
        return "everything is inert"
    return f"{len(found)} records could charge somebody, the first: {found[0].record}, {found[0].reason}"
