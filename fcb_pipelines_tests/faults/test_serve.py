"""A server that is killed again and again under load: what was answered is stored, and nothing counts twice.

A short run kills it 20 times; `FCB_TEST_ROUNDS` says how often instead (`make faults`: 200), `FCB_TEST_SEED` at which moments.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from fcb_pipelines_tests.faults.pushing import SEED, SUBSCRIPTIONS, pushing
from fcb_pipelines_tests.faults.serving import Serving, a_free_port, is_ready, served, settings_of

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
KILLS = int(os.environ.get("FCB_TEST_ROUNDS", "20"))
LONGEST_LIFE_SECONDS = 0.3


@pytest.fixture
def server(store_database: str, tmp_path: Path) -> Iterator[Serving]:
    with served(tmp_path, store_database, SUBSCRIPTIONS, NOW) as serving:
        yield serving


def test_every_answer_is_durable_and_nothing_counts_twice(server: Serving) -> None:
    chance = random.Random(SEED)  # noqa: S311 - moments, no secret
    with pushing(server.url, server.key, SUBSCRIPTIONS, NOW, seed=SEED) as hosts:
        for _ in range(KILLS):
            if chance.random() < 0.5:
                time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
            else:
                hosts.after_an_answer(LONGEST_LIFE_SECONDS)
            server.kill()
            server.start()
        time.sleep(LONGEST_LIFE_SECONDS)
    hosts.agree_with(server.db)
    assert hosts.told["200"] > KILLS
    assert hosts.told["broken"] > KILLS
    assert "Traceback" not in server.said


@pytest.fixture
def from_a_shell(server: Serving, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A second server on the same store, as an operator starts it."""
    port = a_free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "fcb_pipelines", "serve", "--port", str(port)],
        cwd=tmp_path,
        env=settings_of(server.db, tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert is_ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


def test_it_ends_when_it_is_told_to_and_answers_what_was_asked(
    server: Serving, from_a_shell: tuple[str, subprocess.Popen[str]]
) -> None:
    url, process = from_a_shell
    answers: list[int] = []

    def push(worker: int) -> None:
        event = {
            "external_subscription_id": "s-1",
            "metric": "cpu_seconds",
            "idempotency_key": f"{worker}",
            "quantity": "1",
            "started_at": NOW.isoformat(),
        }
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
            answers.append(client.post("/v1/usage", json=event, headers={"Authorization": f"Bearer {server.key}"}).status_code)

    with psycopg.connect(server.db.url) as watcher:
        watcher.execute("LOCK TABLE usage_identity IN ACCESS EXCLUSIVE MODE")
        workers = [threading.Thread(target=push, args=(worker,)) for worker in range(5)]
        for worker in workers:
            worker.start()
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert process.poll() is None, "it waits for what is under way"
    for worker in workers:
        worker.join()
    assert answers == [200] * 5
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said == f"usage is taken at {url}/v1/usage; Ctrl+C ends it\nstopped; all that was answered is stored\n"
    with server.db.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM usage_event").fetchone() == (5,)
