"""`fcb migrate`: brings our own database up to date."""

import click

from fcb_pipelines.cli.session import connected, say
from fcb_pipelines.services import zones
from fcb_pipelines.store.schema import migrate as apply
from fcb_pipelines.store.schema import pending_migrations


@click.command()
def migrate() -> None:
    """Bring our own database up to date; nothing happens where it is."""
    with connected(of_any_version=True) as connections:
        url = connections.database().url
        pending = pending_migrations(url)
        for revision in pending:
            say(f"applying {revision}")
        apply(url, zones(connections.settings.services))
        say(f"{len(pending)} migrations applied" if pending else "the database is up to date")
