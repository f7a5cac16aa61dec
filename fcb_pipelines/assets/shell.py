"""What the shells around acts share: keys, groups, tables of metadata.

Owns: how an act's report looks in Dagster. Does not own: any act.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import dagster as dg

from fcb_pipelines.domain.imports import Imported
from fcb_pipelines.services import Service

SOURCE = "source"
IMPORT = "import"
DUAL_RUN = "dual_run"
ODOO_INVOICES = "odoo_invoices"
CLOSING = "closing"
FLIP = "flip"
LIVE = "live"
ODOO_POOL = "odoo"
"""Of everything that calls Odoo: a run with any of it waits in the queue while as many others go on as dagster.yaml lets."""
MOST_ROWS = 50
"""Rows that a table in the page shows; the command line has them all."""


def key(service: Service, *names: str) -> dg.AssetKey:
    """The key of an asset of a service, such as `nexacloud/usage_totals`."""
    return dg.AssetKey([service.code, *names])


def asset(
    service: Service,
    name: str,
    *,
    group: str,
    kinds: Collection[str],
    deps: Sequence[dg.AssetKey | dg.AssetsDefinition],
    partitions_def: dg.PartitionsDefinition[str] | None = None,
    pool: str | None = None,
) -> Callable[[Callable[..., dg.MaterializeResult[None]]], dg.AssetsDefinition]:
    """`dg.asset` under a service's prefix and owner; the function's docstring is the description."""
    return dg.asset(
        key=key(service, name),
        group_name=group,
        kinds=set(kinds),
        owners=[service.owner],
        deps=deps,
        partitions_def=partitions_def,
        pool=pool,
    )


def table(rows: Iterable[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows as a table in the page: texts and numbers as they are, everything else as text, the first fifty of them.

    A row without one of the columns has nothing there: Dagster refuses records of different keys.
    """
    shown = list(islice(rows, MOST_ROWS))
    columns = list(dict.fromkeys(name for row in shown for name in row))
    records = [dg.TableRecord({name: _cell(row.get(name)) for name in columns}) for row in shown]
    schema = dg.TableSchema(columns=[dg.TableColumn(name) for name in columns or ["nothing"]])
    return dg.MetadataValue.table(records, schema=schema)


def _cell(value: Any) -> str | int | None:
    return value if value is None or isinstance(value, str | int) else str(value)


def import_metadata(done: Imported, odoo_page: str) -> dict[str, dg.MetadataValue]:
    """What an import did, as every asset of the chain shows it, with a link to the records in Odoo."""
    counts = {name: getattr(done, name) for name in ("created", "changed", "unchanged", "skipped", "failed")}
    issues = [{"id": one.external_id, "outcome": one.outcome.value, "reason": one.reason} for one in done.issues]
    return {
        **{name: dg.MetadataValue.int(count) for name, count in counts.items()},
        "in Odoo": dg.MetadataValue.url(odoo_page),
        "issues": table(sorted(issues, key=lambda issue: issue["outcome"])),
        "changes": table({"record": one.external_id, "action": one.action.value} for one in done.diff),
        "gone from the source": table({"record": external_id} for external_id in done.missing_from_source),
    }
