"""The checks of a period: that no unit and no cent is lost, and how much is decided.

Owns: which checks guard a month's dual run. Does not own: the sums (acts/usage_conservation, acts/conservation), coverage
(domain/coverage).
"""

import warnings
from collections.abc import Iterable
from dataclasses import asdict

import dagster as dg

from fcb_pipelines.acts import conservation, feeds
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.usage_conservation import UsageConservation, conservation_now
from fcb_pipelines.assets.shell import key, table
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import ERROR, WARN, equations_hold
from fcb_pipelines.domain.coverage import Coverage
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.services import Service
from fcb_pipelines.store.reconciliation import latest_revisions
from fcb_pipelines.store.usage import Amounts


def period_checks(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:
    """The checks of a period, each with a status per partition."""
    with warnings.catch_warnings():
        # Dagster calls partitioned checks a preview; without them a later good month would hide a bad one.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return _period_checks(service, months)


def _period_checks(service: Service, months: dg.PartitionsDefinition[str]) -> list[dg.AssetChecksDefinition]:

    @dg.asset_check(asset=key(service, "usage_totals"), blocking=True, partitions_def=months)
    def usage_conserved(
        context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.AssetCheckResult:
        """Pulled − refused + standing + gone = events, and the events of each feed, counted again, = what is kept of it."""
        found = conservation_now(connections.period(service, context.partition_key))
        passed = found.is_conserved and found.is_uncontested and not found.since and not found.silent
        return dg.AssetCheckResult(
            passed=passed,
            severity=WARN if found.is_conserved else ERROR,
            description=_usage_verdict(found),
            metadata={
                **what_to_do("usage_conserved", service, context.partition_key, passed=passed),
                "sums": table(_usage_places(found)),
                "billed feed": found.billed_feed,
                "conflicts": found.pulled.conflicts if found.pulled else 0,
                "rejected": found.pulled.rejected if found.pulled else 0,
                "gone from the source": found.pulled.absent if found.pulled else 0,
                "to look at": table(map(asdict, found.odd)),
                "kept otherwise than counted": table(map(asdict, found.wrong)),
                "used more since": table(map(asdict, found.since)),
            },
        )

    @dg.asset_check(asset=key(service, "usage_totals"), blocking=True, partitions_def=months)
    def feeds_agree(context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Pulled and pushed usage tell the same of every subscription. Warns while pulled usage is billed; then it blocks."""
        period = service.period(context.partition_key)
        found = feeds.compare_bill(connections.database(), service, period)
        own = {name: table(told) if isinstance(told, list) else told for name, told in feeds.published(found.own).items()}
        late = ({"month": month, "found": each.sentence} for month, each in found.late.items())
        remedy = what_to_do("feeds_agree", service, period.key, passed=found.agrees, of=found.differs_in or period.key)
        return dg.AssetCheckResult(
            passed=found.agrees,
            severity=ERROR if found.must_agree else WARN,
            description=found.sentence,
            metadata={**remedy, **own, "late usage of months before": table(late)},
        )

    @dg.asset_check(asset=key(service, "reconciliation"), blocking=True, partitions_def=months)
    def money_conserved(
        context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.AssetCheckResult:
        """Register = Σ actual lines = Σ rows, and Σ expected lines = Σ rows, per currency, to the last decimal."""
        found = conservation.money_conserved(connections.period(service, context.partition_key))
        return equations_hold(found, "money_conserved", service, context.partition_key)

    @dg.asset_check(asset=key(service, "reconciliation"), partitions_def=months)
    def coverage(context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Everything billed and everything due is decided. A finding in the dual run, so it warns."""
        with connections.database().transaction() as conn:
            latest = latest_revisions(conn, service.code, context.partition_key)
        if not latest:
            never = f"{context.partition_key} was never reconciled: run fcb run --service {service.code} --period"
            return dg.AssetCheckResult(passed=False, severity=WARN, description=f"{never} {context.partition_key}")
        revision = latest[0]
        found = Coverage(**revision.coverage)
        shares = [
            *({"share": "of money", "currency": code, "decided": share} for code, share in found.money.items()),
            *({"share": "of money, proved", "currency": code, "decided": share} for code, share in found.proved_money.items()),
            {"share": "of due subscriptions", "currency": "", "decided": found.subscriptions},
        ]
        return dg.AssetCheckResult(
            passed=found.is_complete,
            severity=WARN,
            description="complete" if found.is_complete else "part of what was billed or due is undecided",
            metadata={
                **what_to_do("coverage", service, context.partition_key, passed=found.is_complete),
                "coverage": table(shares),
                "revision": revision.revision,
            },
        )

    @dg.asset_check(asset=key(service, "reconciliation"), partitions_def=months)
    def register_reconciled(connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Every month of the last snapshot's register is in the newest rows. What is out of scope or out of date warns."""
        gaps = conservation.register_gaps(connections, service)
        rows = [
            {
                "service month": gap.month,
                "currency": gap.currency,
                "register": str(gap.register),
                "rows": str(gap.rows),
                "why": gap.why,
            }
            for gap in gaps
        ]
        return dg.AssetCheckResult(
            passed=not gaps,
            severity=WARN,
            description="every month agrees" if not gaps else f"{len(gaps)} months differ between register and rows",
            metadata={**what_to_do("register_reconciled", service, passed=not gaps), "months": table(rows)},
        )

    return [usage_conserved, feeds_agree, money_conserved, coverage, register_reconciled]


def _usage_verdict(found: UsageConservation) -> str:
    if not found.is_conserved:
        return "units were lost or doubled"
    said = []
    if found.dropped_at is not None:
        said.append(
            f"its events are no longer kept, since {found.dropped_at.date().isoformat()}: only what was kept of them as they "
            "arrived can be held against what is billed"
        )
    if found.silent:
        said.append(f"nothing was pushed yet while {found.silent} subscriptions are alive, which is not zero usage")
    if found.since:
        said.append(f"{len(found.since)} totals have grown since they were summed: run the period again")
    if found.pulled and not found.is_uncontested:
        pulled = found.pulled
        said.append(
            f"the source contradicts {pulled.conflicts} stored events, no longer has {pulled.absent}, and {pulled.rejected} "
            "rows could not be used"
        )
    return f"every unit is accounted for, but {'; '.join(said)}" if said else "every unit is where it should be"


def _usage_places(found: UsageConservation) -> Iterable[dict[str, str | int]]:
    """How usage becomes totals, a place a row: what was read, then each feed as stored, counted again and kept."""
    places: list[tuple[str, str, Amounts]] = []
    if (pulled := found.pulled) is not None:
        places.append((PULLED, "read", pulled.read))
        if not found.is_uncontested:
            places.append((PULLED, "− not taken, as other content is stored", pulled.offered))
            places.append((PULLED, "+ stored instead", pulled.stands))
            places.append((PULLED, "+ gone from the source", pulled.gone))
    for count in found.feeds:
        if not found.is_dropped:
            places.append((count.feed, "usage events", count.events))
            places.append((count.feed, "counted again, by aggregation", count.recounted))
        places.append((count.feed, "running totals", count.running))
    for feed, place, amounts in [*places, (found.billed_feed, "usage totals", found.totals)]:
        sums = {metric: plain(quantity) for metric, quantity in sorted(amounts.quantities.items())}
        yield {"feed": feed, "place": place, "events": amounts.events, **sums}
