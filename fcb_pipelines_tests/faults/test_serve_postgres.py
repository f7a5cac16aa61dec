"""A Postgres that dies under load: what was answered is there when it is back, nothing counts twice, and the server goes on.

The Postgres is one of the test's own that keeps what it was given, with commits that take 20 ms: an answer that does not wait
for its commit is found out. A short run plays five rounds; `FCB_TEST_ROUNDS` says how many instead, `FCB_TEST_SEED` which.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest

from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.faults.journey.outage import again, kill, stop_at_once
from fcb_pipelines_tests.faults.pushing import SEED, SUBSCRIPTIONS, pushing
from fcb_pipelines_tests.faults.serving import Serving, served

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "5"))
SLOW_COMMITS = ("commit_delay = 20000", "commit_siblings = 0")
LONGEST_LIFE_SECONDS = 0.5
LONGEST_OUTAGE_SECONDS = 0.4
RECOVERY_SECONDS = 20.0


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    state = tmp_path / "postgres"
    state.mkdir()
    server = EmbeddedPostgres(state, durable=True)
    try:
        with psycopg.connect(server.start(), autocommit=True) as conn:
            for setting in SLOW_COMMITS:
                conn.execute(f"ALTER SYSTEM SET {setting}".encode())
            conn.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        server.stop()
        remove(state)


@pytest.fixture
def server(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Serving]:
    store = postgres.ensure_database("fcb")
    migrate(store)
    with served(tmp_path, store, SUBSCRIPTIONS, NOW) as serving:
        yield serving


def kill_a_session(postgres: EmbeddedPostgres) -> None:
    """`kill -9` of the session that writes, if there is one just now: Postgres ends all others and recovers by itself."""
    with psycopg.connect(postgres.ensure_database("fcb"), autocommit=True) as conn:
        for (pid,) in conn.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'fcb serve'").fetchall():
            os.kill(pid, signal.SIGKILL)


STRIKES: tuple[Callable[[EmbeddedPostgres], None], ...] = (kill, stop_at_once, kill_a_session)


def test_every_answer_outlives_postgres_and_the_server_goes_on_by_itself(server: Serving, postgres: EmbeddedPostgres) -> None:
    chance = random.Random(SEED)  # noqa: S311 - moments, no secret
    with pushing(server.url, server.key, SUBSCRIPTIONS, NOW, seed=SEED) as hosts:
        for number in range(ROUNDS):
            time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
            assert hosts.after_an_answer(RECOVERY_SECONDS), "the server goes on once its database is back"
            strike = STRIKES[number % len(STRIKES)]
            strike(postgres)
            if strike is not kill_a_session:
                postgres.child.process.wait()
                time.sleep(chance.uniform(0, LONGEST_OUTAGE_SECONDS))
                again(postgres)
        assert hosts.after_an_answer(RECOVERY_SECONDS)
    hosts.agree_with(server.db)
    assert hosts.told["503"] >= ROUNDS
    assert set(hosts.told) == {"200", "503"}, "it never hangs up"
    assert server.process.is_alive()


def test_while_postgres_is_away_the_server_is_there_and_not_ready(server: Serving, postgres: EmbeddedPostgres) -> None:
    kill(postgres)
    postgres.child.process.wait()
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)
        again(postgres)
        assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 200)
    assert "Traceback" not in server.said
