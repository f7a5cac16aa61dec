"""Senders that are killed, stopped past their lease or lose their database: nothing is lost, nothing is made up.

A short run plays a few rounds of each; `FCB_TEST_ROUNDS` says how many instead, `FCB_TEST_SEED` which.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess

import psycopg
import pytest

from fcb_pipelines.acts.delivery import SESSION, Point
from fcb_pipelines.domain.delivery import DeliveryState
from fcb_pipelines.store import deliveries
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhooks.sealing import Sealing, new_key
from fcb_pipelines_tests.faults.senders import LEASE, Strike, send, started
from fcb_pipelines_tests.webhooks.listening import Receivers
from fcb_pipelines_tests.webhooks.outgoing import SERVICE, an_endpoint, tell

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("FCB_TEST_ROUNDS", "5"))
SEED = int(os.environ.get("FCB_TEST_SEED", "1"))
KEYS = new_key()
PATHS = ("/a", "/b")


@pytest.fixture
def still() -> Iterator[Callable[[BaseProcess], BaseProcess]]:
    """Remembers a process that may stand still, and ends it whatever happens."""
    found: list[BaseProcess] = []

    def keep(process: BaseProcess) -> BaseProcess:
        found.append(process)
        return process

    yield keep
    for process in found:
        process.kill()


@pytest.fixture
def db(store_database: str, receivers: Receivers) -> Database:
    found = Database(store_database)
    with found.transaction() as conn:
        for path in PATHS:
            an_endpoint(conn, receivers.url + path, sealing=Sealing(KEYS))
    return found


def told(db: Database, count: int) -> set[str]:
    """So many messages that are committed, and as many of facts that were rolled back."""
    with db.transaction() as conn:
        found = {one.message_id for one in tell(conn, *(f"s{number % 3}" for number in range(count)))}
    with db.transaction() as conn:
        tell(conn, *(f"s{number % 3}" for number in range(count)))
        conn.rollback()
    return found


def finished(db: Database) -> None:
    """Let the leases of the dead end, and send the rest."""
    time.sleep(LEASE.total_seconds() * 1.1)
    for _ in range(3):
        with db.transaction() as conn:
            conn.execute("UPDATE delivery SET next_try_at = clock_timestamp() WHERE state = 'waiting'")
        send(db.url, KEYS)


def is_whole(db: Database, receivers: Receivers, ids: set[str]) -> None:
    """Every endpoint heard of every fact, and of nothing else; our own books say so too."""
    for path in PATHS:
        assert set(receivers.ids(path)) == ids
    with db.transaction() as conn:
        standing = deliveries.of_messages(conn, ids)
    assert {one.state for each in standing.values() for one in each} == {DeliveryState.DELIVERED}
    assert sum(map(len, standing.values())) == len(ids) * len(PATHS)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_sender_that_is_killed_anywhere_loses_nothing(db: Database, receivers: Receivers, number: int) -> None:
    chance = random.Random(f"{SEED}/{number}")  # noqa: S311 - where it strikes, no secret
    point = list(Point)[number % len(Point)]
    ids = told(db, 12)
    killed = started(
        db.url, KEYS, Strike(point=point, count=chance.randint(1, 3 if point in (Point.TAKEN, Point.RECORDED) else 20))
    )
    killed.join(20)
    before = len(receivers.heard)
    ids |= told(db, 3)
    finished(db)
    is_whole(db, receivers, ids)
    assert killed.exitcode in (-signal.SIGKILL, 0)
    # What went out twice is what the dead one had under way, and no more.
    assert len(receivers.heard) - len(ids) * len(PATHS) <= before


def test_every_point_is_struck_by_some_round(db: Database, receivers: Receivers) -> None:
    """Else the rounds above would prove nothing."""
    for point in Point:
        told(db, 3)
        killed = started(db.url, KEYS, Strike(point=point, count=1))
        killed.join(20)
        assert killed.exitcode == -signal.SIGKILL, point
    assert receivers.heard


def test_a_sender_that_stood_still_past_its_lease_changes_nothing_of_what_others_did(
    db: Database, receivers: Receivers, still: Callable[[BaseProcess], BaseProcess]
) -> None:
    """Four senders, one of which is stopped while it sends and goes on when its messages are long delivered.

    It stops when it has just kept an answer and waits for those of the slower endpoint, so in no transaction: whoever stands
    still in one is ended by the database and learns nothing.
    """
    ids = told(db, 40)
    receivers.seconds["/b"] = 0.2
    stopped = still(started(db.url, KEYS, Strike(point=Point.RECORDED, count=1, signal=signal.SIGSTOP)))
    assert stopped.pid is not None
    _until_stopped(stopped.pid)
    others = [started(db.url, KEYS) for _ in range(3)]
    for one in others:
        one.join(20)
    finished(db)
    is_whole(db, receivers, ids)
    with db.transaction() as conn:
        before = conn.execute("SELECT delivery_id, state, attempts, ended_at FROM delivery ORDER BY 1").fetchall()
    os.kill(stopped.pid, signal.SIGCONT)
    stopped.join(20)
    assert stopped.exitcode == 0
    with db.transaction() as conn:
        after = conn.execute("SELECT delivery_id, state, attempts, ended_at FROM delivery ORDER BY 1").fetchall()
        late = conn.execute("SELECT count(*) FROM delivery_attempt WHERE is_late").fetchone()
    assert after == before
    assert late is not None
    assert late[0] > 0, "what it learned is kept, and changed nothing"
    is_whole(db, receivers, ids)


def _until_stopped(pid: int) -> None:
    for _ in range(1000):
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "T":
                return
        time.sleep(0.01)
    raise AssertionError("it was never stopped")


@pytest.mark.parametrize("number", range(max(1, ROUNDS // 4)))
def test_a_database_that_ends_the_senders_session_costs_time_alone(db: Database, receivers: Receivers, number: int) -> None:
    chance = random.Random(f"{SEED}/session/{number}")  # noqa: S311 - when it ends, no secret
    for path in PATHS:
        receivers.seconds[path] = 0.01
    ids = told(db, 60)
    sender = started(db.url, KEYS)
    for _ in range(4):
        time.sleep(chance.uniform(0.02, 0.2))
        with psycopg.connect(db.url, autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [SESSION])
        if not sender.is_alive():
            sender = started(db.url, KEYS)
    sender.join(20)
    finished(db)
    is_whole(db, receivers, ids)


def test_a_fact_whose_session_ends_before_its_commit_is_told_to_nobody(db: Database, receivers: Receivers) -> None:
    ids = told(db, 2)
    with psycopg.connect(db.url) as dying:
        tell(dying, "s1", "s2")
        with psycopg.connect(db.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [dying.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            dying.execute("SELECT 1")
    ids |= told(db, 1)
    finished(db)
    is_whole(db, receivers, ids)
    with db.transaction() as conn:
        counts = deliveries.counts(conn, SERVICE)
    assert [each[DeliveryState.DELIVERED] for each in counts.values()] == [3, 3]
