"""A server that is killed while it works on a request with an `Idempotency-Key`: sent again, it is done once and told once."""

import contextlib
import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from fcb_pipelines.api.answers import REPLAYED
from fcb_pipelines_tests.faults.serving import Serving, served

NOW = datetime.now(UTC)
ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "5"))
LONGEST_SECONDS = 0.2
"""Until the kill: a first request is answered within that."""
SLOW_COMMIT = """
    CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.06); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON idempotency_request DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION take_time();
"""
"""Postgres goes on with a commit whose client is gone: so a kill often comes between the effect and the answer."""


@pytest.fixture
def server(store_database: str, tmp_path: Path) -> Iterator[Serving]:
    with served(tmp_path, store_database, ["s-1"], NOW) as serving:
        yield serving


def push(server: Serving, number: int) -> httpx.Response | None:
    """The answer; None where the server was gone."""
    events = [
        {
            "external_subscription_id": "s-1",
            "metric": "cpu_seconds",
            "idempotency_key": f"{number}/{each}",
            "quantity": "1",
            "started_at": NOW.isoformat(),
        }
        for each in range(5)
    ]
    headers = {"Authorization": f"Bearer {server.key}", "Idempotency-Key": f"r-{number}"}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=10) as client:
        try:
            return client.post("/v1/usage", json={"events": events}, headers=headers)
        except httpx.HTTPError:
            return None


def test_between_effect_and_answer_nothing_is_lost(server: Serving) -> None:
    with server.db.transaction() as conn:
        conn.execute(SLOW_COMMIT)
    chance = random.Random(7)  # noqa: S311 - moments, no secret
    seen: Counter[str] = Counter()
    with ThreadPoolExecutor(1) as pool:
        for number in range(ROUNDS):
            first = pool.submit(push, server, number)
            with contextlib.suppress(TimeoutError):
                first.result(chance.uniform(number, number + 1) * LONGEST_SECONDS / ROUNDS)
            server.kill()
            told = first.result()
            server.start()
            again = push(server, number)
            assert again is not None
            assert (again.status_code, again.json()["accepted"], again.json()["duplicate"]) == (200, 5, 0), server.said
            is_replayed = REPLAYED in again.headers
            assert told is None or (is_replayed and told.content == again.content)
            seen["answered" if told else "stored" if is_replayed else "neither"] += 1
    with server.db.transaction() as conn:
        rows = conn.execute("SELECT count(*), (SELECT count(*) FROM idempotency_request) FROM usage_event").fetchone()
    assert rows == (5 * ROUNDS, ROUNDS), seen
    print(seen)  # noqa: T201 - how often each moment was met
