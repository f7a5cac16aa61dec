"""The control loop beside the demo: a process of its own, with a demo of its own, for as long as the Dagster page is served.

Owns: its port, its log and its end. Does not own: the loop (cli/loop).
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fcb_pipelines.local.children import free_port, spawn
from fcb_pipelines.settings import Settings

STOP = ((signal.SIGTERM, 45.0),)
"""It ends between two commands, and takes its stack down."""


@contextmanager
def loop_beside(settings: Settings, *, folder: Path, report: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Have `fcb loop` run while the block does, on the port after the Dagster page's or another free one.

    Yields what looks after it: it reports once where the loop ended by itself, which ends nothing else.
    """
    port, log = free_port(settings.ui_port + 1), settings.state_dir / "logs" / "loop.log"
    command = [sys.executable, "-m", "fcb_pipelines", "loop", "--port", str(port)]
    child = spawn("the control loop", command, log=log, environ=os.environ, folder=folder)
    report(f"the control loop will be on http://127.0.0.1:{port} (its log: {log})")
    told: list[str] = []

    def look() -> None:
        if not told and not child.is_alive:
            told.append(str(child.failure("ended by itself")))
            report(told[0])

    try:
        yield look
    finally:
        if child.is_alive:
            report("ending the control loop")
        child.stop(*STOP)
