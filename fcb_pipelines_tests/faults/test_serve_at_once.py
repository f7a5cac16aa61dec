"""The same batch posted by 32 clients at once, ten times, to two servers on one database: no event counts twice."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines_tests.faults.serving import Serving, served

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC)
CLIENTS, TIMES, EVENTS = 32, 10, 60
DISTINCT = 50
"""The others of a batch are the same again."""
SUBSCRIPTIONS = [f"s-{number}" for number in range(5)]


@pytest.fixture
def servers(store_database: str, tmp_path: Path) -> Iterator[tuple[Serving, Serving]]:
    with served(tmp_path, store_database, SUBSCRIPTIONS, NOW) as one:
        other = Serving(folder=one.folder, db=one.db, key=one.key)
        other.start()
        yield one, other
        other.kill()


def batch(time: int) -> dict[str, Any]:
    """A batch in which some identities come twice."""
    return {
        "events": [
            {
                "external_subscription_id": SUBSCRIPTIONS[number % len(SUBSCRIPTIONS)],
                "metric": "cpu_seconds",
                "idempotency_key": f"{time}/{number % DISTINCT}",
                "quantity": f"{time}.{number % DISTINCT:03}1",
                "started_at": (NOW - timedelta(hours=number % DISTINCT)).isoformat(),
            }
            for number in range(EVENTS)
        ]
    }


def test_the_same_batch_by_32_clients_at_once_ten_times_counts_once(servers: tuple[Serving, Serving]) -> None:
    together = threading.Barrier(CLIENTS)

    def post(client: int) -> list[Counter[str]]:
        serving = servers[client % len(servers)]
        with httpx.Client(base_url=serving.url, trust_env=False, timeout=20) as http:
            http.get("/healthz")
            told = []
            for time in range(TIMES):
                together.wait(20)
                answer = http.post("/v1/usage", json=batch(time), headers={"Authorization": f"Bearer {serving.key}"})
                assert answer.status_code == 200, answer.text
                told.append(Counter(each["status"] for each in answer.json()["results"]))
            return told

    with ThreadPoolExecutor(CLIENTS) as pool:
        told = list(pool.map(post, range(CLIENTS)))
    for time in range(TIMES):
        assert sum((of_one[time] for of_one in told), Counter[str]()) == {
            "accepted": DISTINCT,
            "duplicate": CLIENTS * EVENTS - DISTINCT,
        }
    with servers[0].db.transaction() as conn:
        stored = conn.execute("SELECT count(*), sum(quantity) FROM usage_event").fetchone()
        running = conn.execute("SELECT sum(events), sum(quantity) FROM usage_running").fetchone()
        logged = conn.execute("SELECT count(*) FROM access_log WHERE status = 200").fetchone()
    once = sum(Decimal(each["quantity"]) for time in range(TIMES) for each in batch(time)["events"][:DISTINCT])
    assert stored == running == (TIMES * DISTINCT, once)
    assert logged == (CLIENTS * TIMES,)
    assert [each.broken for each in verify_logs(servers[0].db)] == [None, None]
