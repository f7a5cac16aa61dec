"""A server that is killed again and again under a host's client: what was answered is stored, and nothing twice."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from fcb_host.client import UsageClient
from fcb_host.events import UsageEvent
from fcb_host.settings import Key, Settings
from fcb_pipelines.acts.access import create_key
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.domain.money import plain
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import SERVICES

NOW = datetime.now(UTC)
ELSEWHERE = {
    "FCB_SOURCE_NEXACLOUD_URL": "postgresql://nobody@127.0.0.1:9/none",
    "FCB_SOURCE_OTHER_URL": "postgresql://nobody@127.0.0.1:9/none",
    "FCB_DAGSTER_URL": "postgresql+psycopg2://nobody@127.0.0.1:9/none",
    "FCB_ODOO_URL": "http://127.0.0.1:9",
    "FCB_ODOO_DB": "none",
    "FCB_ODOO_USER": "none",
    "FCB_ODOO_KEY": "none",
}
"""Everything is configured, so that no part is embedded; the server needs none of it."""
KILLS = int(os.environ.get("FCB_TEST_ROUNDS", "2"))


@dataclass
class Serving:
    """`fcb serve` on a store, started again whenever it is killed."""

    folder: Path
    db: Database
    key: str
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        bare = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")}
        environ = bare | ELSEWHERE | {"FCB_DATABASE_URL": self.db.url, "FCB_STATE_DIR": str(self.folder / "state")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fcb_pipelines", "serve", "--port", str(self.port)],
            cwd=self.folder,
            env=environ,
            stderr=subprocess.DEVNULL,
        )
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/readyz", trust_env=False, timeout=2).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the server does not get ready")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(store_database: str, tmp_path: Path) -> Iterator[Serving]:
    (tmp_path / "fcb.toml").write_text(SERVICES)
    db = Database(store_database)
    with db.transaction() as conn:
        snapshot_id = snapshots.open_snapshot(conn, "nexacloud", NOW)
        snapshots.add_rows(conn, snapshot_id, "subscriptions", [(f"s-{number}", {"n": number}) for number in range(20)])
    _, plain = create_key(
        db, service="nexacloud", name="host", scopes=frozenset({Scope.USAGE_WRITE}), expires_at=None, actor="ada", now=NOW
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = Serving(tmp_path, db, plain.text, port)
    serving.start()
    yield serving
    serving.process.kill()
    serving.process.wait()


@contextmanager
def killed_at_random(server: Serving, seed: int) -> Iterator[None]:
    """Kill the server so many times while the block runs, and start it again."""
    chance = random.Random(seed)  # noqa: S311 - moments, no secret
    is_over = threading.Event()

    def strike() -> None:
        for _ in range(KILLS):
            if is_over.wait(chance.uniform(0.05, 0.5)):
                return
            server.kill()
            server.start()

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def stored(db: Database) -> dict[str, str]:
    with db.transaction() as conn:
        return dict(conn.execute("SELECT idempotency_key, trim_scale(quantity)::text FROM usage_event").fetchall())


def totals(db: Database) -> list[tuple[Any, ...]]:
    with db.transaction() as conn:
        return conn.execute("SELECT sum(quantity), sum(events) FROM usage_running").fetchall()


def test_what_a_client_records_arrives_once_whatever_becomes_of_the_server(server: Serving, tmp_path: Path) -> None:
    settings = Settings(
        is_enabled=True,
        url=server.url,
        key=Key(server.key),
        spool=tmp_path / "spool",
        sends_in_background=False,
        batch_events=40,
    )
    recorded = {f"k-{number}": Decimal(number) / 7 for number in range(2000)}
    exact = {key: quantity.quantize(Decimal("0.000001")) for key, quantity in recorded.items()}
    client = UsageClient(settings)
    client.record_many(
        UsageEvent(
            external_subscription_id=f"s-{number % 20}",
            metric="cpu_seconds",
            idempotency_key=key,
            quantity=quantity,
            started_at=NOW - timedelta(minutes=number % 50),
        )
        for number, (key, quantity) in enumerate(exact.items())
    )
    with killed_at_random(server, 1):
        deadline = time.monotonic() + 60 + KILLS * 5
        while not client.flush(1, ignores_pause=True):
            assert time.monotonic() < deadline, client.status()
    assert (client.status().queued, client.status().refused) == (0, 0)
    client.close()
    assert stored(server.db) == {key: plain(quantity) for key, quantity in exact.items()}
    assert totals(server.db) == [(sum(exact.values()), len(exact))]


def test_every_answer_is_durable_and_nothing_counts_twice(server: Serving) -> None:
    answered: set[str] = set()
    is_over = threading.Event()

    def push(worker: int) -> None:
        number = 0
        with httpx.Client(base_url=server.url, trust_env=False, timeout=5) as client:
            while not is_over.is_set():
                key = f"{worker}/{number}"
                event = {
                    "external_subscription_id": f"s-{worker}",
                    "metric": "cpu_seconds",
                    "idempotency_key": key,
                    "quantity": "1",
                    "started_at": (NOW - timedelta(minutes=1)).isoformat(),
                }
                try:
                    answer = client.post("/v1/usage", json=event, headers={"Authorization": f"Bearer {server.key}"})
                except httpx.HTTPError:
                    time.sleep(0.02)
                    continue
                if answer.is_success:
                    answered.add(key)
                    number += 1

    workers = [threading.Thread(target=push, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    with killed_at_random(server, 2):
        time.sleep(1 + KILLS)
    is_over.set()
    for worker in workers:
        worker.join()
    found = stored(server.db)
    assert answered
    assert answered <= found.keys()
    assert totals(server.db) == [(len(found), len(found))]


def test_it_ends_when_it_is_told_to_and_answers_what_was_asked(server: Serving) -> None:
    answers: list[int] = []

    def push(worker: int) -> None:
        event = {
            "external_subscription_id": "s-1",
            "metric": "cpu_seconds",
            "idempotency_key": f"{worker}",
            "quantity": "1",
            "started_at": NOW.isoformat(),
        }
        with httpx.Client(base_url=server.url, trust_env=False, timeout=20) as client:
            answers.append(client.post("/v1/usage", json=event, headers={"Authorization": f"Bearer {server.key}"}).status_code)

    with psycopg.connect(server.db.url) as watcher:
        watcher.execute("LOCK TABLE usage_identity IN ACCESS EXCLUSIVE MODE")
        workers = [threading.Thread(target=push, args=(worker,)) for worker in range(5)]
        for worker in workers:
            worker.start()
        time.sleep(0.7)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.process.poll() is None, "it waits for what is under way"
    for worker in workers:
        worker.join()
    assert answers == [200] * 5
    assert server.process.wait(20) in (0, -signal.SIGTERM)
    assert len(stored(server.db)) == 5
