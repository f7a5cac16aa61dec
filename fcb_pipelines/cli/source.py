"""`fcb source`: the address of the demo service's database, for clients of your own.

Owns: when there is one and how it is printed. Does not own: the database (local.databases), its rows (source.demo).
"""

import os

import click

from fcb_pipelines.cli.session import folder, service_option
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.local.processes import without_password
from fcb_pipelines.local.stack import is_running
from fcb_pipelines.settings import load, source_variable


@click.command()
@service_option
def source(service_code: str | None) -> None:
    """Print the address of the demo's source database, as its reader sees it, while `fcb serve` or `fcb demo` runs.

    Use it as  psql "$(fcb source)"  or hand it to any client of Postgres. It holds no password: it names a file with it that
    only you can read.
    """
    settings = load(os.environ, folder=folder())
    service = settings.service(service_code)
    if not service.is_demo:
        raise InvalidInput(
            f"{service.code} is not the demo: its database is where {source_variable(service.code)} says, and no other"
        )
    if service.source_url is None or not is_running(settings.state_dir):
        raise RuleViolation(
            "the demo's databases run only while a command uses them: start `fcb serve` or `fcb demo` in another terminal first"
        )
    url = service.source_url.get_secret_value()
    click.echo(without_password(url, settings.state_dir.absolute() / f"{service.code}_reader.pgpass"))
