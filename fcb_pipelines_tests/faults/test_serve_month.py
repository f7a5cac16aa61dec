"""A month of real usage pushed by what a host installs, while the server is killed and stands still: its totals are exact.

The real month is that of fifty machines where the measured file is at hand, every 25th of them in a short run and all with
`FCB_TEST_ROUNDS`; without the file it is a generated one of the same shape. `FCB_TEST_SEED` plays other moments.
"""

import csv
import gzip
import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import psycopg
import pytest

from fcb_host.client import UsageClient
from fcb_host.events import UsageEvent
from fcb_host.reader import Reader
from fcb_host.settings import Key, Settings
from fcb_pipelines_tests.faults.pushing import SEED
from fcb_pipelines_tests.faults.serving import Serving, served
from fcb_pipelines_tests.source.bitbrains.host import DATA

pytestmark = pytest.mark.slow

FIRST = datetime(2013, 8, 12, 13, 35, 46, tzinfo=UTC)
MOST_MACHINES = 2000
TORONTO = ZoneInfo("America/Toronto")
IS_WHOLE = "FCB_TEST_ROUNDS" in os.environ
EVERY = 1 if IS_WHOLE else 25
LEAST_STRIKES = 5
PATIENCE_SECONDS = 0.4
"""Less than the server stands still at most: what it stores then, nobody hears of."""
LONGEST_PAUSE_SECONDS = 0.8
LONGEST_LIFE_SECONDS = 0.6
LIMIT_SECONDS = 600.0 if IS_WHOLE else 60.0
A_SECOND = Decimal(1) / 3600
HOUR_STEP = Decimal("1e-10")
RECORDS = """
    CREATE TABLE usage_records (subscription_id text, cpu_hours numeric, period_start timestamptz, period_end timestamptz)
"""


class Used(NamedTuple):
    """What a machine used in one interval."""

    machine: str
    started_at: datetime
    ended_at: datetime
    seconds: Decimal


def measured() -> Iterator[Used]:
    """Every so many of the measured machines, each with all of its intervals."""
    with gzip.open(DATA / "usage_events.csv.gz", "rt", encoding="ascii") as lines:
        for row in csv.DictReader(lines):
            if int(row["vm_id"]) % EVERY == 0:
                started_at = datetime.fromisoformat(row["started_at"])
                ended_at = started_at + timedelta(seconds=int(row["duration_seconds"]))
                yield Used(row["vm_id"], started_at, ended_at, Decimal(row["cpu_seconds"]))


def generated(machines: int, minutes: int) -> Iterator[Used]:
    """A month of the same shape: intervals that follow each other, a tenth of them idle, six decimals."""
    chance = random.Random(SEED)  # noqa: S311 - usage, no secret
    for machine in range(machines):
        started_at = FIRST
        while started_at < FIRST + timedelta(days=30):
            ended_at = started_at + timedelta(minutes=minutes)
            used = 0 if chance.random() < 0.1 else chance.randint(1, 10**10)
            yield Used(str(machine), started_at, ended_at, Decimal(used).scaleb(-6))
            started_at = ended_at


def totals_of(usage: list[Used]) -> dict[tuple[str, str], tuple[Decimal, int]]:
    """Quantity and number of events for each machine and local month."""
    found: dict[tuple[str, str], tuple[Decimal, int]] = defaultdict(lambda: (Decimal(0), 0))
    for each in usage:
        month = each.machine, each.started_at.astimezone(TORONTO).strftime("%Y-%m")
        quantity, events = found[month]
        found[month] = quantity + each.seconds, events + 1
    return dict(found)


@pytest.fixture
def server(store_database: str, tmp_path: Path) -> Iterator[Serving]:
    """A server that knows the machines, with a key that may send what is years old."""
    machines = map(str, range(MOST_MACHINES))
    with served(tmp_path, store_database, machines, datetime.now(UTC), may_backfill=True) as serving:
        yield serving


@pytest.fixture
def client(server: Serving, tmp_path: Path) -> Iterator[UsageClient]:
    """What a host installs, impatient, so that a short run sees many attempts."""
    chance = random.Random(SEED)  # noqa: S311 - waits, no secret
    client = UsageClient(
        Settings(
            is_enabled=True,
            url=server.url,
            key=Key(server.key),
            spool=tmp_path / "usage.spool",
            batch_events=500,
            linger_seconds=0.01,
            poll_seconds=0.05,
            read_seconds=PATIENCE_SECONDS,
        ),
        chance=lambda most: chance.uniform(0, min(most, 0.1)),
    )
    yield client
    client.close()


def strike(server: Serving, chance: random.Random) -> None:
    """Kill the server, let it stand still, or kill it while it stands still; then it is there again."""
    what = chance.choice(("kill", "pause", "both"))
    if what != "kill":
        server.send(signal.SIGSTOP)
        time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
    if what == "pause":
        server.send(signal.SIGCONT)
    else:
        server.kill()
        server.start()


@contextmanager
def recording(record: Callable[[], None]) -> Iterator[threading.Thread]:
    """Let the host do its work beside the block; what it raises is raised at the end."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            record()
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join()
    assert failed == []


def pushed_through(server: Serving, client: UsageClient, record: Callable[[], None]) -> None:
    """Strike until everything was recorded and sent."""
    chance, strikes, deadline = random.Random(SEED), 0, time.monotonic() + LIMIT_SECONDS  # noqa: S311 - moments, no secret
    with recording(record) as thread:
        while thread.is_alive() or client.status().queued:
            assert time.monotonic() < deadline, client.status()
            time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
            strike(server, chance)
            strikes += 1
    assert strikes >= LEAST_STRIKES, "a run in which hardly anything goes wrong proves nothing"
    assert client.refused() == []


def is_exact(server: Serving, usage: list[Used]) -> None:
    """Whether every event is stored once and each total is what the usage comes to."""
    with server.db.transaction() as conn:
        running = conn.execute(
            """SELECT external_subscription_id, period, quantity, events
                 FROM usage_running JOIN usage_series USING (series_id) WHERE booked_in = period"""
        ).fetchall()
        events = conn.execute(
            """SELECT external_subscription_id, started_at, ended_at, quantity
                 FROM usage_event JOIN usage_series USING (series_id)
                ORDER BY external_subscription_id COLLATE "C", started_at"""
        ).fetchall()
    assert {(machine, month): (quantity, count) for machine, month, quantity, count in running} == totals_of(usage)
    assert events == sorted(usage)
    assert "Traceback" not in server.said


def test_a_month_that_is_recorded_arrives_to_the_last_decimal(server: Serving, client: UsageClient) -> None:
    usage = list(measured() if DATA.is_dir() else generated(5, 10))

    def record() -> None:
        for begin in range(0, len(usage), 200):
            client.record_many(
                UsageEvent(
                    external_subscription_id=each.machine,
                    metric="cpu_seconds",
                    idempotency_key=f"cpu/{each.started_at.isoformat()}",
                    quantity=each.seconds,
                    started_at=each.started_at,
                    ended_at=each.ended_at,
                )
                for each in usage[begin : begin + 200]
            )

    pushed_through(server, client, record)
    is_exact(server, usage)


def test_a_month_that_is_read_day_by_day_arrives_to_the_last_decimal(
    server: Serving, client: UsageClient, fresh_database: str
) -> None:
    rows = [(used, (used.seconds * A_SECOND).quantize(HOUR_STEP)) for used in generated(50 if IS_WHOLE else 5, 30)]
    with psycopg.connect(fresh_database, autocommit=True) as source:
        source.execute(RECORDS)
        with source.cursor().copy("COPY usage_records FROM STDIN") as copy:
            for used, hours in rows:
                copy.write_row((used.machine, hours, used.started_at, used.ended_at))
        reader = Reader(client=client)

        def record() -> None:
            for days in range(1, 33):
                reader.read(source, FIRST, now=FIRST + timedelta(days=days))

        pushed_through(server, client, record)
    is_exact(server, [used._replace(seconds=hours * 3600) for used, hours in rows])
