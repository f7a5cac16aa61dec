"""`fcb run`: meters, rates and reconciles a period."""

import sys

import click

from fcb_pipelines.acts.invoices import issued
from fcb_pipelines.acts.revisions import published_rows
from fcb_pipelines.acts.status import service_status
from fcb_pipelines.cli.runs import run_period
from fcb_pipelines.cli.session import answer, connected, json_option, say, service_option
from fcb_pipelines.cli.warned import tell_warnings
from fcb_pipelines.domain.expected import UNRATED
from fcb_pipelines.domain.revisions import Published
from fcb_pipelines.store.reconciliation import Revision, latest_revisions


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@click.option("--refresh", is_flag=True, help="Take a new snapshot of the source first; otherwise the last one is used.")
@service_option
@json_option
def run(period: str, service_code: str | None, *, refresh: bool, as_json: bool) -> None:
    """Meter, rate and reconcile a period, as a run of Dagster.

    A period can be run again at any time: each run adds a revision and says what changed. Differences are not a failure, and
    what a check warns of is told at the end; a subscription whose price cannot be told, or an invoice that cannot be read,
    makes the exit code 1.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        key = reached.period(service, period).period.key
        checked = run_period(reached.settings, service, key, refresh=refresh)
        with reached.database().transaction() as conn:
            (revision,) = latest_revisions(conn, service.code, key)
            found = service_status(conn, service).as_json()["periods"][key]
            unrated = _unrated(published_rows(conn, service, key) or [])
            unusable = issued(conn, revision.snapshot_id, service, reached.settings.tax_table).unusable
    undone = {
        "unrated": unrated,
        "unusable_invoices": [{"external_invoice_id": bad.external_id, "reason": bad.reason} for bad in unusable],
    }
    if as_json:
        origin = {"snapshot": revision.snapshot_id, "changes": revision.changes}
        answer({"service": service.code, "period": key, **found, **origin, **undone})
    else:
        _print(revision, found["verdicts"], undone)
    tell_warnings(checked)
    if any(undone.values()):
        sys.exit(1)


def _unrated(rows: list[Published]) -> list[dict[str, str]]:
    """Subscriptions whose price could not be told, with the reason."""
    return [
        {"subscription": row["subscription"], "reason": note}
        for row in rows
        for instance in row["instances"]
        if instance["charge"] == UNRATED
        for note in instance["notes"][:1]
    ]


def _print(revision: Revision, verdicts: dict[str, int], undone: dict[str, list[dict[str, str]]]) -> None:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    say(f"{revision.service} {revision.period}: revision {revision.revision} from snapshot {revision.snapshot_id}: {counts}")
    say(_compared(revision))
    for what, found in undone.items():
        for one in found:
            say(f"{what}: {': '.join(one.values())}")


def _compared(revision: Revision) -> str:
    """How it differs from the revision before."""
    if revision.revision == 1:
        return "the first revision of the month: there is none before it to compare it with"
    because = ", ".join(revision.changes["because"]) or "same snapshot, settings and rules"
    return f"{len(revision.changes['rows'])} rows changed since the last revision ({because})"
