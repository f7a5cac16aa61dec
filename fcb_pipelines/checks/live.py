"""The checks of what goes on after a flip: that a month is billed whole and that no alarm is open.

Owns: how they are shown. Does not own: what objects to posting (domain/live_months), what a guard looks for (domain/guards).
"""

import warnings

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.live_posting import live_invoices_complete
from fcb_pipelines.assets.live import LIVE_GUARD, LIVE_INVOICES
from fcb_pipelines.assets.shell import key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import ERROR, equations_hold
from fcb_pipelines.services import Service
from fcb_pipelines.store import alarms

COMPLETE, QUIET = "live_invoices_complete", "no_alarm_open"


def live_checks(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """The checks; that of a month has a status per month."""
    with warnings.catch_warnings():
        # Dagster calls partitioned checks a preview; without them a later good month would hide a bad one.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [_complete(service, months), _quiet(service)]


def _complete(service: Service, months: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=key(service, LIVE_INVOICES), name=COMPLETE, blocking=True, partitions_def=months)
    def check(context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """What falls due of live subscriptions in the month is on invoices in Odoo, to the cent."""
        work = connections.period(service, context.partition_key)
        return equations_hold(live_invoices_complete(work), COMPLETE, service, work.period.key)

    return check


def _quiet(service: Service) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=key(service, LIVE_GUARD), name=QUIET, blocking=True)
    def check(connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Nothing is billed twice, and nothing by nobody, as far as the guards saw: an open alarm fails the run."""
        with connections.database().transaction() as conn:
            found = alarms.open_alarms(conn, service.code)
        return dg.AssetCheckResult(
            passed=not found,
            severity=ERROR,
            description=f"{len(found)} alarms are open, the first: {found[0]}" if found else "no alarm is open",
            metadata={
                **what_to_do(QUIET, service, passed=not found),
                "alarms": table({"alarm": str(one), "since": one.raised_at, "what to do": one.what_to_do} for one in found),
            },
        )

    return check
