"""`fcb import`: takes a snapshot and brings Odoo's shadow copy up to date."""

import sys
from collections.abc import Iterator
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.imports import Reading
from fcb_pipelines.acts.preview import preview
from fcb_pipelines.acts.source import previewed_records
from fcb_pipelines.cli.runs import run_import
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.cli.warned import Checked, tell_warnings
from fcb_pipelines.domain.imports import Imported
from fcb_pipelines.services import Service
from fcb_pipelines.store.imports import issues, latest_runs

COUNTS = ("created", "changed", "unchanged", "skipped", "failed")


WIDTH = 120
"""Columns that its tables need."""


@click.command("import")
@click.option("--dry-run", is_flag=True, help="Show what would change in Odoo; write nothing.")
@service_option
@json_option
def import_(service_code: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Take a snapshot of the source, then bring partners, plans and shadow subscriptions in Odoo up to date.

    Only the difference is written, by external id; a second import changes nothing. Bad rows are named with their reason and
    stop no other; the exit code is then 1. A dry run reads the source as it is now, compares, and keeps nothing.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        if service.is_demo and not reached.settings.is_odoo_embedded:
            say(f"warning: the demo's customers are imported into {reached.odoo_page('')}, because no source is configured")
        checked: Checked = ()
        if dry_run:
            shown = [_dry(done) for done in _preview(reached, service)]
        else:
            checked = run_import(reached.settings, service)
            shown = list(_done(reached, service))
    if as_json:
        total = {name: sum(one[name] for one in shown) for name in COUNTS}
        answer({"service": service.code, "dry_run": dry_run, **total, "entities": {one["entity"]: one for one in shown}})
    else:
        _print(shown, dry_run=dry_run)
    tell_warnings(checked)
    if any(one["failed"] for one in shown):
        sys.exit(1)


def _preview(reached: Connections, service: Service) -> Iterator[Imported]:
    db = reached.database()
    records = previewed_records(db, service, reached.now, reached.report)
    taxes = reached.settings.tax_table
    reading = Reading(db=db, odoo=reached.odoo(), service=service, records=records, taxes=taxes, now=reached.now)
    yield from preview(reading, take_all=reached.settings.import_all_plans)


def _dry(done: Imported) -> dict[str, Any]:
    diff = [
        {
            "record": row.external_id,
            "action": row.action.value,
            "fields": {one.field: [_text(one.before), _text(one.after)] for one in row.fields},
        }
        for row in done.diff
    ]
    return {
        "entity": done.entity.value,
        **{name: getattr(done, name) for name in COUNTS},
        "issues": [{"id": one.external_id, "outcome": one.outcome.value, "reason": one.reason} for one in done.issues],
        "missing_from_source": list(done.missing_from_source),
        "diff": diff,
    }


def _done(reached: Connections, service: Service) -> Iterator[dict[str, Any]]:
    with reached.database().transaction() as conn:
        for entity, run in sorted(latest_runs(conn, service.code).items()):
            found = issues(conn, run.import_run_id)
            yield {
                "entity": entity.value,
                **{name: getattr(run, name) for name in COUNTS},
                "issues": [{"id": one.external_id, "outcome": one.outcome.value, "reason": one.reason} for one in found],
            }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _print(shown: list[dict[str, Any]], *, dry_run: bool) -> None:
    console = console_of(WIDTH)
    table = Table(title="would be written" if dry_run else "import")
    for name in ("entity", *COUNTS):
        table.add_column(name, justify="left" if name == "entity" else "right")
    for one in shown:
        table.add_row(one["entity"], *(str(one[name]) for name in COUNTS))
    console.print(table)
    for one in shown:
        for row in one.get("diff", ()):
            changes = ", ".join(f"{name} {before} → {after}" for name, (before, after) in row["fields"].items())
            console.print(f"{row['action']} {row['record']}: {changes}", markup=False, highlight=False)
        for issue in one["issues"]:
            if issue["outcome"] == "failed":
                say(f"failed {one['entity']} {issue['id']}: {issue['reason']}")
