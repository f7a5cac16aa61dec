"""The checks of the source: its suites, and rows that could not be used.

Owns: which suite guards which entity, and that a critical miss refuses the snapshot. Does not own: the suites (expectations).
"""

from collections import Counter
from collections.abc import Iterable

import dagster as dg

from fcb_pipelines.acts import quality
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.source import last_taken
from fcb_pipelines.assets.shell import SOURCE, key, table
from fcb_pipelines.assets.source import ENTITIES
from fcb_pipelines.checks.remedies import what_to_do
from fcb_pipelines.checks.shell import ERROR, WARN
from fcb_pipelines.expectations import CRITICAL, Met, check_query, check_rows
from fcb_pipelines.services import Service


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
            metadata={**what_to_do("records_usable", service, passed=not bad), "bad rows": table(rows), **counts},
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
        quality.refuse_snapshot(database, snapshot_id, f"{entity}: {_asked(one)}")
    name, passed = f"{entity}_suite", not missed and not bad
    return dg.AssetCheckResult(
        asset_key=key(service, SOURCE, entity),
        check_name=name,
        passed=passed,
        severity=ERROR if critical else WARN,
        description=f"{len(met) - len(missed)} of {len(met)} expectations met, {len(bad)} rows could not be used"
        + (f"; missed first: {_asked(critical[0])}" if critical else ""),
        metadata={
            **what_to_do(name, service, passed=passed),
            "expectations": table(map(_shown, met)),
            "bad rows": table(bad),
        },
    )


def _asked(one: Met) -> str:
    return f"expected {f'{one.column} {one.expectation}'.strip()}, found {one.examples}"


def _shown(met: Met) -> dict[str, str | int]:
    return {
        "expectation": met.expectation,
        "column": met.column,
        "met": "yes" if met.is_met else "NO",
        "severity": met.severity,
        "unexpected": met.unexpected,
        "examples": met.examples,
    }
