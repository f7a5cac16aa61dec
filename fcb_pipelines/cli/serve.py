"""`fcb serve`: the HTTP interface that hosts push usage to."""

import gc
import os
import socket
import sys
import time
from datetime import UTC, datetime
from types import FrameType

import click
import uvicorn

from fcb_pipelines.api.app import create_app
from fcb_pipelines.cli.outages import watched
from fcb_pipelines.cli.session import connected, folder, say
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.local.children import signalled
from fcb_pipelines.local.databases import need_of

GRACE_SECONDS = 30
"""How long requests under way may take when the server is told to end."""
OBJECTS_BETWEEN_COLLECTIONS = 50_000


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
def serve(host: str, port: int) -> None:
    """Take usage that hosts push (POST /v1/usage), and show the report (/reports/YYYY-MM), until it is told to end.

    Behind it belongs a proxy that speaks TLS. Keys are made by  fcb keys create. Every route is described at /docs. Ctrl+C or
    SIGTERM ends it once what is under way is answered. Its log, on standard error, says when our database is away and back.
    """
    with signalled(_end_now), listening(host, port) as sock, connected(of_any_version=True) as reached:
        given = reached.settings.now
        app = create_app(reached.settings, reached.database(), lambda: given or datetime.now(UTC))
        server = uvicorn.Server(
            uvicorn.Config(
                app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
            )
        )
        stands = f"; the demo's clock stands at {given.isoformat()}, and so must the times of events" if given else ""
        is_embedded = need_of(os.environ, folder=folder()).database
        with watched(reached.database(), _log, time.monotonic, is_embedded=is_embedded), signalled(server.handle_exit):
            say(f"usage is taken at http://{host}:{sock.getsockname()[1]}/v1/usage{stands}; Ctrl+C ends it")
            _collect_rarely()
            # uvicorn raises the signal that ended it once more: it is received as before and has no meaning any more.
            server.run(sockets=[sock])
        say("stopped; all that was answered is stored")


def _collect_rarely() -> None:
    """Have the collector of cycles leave alone what is there now, and look at the rest after more of it.

    Each batch makes ten thousand objects and no cycle, and the collector went through them again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def _end_now(_number: int, _frame: FrameType | None) -> None:
    """Before it serves and after nothing is under way."""
    sys.exit()


def _log(said: str) -> None:
    say(f"{datetime.now(UTC).isoformat(timespec='seconds')} {said}")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises `InvalidInput` where that cannot be."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise InvalidInput(
            f"cannot listen on {host} port {port} ({reason}): end what listens there (`ss -ltnp` names it), or give another "
            "--host or --port"
        ) from None
