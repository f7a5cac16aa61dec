"""`fcb serve` as a process of its own that can be killed, paused and started again within a tenth of a second.

Owns: the process, what is configured for it, and whether it is ready. Each is forked from a process that has imported
everything and done nothing else, because to import takes ten times as long as to start. Does not own: who pushes (pushing).
"""

import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from fcb_pipelines.acts.access import create_key
from fcb_pipelines.cli import fcb
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.forks import FORKS, needs

SERVICE = "nexacloud"
SERVICES = """
[services.nexacloud]
mapping = "nexacloud"
zone = "America/Toronto"
currency = "CAD"
first_period = "2013-08"
"""
ELSEWHERE = {
    "FCB_SOURCE_NEXACLOUD_URL": "postgresql://nobody@127.0.0.1:9/none",
    "FCB_DAGSTER_URL": "postgresql+psycopg2://nobody@127.0.0.1:9/none",
    "FCB_ODOO_URL": "http://127.0.0.1:9",
    "FCB_ODOO_DB": "none",
    "FCB_ODOO_USER": "none",
    "FCB_ODOO_KEY": "none",
}
"""Everything is configured, so that no part is embedded; the server needs none of it."""
READY_SECONDS = 30.0
LOG = "serve.log"

needs(__name__, "fcb_pipelines.cli.serve", "uvicorn.loops.auto", "uvicorn.protocols.http.auto")


def a_free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(kw_only=True)
class Serving:
    """`fcb serve` in a folder with settings, on a store; started again whenever it was killed."""

    folder: Path
    db: Database
    key: str
    port: int = field(default_factory=a_free_port)
    process: ForkServerProcess = field(init=False)

    @property
    def url(self) -> str:
        """Where it listens, the same after each start."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """What it wrote to its log, over all its lives."""
        return (self.folder / LOG).read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it and wait until it is ready."""
        environ = settings_of(self.db, self.folder)
        self.process = FORKS.Process(target=_serve, args=(self.folder, environ, self.port), daemon=True)
        self.process.start()
        self.wait()

    def wait(self) -> None:
        """Return when it is ready."""
        assert is_ready(self.url), f"the server does not get ready; it said: {self.said}"

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.join()

    def send(self, number: signal.Signals) -> None:
        """Signal it."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)


def settings_of(db: Database, folder: Path) -> dict[str, str]:
    """An environment in which the server has everything, and nothing of ours."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")}
    return bare | ELSEWHERE | {"FCB_DATABASE_URL": db.url, "FCB_STATE_DIR": str(folder / "state")}


def is_ready(url: str) -> bool:
    """Wait until a server says that it is ready; whether it does in time."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/readyz", trust_env=False, timeout=2).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.01)
        else:
            return True
    return False


def prepared(folder: Path, store: str, subscriptions: Iterable[str], now: datetime, *, may_backfill: bool = False) -> Serving:
    """A server, not started yet, for a host that has these subscriptions and a key that may write."""
    (folder / "fcb.toml").write_text(SERVICES)
    db = Database(store)
    with db.transaction() as conn:
        snapshot_id = snapshots.open_snapshot(conn, SERVICE, now)
        snapshots.add_rows(conn, snapshot_id, "subscriptions", [(each, {"id": each}) for each in subscriptions])
    scopes = frozenset({Scope.USAGE_WRITE, *([Scope.USAGE_BACKFILL] if may_backfill else [])})
    _, key = create_key(db, service=SERVICE, name="host", scopes=scopes, expires_at=None, actor="ada", now=now)
    return Serving(folder=folder, db=db, key=key.text)


@contextmanager
def served(
    folder: Path, store: str, subscriptions: Iterable[str], now: datetime, *, may_backfill: bool = False
) -> Iterator[Serving]:
    """The same server, running while the block does."""
    serving = prepared(folder, store, subscriptions, now, may_backfill=may_backfill)
    serving.start()
    try:
        yield serving
    finally:
        serving.kill()


def _serve(folder: Path, environ: dict[str, str], port: int) -> None:
    """What the forked process does."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    fcb.main(["serve", "--port", str(port)], prog_name="fcb")
