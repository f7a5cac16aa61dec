"""What checks share: severities, and the results that more than one of them has.

Owns: how grave a failure is. What guards an act is ERROR and blocking; what is a finding of the dual run is WARN. A check of a
period carries the partition, or a later good month would hide it. Does not own: the rules (acts, domain, expectations), which
check guards what (`source`, `imports`, `periods`, `odoo_invoices`).
"""

from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg

from fcb_pipelines.acts import read_back
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.conservation import Equation
from fcb_pipelines.assets.shell import key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.services import Service
from fcb_pipelines.store.read_back import differences

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def odoo_read_back(
    service: Service, asset: str, parts: Sequence[Part], months: dg.PartitionsDefinition[str] | None = None
) -> dg.AssetChecksDefinition:
    """The check that parts of our work are in Odoo as they must be; of a period where `months` are given."""

    @dg.asset_check(asset=key(service, asset), name="odoo_read_back", blocking=True, partitions_def=months)
    def check(context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Odoo stored what it was sent, and made of it what must follow: nothing may be posted before."""
        period = "" if months is None else context.partition_key
        with connections.database().transaction() as conn:
            why = [each for part in parts for each in read_back.objections(conn, service.code, part, period)]
            found = [each for part in parts for each in differences(conn, service.code, part, period)]
        return dg.AssetCheckResult(
            passed=not why,
            severity=ERROR,
            description=f"{len(why)} objections, the first: {why[0]}" if why else "Odoo has everything as it must be",
            metadata={
                **what_to_do("odoo_read_back", service, passed=not why),
                "differences": table(map(asdict, found)),
                "count": len(found),
            },
        )

    return check


def equations_hold(found: Sequence[Equation], name: str, service: Service, period: str) -> dg.AssetCheckResult:
    """The result of the check of sums of that name, each sum shown with both its sides."""
    broken = [one for one in found if not one.holds]
    rows = [
        {
            "equation": one.what,
            "currency": one.currency,
            "left": str(one.left),
            "right": str(one.right),
            "holds": "yes" if one.holds else "NO",
        }
        for one in found
    ]
    return dg.AssetCheckResult(
        passed=not broken,
        severity=ERROR,
        description=f"{len(found) - len(broken)} of {len(found)} sums agree" + _first_broken(broken),
        metadata={**what_to_do(name, service, period, passed=not broken), "equations": table(rows)},
    )


def _first_broken(broken: Sequence[Equation]) -> str:
    if not broken:
        return ""
    first = broken[0]
    return f"; the first that does not is {first.what}: {first.left} and {first.right} {first.currency}"
