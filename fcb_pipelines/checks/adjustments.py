"""The check that usage which came too late for its own bill is adjusted, all of it and once.

Owns: how the proof looks. Does not own: the proof (acts/adjustments).
"""

import warnings
from dataclasses import asdict

import dagster as dg

from fcb_pipelines.acts.adjustments import Adjusted, adjusted
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.assets.rating import shown_adjustment
from fcb_pipelines.assets.shell import key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import ERROR, WARN
from fcb_pipelines.services import Service


def adjustment_checks(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """The check of a period's adjustments, with a status per partition."""
    with warnings.catch_warnings():
        # As the checks of periods.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [_late_usage_adjusted(service, months)]


def _late_usage_adjusted(service: Service, months: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:

    @dg.asset_check(asset=key(service, "rated_lines"), blocking=True, partitions_def=months)
    def late_usage_adjusted(
        context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.AssetCheckResult:
        """Late usage = what its events say between the bill before and this one, and each change of it is rated."""
        found = adjusted(connections.period(service, context.partition_key))
        passed = found.is_proved and not found.unpriced
        return dg.AssetCheckResult(
            passed=passed,
            severity=WARN if found.is_proved or found.is_behind else ERROR,
            description=_verdict(found),
            metadata={
                **what_to_do("late_usage_adjusted", service, context.partition_key, passed=passed),
                "adjustments": table(map(shown_adjustment, found.adjustments)),
                "counted again": table(map(asdict, set(found.recounted) ^ set(found.late))),
                "without a price": table(map(asdict, found.unpriced)),
            },
        )

    return late_usage_adjusted


def _verdict(found: Adjusted) -> str:
    if found.is_behind:
        return "more came since it was metered, right by its events: run the period again"
    if not found.is_proved:
        return "late usage is not what its events say: run the period again"
    if found.unpriced:
        return f"{len(found.unpriced)} changes of usage have no price: the lines of their subscriptions say why"
    return f"all adjusted that changed of months billed before: {len(found.late)}" if found.late else "nothing came late"
