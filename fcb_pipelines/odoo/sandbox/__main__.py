"""Runs the sandbox: `python -m fcb_pipelines.odoo.sandbox --database-url-env VARIABLE --port 8069`.

The database URL and the keys come from environment variables, never from the command line, which everybody can read.
"""

import os
from datetime import UTC, datetime

import click
import psycopg
import uvicorn

from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import EDITIONS


def _now() -> datetime:
    return datetime.now(UTC)


@click.command()
@click.option("--database-url-env", required=True, help="Variable that holds the URL of the sandbox's Postgres database.")
@click.option("--admin-key-env", default="FCB_INTERNAL_SANDBOX_KEY", show_default=True)
@click.option("--importer-key-env", default="FCB_INTERNAL_SANDBOX_IMPORTER_KEY", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option("--edition", type=click.Choice(sorted(EDITIONS)), default="community-19", show_default=True)
def main(  # noqa: PLR0917 (click hands them in by name)
    database_url_env: str, admin_key_env: str, importer_key_env: str, host: str, port: int, edition: str
) -> None:
    """Serve a small Odoo, kept in Postgres, until it is told to stop."""
    database_url, admin_key = _given(database_url_env), _given(admin_key_env)
    keys = {"admin": admin_key}
    if importer_key := os.environ.get(importer_key_env):
        keys["importer"] = importer_key
    try:
        app = create_app(database_url, keys, clock=_now, edition=EDITIONS[edition])
    except psycopg.OperationalError:
        # The driver's own text may quote the URL, and so its password.
        raise click.ClickException(f"the Postgres that {database_url_env} names cannot be reached") from None
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


def _given(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise click.UsageError(f"set {variable} in the environment")
    return value


if __name__ == "__main__":
    main()
