"""`fcb prune`: lists, and once confirmed removes or archives, what an import made and nobody uses."""

import sys

import click
from rich.table import Table

from fcb_pipelines.acts import prune as acts
from fcb_pipelines.cli.session import answer, connected, console_of, json_option, say, service_option

WIDTH = 120
"""Columns that its tables need."""


@click.command()
@click.option("--yes", is_flag=True, help="Remove what is listed without asking.")
@service_option
@json_option
def prune(service_code: str | None, *, yes: bool, as_json: bool) -> None:
    """List what an import made in Odoo, is no longer wanted and nobody uses; remove it once you confirm.

    What somebody uses stays; a partner that somebody else changed is archived. With --json it is listed and, without --yes,
    nothing is removed.
    """
    with connected() as reached:
        service = reached.settings.service(service_code)
        reading = reached.reading(service)
        take_all = reached.settings.import_all_plans
        found = acts.prunable(reading, take_all=take_all)
        if not as_json:
            _print(found)
        # Where nothing is listed it still forgets what is gone from Odoo already.
        is_wanted = yes or (not as_json and (not found or _confirmed(len(found))))
        ids = [one.external_id for one in found]
        done = acts.prune(reading, ids=ids, take_all=take_all, report=say) if is_wanted else None
    if as_json:
        listed = [{"external_id": one.external_id, "model": one.model, "name": one.name} for one in found]
        answer({"service": service.code, "prunable": listed, "removed": list(done.removed) if done else [],
                "archived": list(done.archived) if done else [], "refused": dict(done.refused) if done else {}})  # fmt: skip
    if done is not None and done.refused:
        for external_id, reason in done.refused.items():
            say(f"{external_id} stays: {reason}")
        sys.exit(1)


def _confirmed(count: int) -> bool:
    return click.confirm(f"Remove or archive these {count} records in Odoo?", err=True)


def _print(found: tuple[acts.Prunable, ...]) -> None:
    if not found:
        say("nothing to prune")
        return
    table = Table(title=f"{len(found)} records that can go")
    for name in ("external id", "model", "name", ""):
        table.add_column(name)
    for one in found:
        table.add_row(
            one.external_id, one.model, one.name, f"archived: {one.archived_because}" if one.archived_because else "removed"
        )
    console_of(WIDTH).print(table)
