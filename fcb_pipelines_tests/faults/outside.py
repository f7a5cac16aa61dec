"""What is beyond the wire: the server's process, its database, and our own process.

Owns: killing and starting them, and being another who writes the same rows. A real server is killed by the command in
`FCB_TEST_ODOO_KILL` and its database reached by `FCB_TEST_ODOO_POSTGRES_URL`; without them those faults are left out.
"""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import uvicorn
from psycopg import sql

from fcb_pipelines.local.sandbox import READY_PAGE, answers
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines_tests.faults.disturbance import Fault
from fcb_pipelines_tests.forks import FORKS, needs

needs("fcb_pipelines_tests.faults.attempts", __name__)
READY_SECONDS = 30.0
SESSIONS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What can be done to a server and to us, besides spoiling what is said between us."""

    kill_us: Callable[[], None]
    kill_server: Callable[[], None]
    start_server: Callable[[], None]
    end_sessions: Callable[[], None]
    rows_held: Callable[[str, list[int], float, bool], AbstractContextManager[None]]
    """Model, ids, how long, and whether again and again."""


def never() -> None:
    """Cannot be done to this server, and is not among its faults."""


class SandboxProcess:
    """The sandbox in a process of its own, on one port for its whole life."""

    def __init__(self, database_url: str, keys: Mapping[str, str]) -> None:
        self._given = (database_url, dict(keys))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = FORKS.Process(target=serve, args=(*self._given, self._port), daemon=True)
        self._process.start()
        wait_until(lambda: answers(self.url + READY_PAGE))

    def kill(self) -> None:
        """End it as the system does when memory runs out."""
        self._process.kill()
        self._process.join()
        self._process.close()


def serve(database_url: str, keys: Mapping[str, str], port: int) -> None:
    """What the process does."""
    app = create_app(database_url, keys, clock=lambda: datetime.now(UTC))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", access_log=False)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def end_sessions(database_url: str) -> None:
    """End every session of this database, whatever it is doing."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(SESSIONS)


@contextmanager
def rows_held(database_url: str, model: str, ids: list[int], seconds: float, is_hot: bool) -> Iterator[None]:
    """Have another write the same rows: once, committing after so long, or again and again until the block ends."""
    table = sql.Identifier(model.replace(".", "_"))
    statement = sql.SQL("UPDATE {} SET write_date = write_date WHERE id = ANY(%s)").format(table)
    is_over = threading.Event()

    def write(conn: psycopg.Connection[tuple[object, ...]]) -> None:
        conn.execute(statement, [ids])
        is_over.wait(seconds + 0.02)
        conn.commit()

    def go_on(conn: psycopg.Connection[tuple[object, ...]]) -> None:
        write(conn)
        while is_hot and not is_over.is_set():
            write(conn)

    with psycopg.connect(database_url) as conn:
        conn.execute(statement, [ids])
        writer = threading.Thread(target=go_on, args=(conn,))
        writer.start()
        try:
            yield
        finally:
            is_over.set()
            writer.join()


def kill_by_command(command: str) -> None:
    """Kill a real server as its operator says."""
    subprocess.run(command, shell=True, check=True, timeout=30)  # noqa: S602 - the operator's own command


def possible(environ: Mapping[str, str]) -> tuple[Fault, ...]:
    """The faults that a real server can be given, by what the operator allows."""
    needs = {
        Fault.SERVER_KILLED: "FCB_TEST_ODOO_KILL",
        Fault.BACKEND_KILLED: "FCB_TEST_ODOO_POSTGRES_URL",
        Fault.HOT_ROW: "FCB_TEST_ODOO_POSTGRES_URL",
    }
    return tuple(fault for fault in Fault if fault not in needs or environ.get(needs[fault]))


def kill(pid: int) -> None:
    """End a process of ours at once; one that has ended already is left alone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
