"""The check that a reconciled period asks nothing of anybody any more.

Owns: how it is shown. Does not own: what stands against a period (domain/clean), its figures (report/figures).
"""

import warnings
from collections.abc import Sequence

import dagster as dg

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.report import newest, objections, was_closed
from fcb_pipelines.assets.shell import key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import WARN
from fcb_pipelines.domain.clean import Objection
from fcb_pipelines.report.figures import figures, summary
from fcb_pipelines.services import Service
from fcb_pipelines.store import reconciliation, report_rows


def clean_checks(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """The check, with a status per period."""
    with warnings.catch_warnings():
        # Dagster calls partitioned checks a preview; without them a later good month would hide a bad one.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return [_reconciliation_clean(service, months)]


def _reconciliation_clean(service: Service, months: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:

    @dg.asset_check(asset=key(service, "reconciliation"), partitions_def=months)
    def reconciliation_clean(
        context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.AssetCheckResult:
        """Every row is decided, no term of ours is left to mend, all under the rules of now. A finding, so it warns."""
        return _judged(connections.period(service, context.partition_key))

    return reconciliation_clean


def _judged(work: PeriodWork) -> dg.AssetCheckResult:
    service, period = work.service, work.period.key
    with work.db.transaction() as conn:
        revision = newest(conn, service, period)
        if revision is None:
            never = f"{period} was never reconciled: run fcb run --service {service.code} --period {period}"
            return dg.AssetCheckResult(passed=False, severity=WARN, description=never)
        counts = report_rows.counts(conn, [revision.revision_id])[revision.revision_id]
        apart = figures(reconciliation.rows_apart(conn, revision.revision_id), service.currency)
        agreed = reconciliation.agreed(conn, revision.revision_id)
    found = objections(revision, counts, work.settings_hash, is_closed=was_closed(service, revision))
    return dg.AssetCheckResult(
        passed=not found,
        severity=WARN,
        description="clean" if not found else "; ".join(one.words for one in found),
        metadata={
            **what_to_do("reconciliation_clean", service, period, passed=not found),
            "against it": _table(found),
            **summary(apart, agreed),
            "revision": revision.revision,
        },
    )


def _table(found: Sequence[Objection]) -> dg.TableMetadataValue:
    return table({"against": one.against.value, "count": one.count, "what to do": one.what_to_do} for one in found)
