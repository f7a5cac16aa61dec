"""What `fcb serve` says when it cannot listen, when it ends, and while its database is away.

That it serves is proved where it is killed (faults/test_serve).
"""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from fcb_pipelines.acts.readiness import NotReady, Part
from fcb_pipelines.cli.outages import Outages, watched
from fcb_pipelines.cli.serve import listening
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Fcb

AWAY = NotReady(part=Part.DATABASE, detail="does not answer", reason="refused. Check FCB_DATABASE_URL")
BEHIND = NotReady(part=Part.MIGRATIONS, detail="run  fcb migrate")


def test_a_free_port_is_taken_when_none_is_named() -> None:
    with listening("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert port > 0


def test_a_port_that_is_taken_and_an_address_of_others_are_refused_with_what_to_do() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"cannot listen on 127.0.0.1 port {port} .*in use.*another --host or --port"):
            listening("127.0.0.1", port)
    with pytest.raises(InvalidInput, match=r"cannot listen on 192.0.2.1 port 0 \(.*assign"):
        listening("192.0.2.1", 0)


@pytest.mark.usefixtures("fcb")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_when_it_is_told_to(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "fcb_pipelines", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        try:
            assert process.stderr.readline().startswith("usage is taken at ")
            process.send_signal(number)
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert process.stderr.read() == "stopped; all that was answered is stored\n"
        assert process.stdout.read() == ""


def test_an_address_that_is_none_is_refused_before_it_serves(fcb: Fcb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FCB_DATABASE_URL", "no s3cret")
    ended = fcb("serve", "--port", "0")
    assert (ended.returncode, "FCB_DATABASE_URL is not a Postgres address" in ended.stderr) == (2, True)
    assert "usage is taken" not in ended.stderr
    assert "s3cret" not in ended.stderr


@pytest.mark.parametrize(
    ("seen", "lines"),
    [
        ([(0, None), (5, None)], []),
        ([(0, AWAY)], ["warning: not ready: refused. Check FCB_DATABASE_URL"]),
        ([(0, AWAY), (5, AWAY), (59, AWAY)], ["warning: not ready: refused. Check FCB_DATABASE_URL"]),
        ([(0, AWAY), (60, AWAY), (119, AWAY)], ["warning: not ready: ref", "warning: not ready for 60 s: refused"]),
        ([(0, AWAY), (60, AWAY), (120, AWAY)], ["warning: not r", "warning: not ready for 60", "warning: not ready for 120"]),
        ([(3, AWAY), (10, None), (15, None)], ["warning: not ready: refused", "info: ready again, after 7 s"]),
        ([(3, AWAY), (10, None), (15, AWAY)], ["warning: not ready: refused", "info: ready", "warning: not ready: refused"]),
        ([(0, AWAY), (5, BEHIND), (10, BEHIND)], ["warning: not ready: ref", "warning: not ready for 5 s: run  fcb migrate"]),
    ],
)  # fmt: skip
def test_an_outage_is_told_once_then_each_minute_and_so_is_its_end(
    seen: list[tuple[float, NotReady | None]], lines: list[str]
) -> None:
    outages = Outages()
    told = [line for at, found in seen if (line := outages.seen(found, at)) is not None]
    assert len(told) == len(lines)
    assert all(line.startswith(begin) for line, begin in zip(told, lines, strict=True)), told


@contextmanager
def nobody_lets_in(server: str, name: str) -> Iterator[None]:
    """A database that is there and refuses every session."""
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        try:
            yield
        finally:
            conn.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


def until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def test_a_database_that_goes_and_comes_back_is_told_once_each(store_database: str, postgres_url: str) -> None:
    told: list[str] = []
    with watched(Database(store_database), told.append, time.monotonic, every=0.02):
        assert told == []
        with nobody_lets_in(postgres_url, store_database.rpartition("/")[2]):
            assert until(lambda: len(told) == 1)
            time.sleep(0.2)
        assert until(lambda: len(told) == 2)
    assert re.match("warning: not ready: our own database cannot be reached: .*not currently accepting connections", told[0])
    assert told[1] == "info: ready again, after 0 s"


@pytest.mark.parametrize(
    ("is_embedded", "to_do"),
    [(False, "Check FCB_DATABASE_URL and the network"), (True, "It is the embedded one: end this command and start it again")],
)
def test_a_variable_is_named_only_where_a_database_was_configured(postgres_url: str, *, is_embedded: bool, to_do: str) -> None:
    told: list[str] = []
    away = Database(f"{postgres_url.rpartition('/')[0]}/no_such_database")
    with watched(away, told.append, time.monotonic, is_embedded=is_embedded):
        assert to_do in told[0]
    assert ("FCB_DATABASE_URL" in told[0]) is not is_embedded


def test_a_database_that_is_away_from_the_first_is_told_before_anything_else(postgres_url: str) -> None:
    told: list[str] = []
    with watched(Database(f"{postgres_url.rpartition('/')[0]}/no_such_database"), told.append, time.monotonic):
        assert len(told) == 1
