"""`fcb serve`: the HTTP interface that hosts push usage to."""

from datetime import UTC, datetime

import click
import uvicorn

from fcb_pipelines.api.app import create_app
from fcb_pipelines.cli.session import connected, say

GRACE_SECONDS = 30
"""How long requests under way may take when the server is told to end."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
def serve(host: str, port: int) -> None:
    """Take usage that hosts push (POST /v1/usage), until it is told to end.

    Behind it belongs a proxy that speaks TLS. Keys are made by  fcb keys create.
    """
    with connected() as reached:
        given = reached.settings.now
        app = create_app(reached.settings, reached.database(), lambda: given or datetime.now(UTC))
        say(f"usage is taken at http://{host}:{port}/v1/usage; Ctrl+C ends it")
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
