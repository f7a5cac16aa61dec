import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local.children import CannotStart, minimal_environment, spawn
from fcb_pipelines.local.placement import place
from fcb_pipelines.local.postgres import EmbeddedPostgres

OWNER = """
import sys, time
from pathlib import Path
from fcb_pipelines.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.child.process.pid, flush=True)
time.sleep(60)
"""


@contextmanager
def running(state: Path, *, durable: bool = False) -> Iterator[str]:
    server = EmbeddedPostgres(state, durable=durable)
    try:
        yield server.start()
    finally:
        server.stop()


def ask(url: str, query: str) -> list[str]:
    with psycopg.connect(url) as conn:
        return [str(value) for value in conn.execute(query.encode()).fetchone() or ()]


def remember(url: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS one")


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def ends(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_cold_start_gives_a_server_as_the_project_needs_it(state: Path) -> None:
    with running(state) as url:
        shown = "current_setting('server_encoding'), current_setting('TimeZone'), current_setting('listen_addresses')"
        assert ask(url, f"SELECT {shown}") == ["UTF8", "UTC", "127.0.0.1"]
        assert ask(url, "SELECT datlocale FROM pg_database WHERE datname = 'template1'") == ["C.UTF-8"]
        assert ask(url, "SELECT upper('é'), 'a' < 'B'") == ["É", "False"]


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
def test_only_the_tests_give_up_durability(state: Path, durable: bool, fsync: str) -> None:
    with running(state, durable=durable) as url:
        assert ask(url, "SHOW fsync") == [fsync]


@pytest.mark.parametrize("password", ["", "postgres"])
def test_nobody_enters_without_the_password(state: Path, password: str) -> None:
    with running(state) as url:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://postgres:{password}@127.0.0.1:{port_of(url)}/postgres")


def test_a_restart_keeps_data_port_and_password(state: Path) -> None:
    with running(state, durable=True) as first:
        remember(first)
    with running(state) as second:
        assert second == first
        assert ask(second, "SELECT one FROM kept") == ["1"]


def test_a_database_is_made_once(state: Path) -> None:
    server = EmbeddedPostgres(state, durable=False)
    try:
        server.start()
        url = server.ensure_database("other")
        remember(url)
        assert server.ensure_database("other") == url
        assert ask(url, "SELECT one FROM kept") == ["1"]
    finally:
        server.stop()


def test_a_port_that_was_taken_meanwhile_is_left_alone(state: Path) -> None:
    with running(state, durable=True) as first:
        remember(first)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port_of(first)))
        other.listen()
        with running(state) as second:
            assert port_of(second) != port_of(first)
            assert ask(second, "SELECT one FROM kept") == ["1"]


def test_a_killed_server_starts_again_with_what_was_committed(state: Path) -> None:
    server = EmbeddedPostgres(state)
    remember(server.start())
    os.kill(server.child.process.pid, signal.SIGKILL)
    server.stop()
    with running(state) as url:
        assert ask(url, "SELECT one FROM kept") == ["1"]


def test_the_server_ends_with_the_process_that_owns_it(state: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, state], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    owner.stdout.close()
    owner.kill()
    owner.wait()
    assert ends(pid)
    with running(state) as url:
        assert ask(url, "SELECT 1") == ["1"]


def test_an_orphan_of_an_earlier_run_is_stopped_first(state: Path) -> None:
    with running(state, durable=True) as url:
        port = port_of(url)
    where = place(state)
    data = where.home / "data"
    command: list[str | Path] = [
        where.programs / "bin" / "postgres",
        "-D",
        data,
        "-c",
        f"port={port}",
        "-c",
        "unix_socket_directories=",
    ]
    orphan = spawn("orphan", command, log=state / "log", environ=minimal_environment(), account=where.account)
    orphan.wait_until(lambda: "ready to accept" in (state / "log").read_text(), seconds=20)
    with running(state) as again:
        assert orphan.process.wait(5) == 0
        assert again == url


def test_a_pid_file_whose_number_now_belongs_to_a_stranger_is_seen_through(state: Path) -> None:
    with running(state) as url:
        where = place(state)
        lines = (where.home / "data" / "postmaster.pid").read_text().splitlines()
        assert ask(url, "SELECT 1") == ["1"]
    stranger = spawn("stranger", ["sleep", "60"], log=state / "log", environ=minimal_environment(), account=where.account)
    try:
        pid_file = where.home / "data" / "postmaster.pid"
        pid_file.write_text("\n".join([str(stranger.process.pid), *lines[1:], ""]))
        where.hand_over(pid_file)
        with running(state) as url:
            assert ask(url, "SELECT 1") == ["1"]
        assert stranger.is_alive
    finally:
        stranger.stop((signal.SIGTERM, 5.0))


def test_a_half_made_data_folder_is_made_again(state: Path) -> None:
    home = place(state).home
    (home / "data").mkdir()
    (home / "data" / "PG_VERSION").write_text("18")
    with running(state) as url:
        assert ask(url, "SELECT 1") == ["1"]


def test_two_owners_at_once_are_refused(state: Path) -> None:
    with running(state) as url:
        with pytest.raises(RuleViolation, match="another process uses the embedded Postgres"):
            EmbeddedPostgres(state).start()
        assert ask(url, "SELECT 1") == ["1"]


def test_what_the_server_says_is_in_the_error(state: Path) -> None:
    with running(state):
        home = place(state).home
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    server = EmbeddedPostgres(state)
    with pytest.raises(CannotStart, match=r"(?s)ended with code 1; .*no_such_setting"):
        server.start()
    # The failed start keeps nobody out.
    with pytest.raises(CannotStart):
        EmbeddedPostgres(state).start()


def test_a_password_that_does_not_fit_is_said(state: Path) -> None:
    with running(state):
        home = place(state).home
    (home / "password.secret").write_text("another")
    with pytest.raises(CannotStart, match=r"does not let us in; `fcb reset` starts anew"):
        EmbeddedPostgres(state).start()
