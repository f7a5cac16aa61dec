"""`fcb rehearse`: the whole way of a flip and back on a demo of its own, in the commands that people type."""

from pathlib import Path

import click

from fcb_pipelines.acts.gate import this_version
from fcb_pipelines.cli.session import answer, folder, json_option, say
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.records_json import as_json as published
from fcb_pipelines.local.apart import apart
from fcb_pipelines.local.rehearsal import Rehearsed


@click.command()
@click.option(
    "--in",
    "where",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep everything in this folder, to look at it afterwards; else it is removed.",
)
@json_option
def rehearse(where: Path | None, *, as_json: bool) -> None:
    """Rehearse a flip: decide the demo's months, take one customer live, bill a month, take them back, take everybody live.

    It starts a demo of its own beside whatever is configured here and writes nowhere else. Every command is shown as it is
    typed, two people sign, and the clock goes on to July. Where anything does not do what it should it ends with that.
    """
    with apart(folder(), where, report=say) as demo:
        done = demo.run(["demo", "--headless"], {})
        if done.code != 0:
            raise RuleViolation(f"fcb demo --headless ended with {done.code}:\n{done.err or done.out}")
        found = demo.rehearsal(say).rehearse()
    if as_json:
        answer({"version": this_version(), **published(found)})
    else:
        _print(found)


def _print(found: Rehearsed) -> None:
    click.echo(f"canary {found.canary}: {found.objections} objections, {found.signed} statements signed in all")
    for month, count in found.posted.items():
        click.echo(f"{month}: {count} invoices posted and none twice")
    click.echo(f"taken back; what remains in Odoo ({len(found.remains)}):")
    for each in found.remains:
        click.echo(f"  {each}")
    click.echo(f"everybody {found.everybody}: {found.live} subscriptions are live")
    click.echo("\nIt counts for a service once somebody who was there signs it:")
    click.echo(f"  fcb attest rehearsed --value {this_version()} --text WHY --expires DAY --service CODE")
