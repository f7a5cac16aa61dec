"""`fcb close`: closes a period, so that usage told later is adjusted on a later bill."""

import click

from fcb_pipelines.cli.runs import run_close
from fcb_pipelines.cli.session import answer, connected, json_option, operator, say, service_option
from fcb_pipelines.store.closings import closings


@click.command()
@click.option("--period", required=True, metavar="YYYY-MM", help="The month.")
@service_option
@json_option
def close(period: str, service_code: str | None, *, as_json: bool) -> None:
    """Close a period for good, as a run of Dagster: its bill is made of the usage that it has now.

    Usage of it that is told later, or taken back, is adjusted on the bill of the first month that is open then, the old rating
    beside the new one. Months are closed in their order, each when it was reconciled from a snapshot of the time after it.
    Nothing is sent or posted, and the closing is in the audit log with your login name.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        key = reached.period(service, period).period.key
        run_close(reached.settings, service, key, closed_by=operator())
        with reached.database().transaction() as conn:
            done = closings(conn, service.code)[key]
    if as_json:
        at = done.closed_at.astimezone(service.zone).isoformat()
        told = {"closed_at": at, "closed_by": done.closed_by, "snapshot": done.snapshot_id, "usage_hash": done.usage_hash}
        answer({"service": service.code, "period": key, **told})
    else:
        say(f"{service.code} {key} is closed, as of snapshot {done.snapshot_id}; later usage of it goes to the next open month")
