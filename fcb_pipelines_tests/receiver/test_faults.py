"""Nothing is lost and nothing happens twice, whatever ends at whatever moment.

A short run plays four rounds of each kind; `FCB_TEST_ROUNDS` says how many instead, `FCB_TEST_SEED` plays one again.
"""

import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from fcb_host.errors import StorageUnavailable
from fcb_host.receiver.acting import Worker
from fcb_host.receiver.receiving import Receiver
from fcb_host.receiver.storage_postgres import PostgresStorage
from fcb_pipelines_tests.receiver import dying
from fcb_pipelines_tests.receiver.conftest import empty
from fcb_pipelines_tests.receiver.rounds import EFFECTS, judge, left, play, said
from fcb_pipelines_tests.receiver.said import NOW, SECRET, Request

MOST_ENDED = 30
IN_ACTS = [22, 42]
"""In these rounds a receiver is killed within an act that a payment makes needless before it can be done again."""
ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "0"))
SEEDS = [int(os.environ["FCB_TEST_SEED"])] if "FCB_TEST_SEED" in os.environ else list(range(ROUNDS)) or [0, 1, *IN_ACTS]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", SEEDS)
def test_a_receiver_on_postgres_that_is_killed_anywhere_loses_nothing_and_does_nothing_twice(
    seed: int, shared_url: str, tmp_path: Path
) -> None:
    empty(shared_url)
    judge(play(shared_url, tmp_path, seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_receiver_on_a_file_that_is_killed_anywhere_loses_nothing_and_does_nothing_twice(seed: int, tmp_path: Path) -> None:
    judge(play(str(tmp_path / "receiver.sqlite"), tmp_path, seed))


@contextmanager
def terminating(url: str, chance: random.Random) -> Iterator[list[int]]:
    """Ends sessions of the database at chance moments, so many or until the block ends; how many each time.

    Bounded: on a busy machine nothing would ever come to its end between two of them.
    """
    stop = threading.Event()
    ended: list[int] = []

    def end() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            while not stop.wait(chance.uniform(0.0, 0.03)) and sum(ended) < MOST_ENDED:
                done = conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid()"
                ).fetchall()
                ended.append(len(done))

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield ended
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("seed", SEEDS)
def test_sessions_that_postgres_ends_cost_nothing_but_another_try(seed: int, shared_url: str, tmp_path: Path) -> None:
    empty(shared_url)
    chance = random.Random(seed)  # noqa: S311 (no secret)
    requests = said(chance, count=10)
    storage = PostgresStorage(shared_url)
    with storage.transaction() as tx:
        tx.change(EFFECTS)
    receiver = Receiver(storage=storage, secrets=[SECRET])
    workers = [Worker(storage=storage, actions=dying.Host(tmp_path), terms=dying.MANY) for _ in range(2)]
    refused: Counter[str] = Counter()

    def send(each: Request) -> None:
        while (status := receiver.take(each.headers, each.body, NOW).status) == 503:
            refused["take"] += 1
        assert status // 100 == 2
        dying.note(tmp_path / dying.ANSWERED, each.headers["webhook-id"])

    def work(worker: Worker) -> None:
        while True:
            try:
                worker.run(NOW)
            except StorageUnavailable:
                refused["act"] += 1
            else:
                return

    with terminating(shared_url, chance) as ended:
        for each in requests:
            send(each)
        threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    work(workers[0])
    assert sum(ended) > 0
    judge(left(shared_url, tmp_path, requests))
