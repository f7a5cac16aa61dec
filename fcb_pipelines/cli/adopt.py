"""`fcb adopt`: makes what explained a row a term of our own."""

import os
from pathlib import Path

import click

from fcb_pipelines.acts import adoption
from fcb_pipelines.acts.adoption import Signed
from fcb_pipelines.acts.source import last_records
from fcb_pipelines.cli.accept import service_of
from fcb_pipelines.cli.session import answer, connected, json_option, say, service_option
from fcb_pipelines.cli.signing import as_option, signer
from fcb_pipelines.settings import CONFIG_VARIABLE, load


@click.command()
@click.argument("rows", nargs=-1, required=True, metavar="ROW...")
@click.option(
    "--convention",
    "chosen",
    multiple=True,
    metavar="NAME=VALUE",
    help="Which convention, where several fit: proration=calendar_days; repeatable.",
)
@as_option
@service_option
@json_option
def adopt(*, rows: tuple[str, ...], chosen: tuple[str, ...], name: str | None, service_code: str | None, as_json: bool) -> None:
    """Write what explained these rows into the reviewed rules (fcb.toml): prices, intervals, discounts, conventions.

    ROW is a row_id, as  fcb rows --json  shows it. From then on our own rating follows the term, and with the next import the
    order in Odoo: run the period again, and the row is a match. The lines that are new are shown; your login name and the row
    stand beside them, and in the audit log. Review and keep the file as you do with any change of it.
    """
    with connected() as reached:
        service = service_of(reached.settings, service_code, rows)
        records = last_records(reached.database(), service)
        config = reached.settings.config_file
        signed = Signed(person=signer(service, name), at=reached.now)
        with reached.database().transaction() as conn:
            asked = adoption.wanted(conn, service, records.evidence, rows, [_written(each) for each in chosen])
            added = adoption.adopt(conn, service, config, asked, signed, check=_check)
    if as_json:
        answer({"service": service.code, "rows": list(asked.rows), "added": added})
    else:
        for each in added:
            click.echo(each.rstrip("\n") + "\n")
    period = asked.rows[0].split("/")[1]
    code = service.code
    say(f"{config.name} has it; now  fcb run --service {code} --period {period}  and  fcb import --service {code}")


def _written(chosen: str) -> str:
    name, _, value = chosen.partition("=")
    return f"{name.strip()} = {value.strip()}"


def _check(draft: Path) -> None:
    """Read a file in place of the one configured, as the next command would."""
    load({**os.environ, CONFIG_VARIABLE: str(draft)}, folder=Path.cwd())
