"""What acts are given: every request to Odoo takes one of the slots that all threads and processes share."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.odoo.lanes import in_lanes
from fcb_pipelines.odoo.transport import transport_of
from fcb_pipelines.settings import load
from fcb_pipelines_tests.acceptance.project import ROOT
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.odoo.faulty import USER, faulty, result

WORKER = """
import os
from datetime import UTC, datetime
from pathlib import Path
from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.settings import load
settings = load(os.environ, folder=Path.cwd())
for _ in range(10):
    odoo = Connections(settings=settings, now=datetime.now(UTC), report=print).odoo()
    odoo.search_read("res.partner", [], ["id"])
"""


class Busy:
    """Answers slowly, and counts how many it answers at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = self.most = self.answered = 0

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.03)
        with self._lock:
            self._now -= 1
            self.answered += 1
        result([])(request)


def asked(variables: dict[str, str], folder: Path) -> None:
    """Ask Odoo once, as one who just came."""
    settings = load(variables, folder=folder)
    Connections(settings=settings, now=NOW, report=lambda _: None).odoo().search_read("res.partner", [], ["id"])


def variables(store_database: str, odoo_url: str, limit: int) -> dict[str, str]:
    odoo = {"FCB_ODOO_URL": odoo_url, "FCB_ODOO_DB": "d", "FCB_ODOO_USER": "u", "FCB_ODOO_KEY": "k"}
    given = {"FCB_CONFIG": str(ROOT / "fcb.toml"), "FCB_DATABASE_URL": store_database, "FCB_ODOO_TRANSPORT": "jsonrpc"}
    return {**odoo, **given, "FCB_ODOO_CONCURRENCY": str(limit)}


@pytest.mark.parametrize("limit", [1, 2])
def test_threads_make_no_more_calls_at_once_than_the_settings_say(store_database: str, tmp_path: Path, limit: int) -> None:
    busy = Busy()
    with faulty(busy) as server, ThreadPoolExecutor(8) as workers:
        given = variables(store_database, server.url, limit)
        list(workers.map(lambda _: asked(given, tmp_path), range(16)))
    assert (busy.most, busy.answered) == (limit, 16)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_one_load_has_as_many_lanes_as_the_settings_say(store_database: str, tmp_path: Path, limit: int) -> None:
    busy = Busy()
    with faulty(busy) as server:
        settings = load(variables(store_database, server.url, limit), folder=tmp_path)
        connections = Connections(settings=settings, now=NOW, report=lambda _: None)
        odoo, told = connections.odoo(), list[int]()
        in_lanes(connections.lanes().pace(), range(60), lambda _: odoo.search_read("res.partner", [], ["id"]), told.append)
    assert busy.most == limit


@pytest.mark.parametrize(("transport", "spoken"), [("auto", "JSON-2 (auto)"), ("jsonrpc", "JSON-RPC"), ("json2", "JSON-2")])
def test_odoo_is_spoken_to_as_the_settings_say(store_database: str, tmp_path: Path, transport: str, spoken: str) -> None:
    with faulty(result([])) as server:
        given = {**variables(store_database, server.url, 2), "FCB_ODOO_TRANSPORT": transport, "FCB_ODOO_USER": USER}
        connections = Connections(settings=load(given, folder=tmp_path), now=NOW, report=lambda _: None)
        assert transport_of(connections.odoo()) == spoken


@pytest.mark.slow
def test_processes_make_no_more_calls_at_once_than_the_settings_say(store_database: str) -> None:
    busy = Busy()
    with faulty(busy) as server:
        environ = {**os.environ, **variables(store_database, server.url, 2)}
        workers = [subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environ) for _ in range(3)]
        assert [worker.wait(timeout=60) for worker in workers] == [0] * 3
    assert (busy.most, busy.answered) == (2, 30)
