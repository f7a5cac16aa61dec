"""The check that the source still says of closed months what their bills were made of.

Owns: how that is told. Does not own: the comparison (acts/contradictions).
"""

import warnings
from collections.abc import Sequence
from dataclasses import asdict

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.contradictions import Contradiction, contradictions
from fcb_pipelines.assets.shell import key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import WARN
from fcb_pipelines.domain.money import plain
from fcb_pipelines.services import Service


def contradiction_checks(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """The check of what a period's snapshot says of the months before, with a status per partition."""
    with warnings.catch_warnings():
        # As the checks of periods.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [_closed_usage_confirmed(service, months)]


def _closed_usage_confirmed(service: Service, months: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:

    @dg.asset_check(asset=key(service, "rated_lines"), partitions_def=months)
    def closed_usage_confirmed(
        context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.AssetCheckResult:
        """The source says of closed months what it said when the last of them was closed; further events are adjusted."""
        found = contradictions(connections.period(service, context.partition_key))
        return dg.AssetCheckResult(
            passed=not found,
            severity=WARN,
            description=_verdict(found),
            metadata={
                **what_to_do("closed_usage_confirmed", service, context.partition_key, passed=not found),
                "months": table(map(_shown, found)),
                "to look at": table({"month": one.period, **asdict(odd)} for one in found for odd in one.odd),
            },
        )

    return closed_usage_confirmed


def _verdict(found: Sequence[Contradiction]) -> str:
    if not found:
        return "closed months read as they did when the last bill was closed"
    return f"the source changed what it told of {', '.join(one.period for one in found)}: closed, so their bills stand"


def _shown(one: Contradiction) -> dict[str, str | int]:
    beyond = {f"{metric} beyond what stands": plain(quantity) for metric, quantity in sorted(one.beyond.items())}
    counts = {"contradicting events": one.contradicting, "events gone": one.gone, "unusable rows": one.unusable}
    return {"month": one.period, **counts, **beyond}
