"""What must hold, shown in Dagster as tables.

Owns: which check guards what, and how grave a failure is. Does not own: the rules (acts, domain, expectations). What guards an
act is ERROR and blocking; what is a finding of the dual run is WARN. A check of a period carries the partition, or a later good
month would hide it.
"""

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import dagster as dg

from fcb_pipelines.acts import completeness, conservation, inert, quality, read_back
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.conservation import Equation
from fcb_pipelines.acts.source import last_taken
from fcb_pipelines.acts.usage import UsageConservation, usage_conservation
from fcb_pipelines.assets.shell import ODOO_POOL, SOURCE, key, table
from fcb_pipelines.assets.source import ENTITIES
from fcb_pipelines.domain.coverage import Coverage
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.expectations import CRITICAL, Met, check_query, check_rows
from fcb_pipelines.services import Service
from fcb_pipelines.store.read_back import differences
from fcb_pipelines.store.reconciliation import latest_revisions

ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN


def source_checks(service: Service) -> list[dg.AssetChecksDefinition]:
    """One check per entity of the source: its suite, and the rows that could not be used."""
    specs = [
        dg.AssetCheckSpec(
            f"{entity}_suite",
            asset=key(service, SOURCE, entity),
            blocking=True,
            description=f"Great Expectations suite on the {entity} of the last snapshot, and rows that could not be used.",
        )
        for entity in ENTITIES
    ]

    @dg.multi_asset_check(name=f"{service.code}_source_suites", specs=specs, can_subset=True)
    def suites(
        context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> Iterable[dg.AssetCheckResult]:
        chosen = {check.name for check in context.selected_asset_check_keys}
        for entity in ENTITIES:
            if f"{entity}_suite" in chosen:
                yield _suite_result(connections, service, entity)

    @dg.asset_check(asset=key(service, SOURCE, "subscriptions"))
    def records_usable(connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Rows of the entities that no asset shows, such as evidence and history, can be used: a rule may rest on each."""
        with connections.database().transaction() as conn:
            found = quality.unusable(conn, service, last_taken(conn, service))
        bad = [one for one in found if one.entity not in ENTITIES]
        counts = {f"bad {entity}": count for entity, count in sorted(Counter(one.entity for one in bad).items())}
        rows = ({"entity": one.entity, "id": one.external_id, "reason": one.reason} for one in bad)
        return dg.AssetCheckResult(
            passed=not bad,
            severity=WARN,
            description=f"{len(bad)} rows could not be used" if bad else "every row can be used",
            metadata={"bad rows": table(rows), **counts},
        )

    return [suites, records_usable]


def _suite_result(connections: Connections, service: Service, entity: str) -> dg.AssetCheckResult:
    database = connections.database()
    with database.transaction() as conn:
        snapshot_id = last_taken(conn, service)
        bad = quality.bad_rows(conn, service, entity)
        rows = [] if entity == "usage" else quality.suite_rows(conn, service, entity)
        query = quality.usage_query(conn, service)
    met = check_query(entity, database.url, query) if entity == "usage" else check_rows(entity, rows)
    missed = [one for one in met if not one.is_met]
    critical = [one for one in missed if one.severity == CRITICAL]
    for one in critical:
        asked = f"{one.column} {one.expectation}".strip()
        quality.refuse_snapshot(database, snapshot_id, f"{entity}: expected {asked}, found {one.examples}")
    return dg.AssetCheckResult(
        asset_key=key(service, SOURCE, entity),
        check_name=f"{entity}_suite",
        passed=not missed and not bad,
        severity=ERROR if critical else WARN,
        description=f"{len(met) - len(missed)} of {len(met)} expectations met, {len(bad)} rows could not be used",
        metadata={"expectations": table(map(_shown, met)), "bad rows": table(bad)},
    )


def _shown(met: Met) -> dict[str, str | int]:
    return {
        "expectation": met.expectation,
        "column": met.column,
        "met": "yes" if met.is_met else "NO",
        "severity": met.severity,
        "unexpected": met.unexpected,
        "examples": met.examples,
    }


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
            metadata={"records": table(counts), "missing": table(missing), "bad": table(failed)},
        )

    @dg.asset_check(asset=orders, blocking=True, pool=ODOO_POOL)
    def shadow_inert(connections: dg.ResourceParam[Connections]) -> dg.AssetCheckResult:
        """Nothing that we put in Odoo could charge anybody: orders are drafts, no token, nothing posted."""
        alive = inert.shadow_inert(connections.odoo(), connections.database(), service)
        return dg.AssetCheckResult(
            passed=not alive,
            severity=ERROR,
            description="everything is inert" if not alive else f"{len(alive)} records could charge somebody",
            metadata={"not inert": table({"record": one.record, "reason": one.reason} for one in alive)},
        )

    read_back_check = odoo_read_back(service, "shadow_subscriptions", (Part.PARTNERS, Part.PLANS, Part.SUBSCRIPTIONS))
    return [import_complete, shadow_inert, read_back_check]


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
            description="; ".join(why) if why else "Odoo has everything as it must be",
            metadata={"differences": table(map(asdict, found)), "count": len(found)},
        )

    return check


def _usage_verdict(found: UsageConservation) -> str:
    if not found.is_conserved:
        return "units were lost or doubled"
    if found.is_uncontested:
        return "every unit is where it should be"
    pulled = found.pulled
    return (
        f"every unit is accounted for, but the source contradicts {pulled.conflicts} stored events, no longer has "
        f"{pulled.absent}, and {pulled.rejected} rows could not be used"
    )


def _usage_places(found: UsageConservation) -> Iterable[dict[str, str | int]]:
    """How the usage that was pulled becomes the totals, a place a row."""
    pulled = found.pulled
    places = {"pulled": pulled.read}
    if not found.is_uncontested:
        places |= {"− not taken, as other content is stored": pulled.offered, "+ stored instead": pulled.stands}
        places |= {"+ gone from the source": pulled.gone}
    for place, amounts in (places | {"usage events": found.stored, "usage totals": found.totals}).items():
        sums = {metric: plain(quantity) for metric, quantity in sorted(amounts.quantities.items())}
        yield {"place": place, "events": amounts.events, **sums}


def equations_hold(found: Sequence[Equation]) -> dg.AssetCheckResult:
    """The result of a check of sums, each shown with both its sides."""
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
        description=f"{len(found) - len(broken)} of {len(found)} sums agree",
        metadata={"equations": table(rows)},
    )


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
        """Σ usage pulled, less what was refused, plus what stands or is gone = Σ usage events = Σ usage totals, exactly."""
        work = connections.period(service, context.partition_key)
        with work.db.transaction() as conn:
            found = usage_conservation(conn, service, work.period)
        return dg.AssetCheckResult(
            passed=found.is_conserved and found.is_uncontested,
            severity=WARN if found.is_conserved else ERROR,
            description=_usage_verdict(found),
            metadata={
                "sums": table(_usage_places(found)),
                "conflicts": found.pulled.conflicts,
                "rejected": found.pulled.rejected,
                "gone from the source": found.pulled.absent,
                "to look at": table(map(asdict, found.odd)),
            },
        )

    @dg.asset_check(asset=key(service, "reconciliation"), blocking=True, partitions_def=months)
    def money_conserved(
        context: dg.AssetCheckExecutionContext, connections: dg.ResourceParam[Connections]
    ) -> dg.AssetCheckResult:
        """Register = Σ actual lines = Σ rows, and Σ expected lines = Σ rows, per currency, to the last decimal."""
        return equations_hold(conservation.money_conserved(connections.period(service, context.partition_key)))

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
            metadata={"coverage": table(shares), "revision": revision.revision},
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
            metadata={"months": table(rows)},
        )

    return [usage_conserved, money_conserved, coverage, register_reconciled]
