"""Slots of calls: never more than the limit over threads and processes, freed however a holder ends, nothing open meanwhile."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from fcb_pipelines.domain.errors import RolledBack, RuleViolation
from fcb_pipelines.odoo.batches import Applied, Load, load_batch
from fcb_pipelines.odoo.pace import Pace
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.store.slots import PATIENCE_SECONDS, Slots
from fcb_pipelines_tests.odoo.faulty import faulty, result

SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fcb slot'"
HOLDER = """
import sys, time
from fcb_pipelines.store.slots import Slots
with Slots(sys.argv[1], "odoo", 1).slot():
    print("held", flush=True)
    time.sleep(600)
"""


class Server:
    """What is called: counts how many call at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0
        self.calls: list[str] = []

    def call(self, caller: str, seconds: float) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.calls.append(caller)
        time.sleep(seconds)
        with self._lock:
            self._now -= 1


def each_alone(url: str, limit: int) -> Callable[[], Slots]:
    """Slots of a session of their own each, as processes have them."""
    return lambda: Slots(url, "odoo", limit)


def one_for_all(url: str, limit: int) -> Callable[[], Slots]:
    """The slots that the threads of one process share."""
    slots = Slots(url, "odoo", limit)
    return lambda: slots


@contextmanager
def held_by_a_process(url: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the only slot."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("kind", [each_alone, one_for_all])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_never_more_than_the_limit_and_never_idle(
    store_database: str, kind: Callable[[str, int], Callable[[], Slots]], limit: int
) -> None:
    server, slots = Server(), kind(store_database, limit)

    def work(number: int) -> None:
        mine = slots()
        for _ in range(3):
            with mine.slot():
                server.call(str(number), 0.01)

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(work, range(8)))
    assert (server.most, len(server.calls)) == (limit, 24)


def test_who_calls_again_at_once_lets_those_who_wait_go_first(store_database: str) -> None:
    server, started = Server(), threading.Barrier(3)

    def work(name: str) -> None:
        slots = Slots(store_database, "odoo", 1)
        started.wait()
        for _ in range(12):
            with slots.slot():
                server.call(name, 0.005)

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(work, "abc"))
    assert {server.calls[:18].count(name) for name in "abc"} <= {4, 5, 6, 7, 8}


def test_a_killed_holder_frees_its_slot(store_database: str) -> None:
    slots = Slots(store_database, "odoo", 1)
    with held_by_a_process(store_database) as holder, ThreadPoolExecutor(1) as waiting:
        taken = waiting.submit(lambda: slots.slot().__enter__())
        time.sleep(0.2)
        assert not taken.done()
        holder.kill()
        taken.result(timeout=10)


def test_another_work_has_slots_of_its_own(store_database: str) -> None:
    with Slots(store_database, "odoo", 1).slot(), Slots(store_database, "other", 1).slot():
        pass


def test_no_transaction_is_open_while_a_slot_is_held_or_waited_for(store_database: str) -> None:
    slots = Slots(store_database, "odoo", 1)
    with psycopg.connect(store_database, autocommit=True) as conn, ThreadPoolExecutor(1) as waiting:
        with slots.slot():
            taken = waiting.submit(lambda: slots.slot().__enter__())
            time.sleep(0.1)
            rows = conn.execute(f"SELECT state, xact_start IS NULL OR state = 'active' {SESSIONS}").fetchall()
            assert len(rows) == 2
            assert all(is_fine and not state.startswith("idle in transaction") for state, is_fine in rows)
        taken.result(timeout=10)


def test_one_session_serves_call_after_call_and_a_lost_one_is_replaced(store_database: str) -> None:
    slots = Slots(store_database, "odoo", 2)
    with psycopg.connect(store_database, autocommit=True) as conn:
        for _ in range(3):
            with slots.slot():
                pass
        first = conn.execute(f"SELECT pid {SESSIONS}").fetchall()
        conn.execute(f"SELECT pg_terminate_backend(pid, 5000) {SESSIONS}")
        with slots.slot():
            second = conn.execute(f"SELECT pid {SESSIONS}").fetchall()
            conn.execute(f"SELECT pg_terminate_backend(pid, 5000) {SESSIONS}")
        with slots.slot():
            assert len(first) == len(second) == 1
            assert first != second


def test_slots_that_nobody_has_any_more_close_their_session(store_database: str) -> None:
    slots = Slots(store_database, "odoo", 2)
    with slots.slot():
        pass
    del slots
    with psycopg.connect(store_database, autocommit=True) as conn:
        deadline = time.monotonic() + 5
        while conn.execute(f"SELECT 1 {SESSIONS}").fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_the_clock_stands_still_while_a_slot_is_waited_for(store_database: str) -> None:
    slots = Slots(store_database, "odoo", 1)
    with ThreadPoolExecutor(1) as waiting:
        with slots.slot():
            worked = waiting.submit(lambda: _worked(slots))
            time.sleep(0.3)
        assert worked.result(timeout=10) < 0.2


def _worked(slots: Slots) -> float:
    started = slots.working_seconds()
    with slots.slot():
        return slots.working_seconds() - started


def test_patience_ends_with_what_to_do(store_database: str) -> None:
    moments = iter([0.0, 0.0, 0.0, PATIENCE_SECONDS, PATIENCE_SECONDS + 1, PATIENCE_SECONDS + 2])
    with Slots(store_database, "odoo", 1).slot():
        late = Slots(store_database, "odoo", 1, clock=lambda: next(moments), sleep=lambda _: None)
        with faulty(result([7])) as server:
            odoo = connect(server.url, "d", "u", "k", slot=late.slot)
            with pytest.raises(RuleViolation, match="within 10 minutes: FCB_ODOO_CONCURRENCY is 1"):
                odoo.version()
    assert server.paths == [], "ten minutes are ten minutes, and not again for each attempt"


NOWHERE = "postgresql://nobody@127.0.0.1:1/fcb"


def test_a_store_that_cannot_be_reached_did_nothing_and_is_blamed_on_no_record() -> None:
    load, done, pauses = Load(model="res.partner", columns=["id"], rows={"a": ["a"]}), Applied(), list[float]()
    with faulty(result({"ids": [7], "messages": []})) as server:
        odoo = connect(server.url, "d", "u", "k", slot=Slots(NOWHERE, "odoo", 1).slot, sleep=pauses.append)
        with pytest.raises(RolledBack, match=r"our own database cannot be reached: .*FCB_DATABASE_URL"):
            load_batch(odoo, load, ["a"], Pace(lambda: 0.0), done)
    assert (server.calls, done.failed, len(pauses)) == ([], {}, 3)


def test_a_restart_of_the_store_is_bridged(store_database: str) -> None:
    addresses = iter([NOWHERE, NOWHERE, store_database, store_database, store_database])

    @contextmanager
    def slot() -> Iterator[None]:
        with Slots(next(addresses), "odoo", 1).slot():
            yield

    with faulty(result([7])) as server:
        assert connect(server.url, "d", "u", "k", slot=slot, sleep=lambda _: None).version().major == 19
