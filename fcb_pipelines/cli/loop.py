"""`fcb loop`: the control loop on a demo of its own, as a page or played by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
import uvicorn

from fcb_pipelines.cli.serve import listening
from fcb_pipelines.cli.session import folder, say
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local.apart import apart
from fcb_pipelines.local.children import signalled
from fcb_pipelines.local.loop.control import ControlLoop, control_loop
from fcb_pipelines.local.loop.page import create_app
from fcb_pipelines.local.loop.play import play

PORT = 3001
_LOOK_SECONDS = 0.2


class _Ended(Exception):
    """Somebody asked for the end."""


@click.command()
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="The page's port; 0: a free one.")
@click.option("--headless", is_flag=True, help="Play it through by itself and end, instead of serving the page.")
def loop(port: int, *, headless: bool) -> None:
    """Show how a host obeys: a failed payment in Odoo suspends, a paid one restores, an end removes once it is confirmed.

    It starts a demo of its own with one small customer, takes them live through the gate, and runs the sender and the example
    host beside it. Nothing of it stays, and nothing else that is configured here is touched. Ctrl+C or SIGTERM ends it.
    """
    is_over = threading.Event()
    with signalled(lambda *_: is_over.set()):
        try:
            if headless:
                _played(is_over)
            else:
                _served(port, is_over)
        except _Ended:
            if headless:
                raise KeyboardInterrupt from None
            say("stopped")


def _played(is_over: threading.Event) -> None:
    with _loop(is_over) as shown:
        shown.begin()
        for line in play(shown, _pause(is_over)):
            click.echo(line)


def _served(port: int, is_over: threading.Event) -> None:
    # Taken before anything is started, so that a taken port is told at once.
    with listening("127.0.0.1", port) as sock, _loop(is_over) as shown:
        server = uvicorn.Server(uvicorn.Config(create_app(shown), log_level="warning", access_log=False, server_header=False))
        serving = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="loop-page")
        serving.start()
        say(f"the control loop is on http://127.0.0.1:{sock.getsockname()[1]} (Ctrl-C ends it)")
        try:
            shown.begin()
            say("the customer is live: press what is to happen")
            while not is_over.wait(_LOOK_SECONDS):
                if not serving.is_alive():
                    raise RuleViolation("the page ended by itself")
        finally:
            server.should_exit = True
            serving.join()


@contextmanager
def _loop(is_over: threading.Event) -> Iterator[ControlLoop]:
    with apart(folder(), None, report=say) as demo, control_loop(demo, _told(is_over)) as shown:
        yield shown


def _pause(is_over: threading.Event) -> Callable[[], None]:
    """Waits a moment, and ends where that is asked for."""

    def pause() -> None:
        if is_over.wait(_LOOK_SECONDS):
            raise _Ended

    return pause


def _told(is_over: threading.Event) -> Callable[[str], None]:
    """Says what is done, and ends between two commands where that is asked for."""
    began = time.monotonic()

    def tell(what: str) -> None:
        if is_over.is_set():
            raise _Ended
        say(f"{time.monotonic() - began:6.1f} s {what}")

    return tell
