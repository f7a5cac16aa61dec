"""`fcb deliver --watch` as a process of its own: soon, through an outage of the database, and to a clean end."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.cli.test_serve import nobody_lets_in
from fcb_pipelines_tests.cli.webhooks import added, local, shown, told
from fcb_pipelines_tests.webhooks.listening import Receivers

Watching = subprocess.Popen[str]


@pytest.fixture
def db(store_database: str, fcb: Fcb, monkeypatch: pytest.MonkeyPatch) -> Database:
    del fcb
    local(monkeypatch)
    return Database(store_database)


@contextmanager
def watching() -> Iterator[Watching]:
    """The command, until the block ends."""
    command = [sys.executable, "-m", "fcb_pipelines", "deliver", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: Watching) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def until(is_so: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_is_sent_within_two_seconds_until_it_is_told_to_end(
    fcb: Fcb, db: Database, receivers: Receivers, number: signal.Signals
) -> None:
    added(fcb, f"{receivers.url}/hook")
    with watching() as process:
        assert line(process) == "sending messages of every service; Ctrl+C ends it\n"
        for count in (1, 2):
            told(db, "s-1")
            assert until(lambda: len(receivers.heard) == count, 2), "a new fact is sent within 2 seconds"  # noqa: B023
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "stopped: 2 delivered, 0 to be tried again, 0 given up\n")


def test_an_answer_that_is_under_way_is_waited_for_and_the_rest_left_to_others_at_once(
    fcb: Fcb, db: Database, receivers: Receivers
) -> None:
    added(fcb, f"{receivers.url}/slow")
    receivers.seconds["/slow"] = 3.0
    messages = told(db, "s-first")
    with watching() as process:
        line(process)
        assert until(lambda: receivers.most_at_once["/slow"] == 1)
        # Eight more are taken while one is under way: one of them waits for a lane.
        messages += told(db, *(f"s-{number}" for number in range(19)))
        assert until(lambda: receivers.most_at_once["/slow"] == 8)
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert err == "stopped: 8 delivered, 0 to be tried again, 0 given up\n"
    assert len(receivers.heard) == 8, "nothing was begun after it was told to end"
    states = [shown(fcb, one.message_id)["sent"][0]["state"] for one in messages]
    assert (states.count("delivered"), states.count("waiting")) == (8, 12)
    with db.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM delivery WHERE lease_until > now()").fetchone() == (0,)


def test_a_database_that_goes_is_waited_for_and_told_once_each(
    fcb: Fcb, db: Database, receivers: Receivers, postgres_url: str
) -> None:
    added(fcb, f"{receivers.url}/hook")
    name = db.url.rpartition("/")[2]
    with watching() as process:
        line(process)
        told(db, "s-1")
        assert until(lambda: len(receivers.heard) == 1)
        with nobody_lets_in(postgres_url, name), psycopg.connect(postgres_url, autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            assert re.search(
                r" warning: not ready: our own database cannot be reached: .*not currently accepting", line(process)
            )
        assert re.search(r" info: ready again, after \d s\n", line(process))
        told(db, "s-2")
        assert until(lambda: len(receivers.heard) == 2)
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "stopped: 2 delivered, 0 to be tried again, 0 given up\n")
