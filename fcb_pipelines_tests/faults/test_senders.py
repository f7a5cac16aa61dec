"""Several senders at once: nothing is lost, and nothing that one learns too late changes what others did.

What befalls one sender and the others on the way of a message is in test_journeys.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess

import pytest

from fcb_pipelines.acts.delivery import Point
from fcb_pipelines.domain.delivery import DeliveryState
from fcb_pipelines.store import deliveries
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhooks.sealing import Sealing, new_key
from fcb_pipelines_tests.faults.senders import LEASE, Strike, send, started, until_stopped
from fcb_pipelines_tests.webhooks.listening import Receivers
from fcb_pipelines_tests.webhooks.outgoing import an_endpoint, tell

pytestmark = pytest.mark.slow

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
    until_stopped(stopped)
    others = [started(db.url, KEYS) for _ in range(3)]
    for one in others:
        one.join(20)
    finished(db)
    is_whole(db, receivers, ids)
    with db.transaction() as conn:
        before = conn.execute("SELECT delivery_id, state, attempts, ended_at FROM delivery ORDER BY 1").fetchall()
    assert stopped.pid is not None
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
