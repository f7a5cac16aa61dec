"""`fcb invoices`: keeps a period's invoices in Odoo as drafts."""

import sys
from typing import Any

import click
from rich.table import Table

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.draft_invoices import VARIABLE as DRAFTS_VARIABLE
from fcb_pipelines.acts.draft_invoices import draft_invoices
from fcb_pipelines.acts.source_invoices import VARIABLE as SOURCE_VARIABLE
from fcb_pipelines.acts.source_invoices import source_invoices
from fcb_pipelines.assets.odoo_invoices import DRAFT_INVOICES, SOURCE_INVOICES
from fcb_pipelines.cli.runs import run_invoices, stopped_by
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option
from fcb_pipelines.cli.warned import Checked, tell_warnings
from fcb_pipelines.domain.drafted import COUNTS
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings
from fcb_pipelines.store import drafts as stored

WIDTH = 120
"""Columns that its tables need."""


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--dry-run", is_flag=True, help="Show what would be written into Odoo, with its totals; write nothing.")
@service_option
@json_option
def invoices(period: str, service_code: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Keep what a rated period bills as drafts in Odoo, and what the source billed beyond our model, as a run of Dagster.

    Only the difference is written, by external id; a second run changes nothing, and an invoice that is no longer a draft is
    only compared. Each kind is off until its variable switches it on (FCB_ODOO_DRAFT_INVOICES, FCB_ODOO_SOURCE_INVOICES); a dry
    run shows both. The exit code is 1 where something could not be drafted, Odoo has it otherwise, or sums do not agree.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        key = reached.period(service, period).period.key
        checked: Checked = ()
        if dry_run:
            shown = _preview(reached, service, key)
        else:
            checked = run_invoices(reached.settings, service, key, assets=_switched_on(reached.settings))
            shown = _done(reached, service, key)
    if as_json:
        answer({"service": service.code, "period": key, "dry_run": dry_run, "parts": shown})
    else:
        _print(shown, key, dry_run=dry_run)
    tell_warnings(checked)
    stopped = stopped_by(checked)
    for found in stopped:
        say(found)
    if stopped or any(one["failed"] or one["differences"] for one in shown.values()):
        sys.exit(1)


def _switched_on(settings: Settings) -> list[str]:
    chosen = {DRAFT_INVOICES: settings.odoo_draft_invoices, SOURCE_INVOICES: settings.odoo_source_invoices}
    found = [name for name, is_on in chosen.items() if is_on]
    if not found:
        raise RuleViolation(
            f"writing invoices into Odoo is off: set {DRAFTS_VARIABLE}=true, {SOURCE_VARIABLE}=true or both, "
            "or look at it with --dry-run first"
        )
    return found


def _preview(reached: Connections, service: Service, key: str) -> dict[str, dict[str, Any]]:
    work, odoo = reached.period(service, key), reached.odoo()
    both = (act(work, odoo, is_on=False, dry_run=True, report=say) for act in (draft_invoices, source_invoices))
    return {done.part.value: done.as_json() for done in both}


def _done(reached: Connections, service: Service, key: str) -> dict[str, dict[str, Any]]:
    """What the run kept of what it did; of a kind that is switched off, nothing."""
    is_off = {Part.LIVE_INVOICES} if reached.settings.odoo_source_invoices else {Part.LIVE_INVOICES, Part.SOURCE_INVOICES}
    if not reached.settings.odoo_draft_invoices:
        is_off |= {Part.DRAFT_INVOICES, Part.USAGE_LINES}
    with reached.database().transaction() as conn:
        return {one.part.value: one.outcome for one in stored.last(conn, service.code, key) if one.part not in is_off}


def _print(shown: dict[str, dict[str, Any]], key: str, *, dry_run: bool) -> None:
    console = console_of(WIDTH)
    table = Table(title=f"Invoices of {key}, {'as they would be written' if dry_run else 'in Odoo'}")
    for name in ("what", *COUNTS, "net", "tax", "gross"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for part, one in shown.items():
        sums = (", ".join(f"{each[name]} {code}" for code, each in one["totals"].items()) for name in ("net", "tax", "gross"))
        table.add_row(part.replace("_", " "), *(str(one[name]) for name in COUNTS), *(each or "–" for each in sums))
    console.print(table)
    for part, one in shown.items():
        for row in one["diff"]:
            changes = ", ".join(f"{name} {before} → {after}" for name, (before, after) in row["fields"].items())
            console.print(f"{row['action']} {row['record']}: {changes}", markup=False, highlight=False)
        for issue in one["issues"]:
            say(f"failed {part} {issue['id']}: {issue['reason']}")
        for each in one["differences"]:
            say(f"differs {each['external_id']} {each['field']}: {each['stored']} and not {each['sent']}: {each['why']}")
