"""`fcb rehearse`: the whole way of a flip and back on a demo of its own, in the commands that people type."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from fcb_pipelines.acts.gate import this_version
from fcb_pipelines.cli.session import answer, folder, json_option, say
from fcb_pipelines.domain.errors import InvalidInput, InvalidSettings
from fcb_pipelines.domain.records_json import as_json as published
from fcb_pipelines.local.operators import Ended, Operators
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.local.rehearsal import Rehearsal, Rehearsed
from fcb_pipelines.local.sandbox import administrator
from fcb_pipelines.local.stack import reset, running
from fcb_pipelines.settings import CONFIG_VARIABLE, load

FILES = ("fcb.toml", "dagster.yaml", "workspace.yaml")
SERVICE = "nexacloud"


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
    with _place(where) as place:
        environ = _environ(place)
        with running(load(environ, folder=place), environ=environ, folder=place, report=say) as settings:
            if settings.database_url is None or settings.odoo is None:
                raise InvalidSettings("the rehearsal needs the embedded stack")
            _run(place, environ, ["demo", "--headless"])
            found = Rehearsal(
                people=Operators(
                    run=lambda args, more: _run(place, {**environ, **more}, args), paper=place / "to-sign.csv", say=say
                ),
                source_url=in_database(settings.database_url.get_secret_value(), SERVICE),
                config=place / FILES[0],
                administrator={
                    "FCB_ODOO_URL": settings.odoo.url,
                    "FCB_ODOO_DB": settings.odoo.db,
                    **administrator(settings.state_dir),
                },
            ).rehearse()
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


@contextmanager
def _place(where: Path | None) -> Iterator[Path]:
    """A folder with the project's files; one that was made for this is removed with all that ran in it."""
    if where is not None:
        where.mkdir(parents=True, exist_ok=True)
        if any(where.iterdir()):
            raise InvalidInput(f"{where} is not empty: a rehearsal begins from nothing")
        _copy(where)
        yield where.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="fcb-rehearsal-") as made:
        _copy(Path(made))
        yield Path(made)
        reset(Path(made) / ".fcb")


def _copy(where: Path) -> None:
    for name in FILES:
        there = folder() / name
        if not there.is_file():
            raise InvalidSettings(f"{there} does not exist: run it in the project's folder")
        shutil.copyfile(there, where / name)


def _environ(place: Path) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")}
    return {**bare, "FCB_STATE_DIR": str(place / ".fcb"), CONFIG_VARIABLE: str(place / FILES[0])}


def _run(place: Path, environ: Mapping[str, str], args: Sequence[str]) -> Ended:
    command = [sys.executable, "-m", "fcb_pipelines", *args]
    # The arguments are our own script's.
    done = subprocess.run(command, cwd=place, env=dict(environ), capture_output=True, text=True, check=False)  # noqa: S603
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)
