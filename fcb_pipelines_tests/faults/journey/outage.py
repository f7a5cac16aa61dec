"""What befalls a Postgres that keeps what it was given: its sessions end, it is killed, it is stopped at once."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres

LONGEST_SECONDS = 10.0
SESSIONS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def kill(postgres: EmbeddedPostgres) -> None:
    """`kill -9` of every process at once."""
    pid = postgres.child.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for each in (pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def stop_at_once(postgres: EmbeddedPostgres) -> None:
    """An immediate stop: no session ends in order, and the next start recovers."""
    postgres.child.process.send_signal(signal.SIGQUIT)


def end_sessions(postgres: EmbeddedPostgres) -> None:
    """End every session on the server but the one that asks, as soon as there is one."""
    with psycopg.connect(postgres.ensure_database("postgres"), autocommit=True) as conn:
        until = time.monotonic() + LONGEST_SECONDS
        while conn.execute(SESSIONS).fetchone() == (0,):
            assert time.monotonic() < until, "nobody has a session"
            time.sleep(0.001)


@contextmanager
def lasting(state: Path) -> Iterator[EmbeddedPostgres]:
    """A Postgres in an empty folder that outlives its own end, lets in quickly, and is removed afterwards."""
    server = EmbeddedPostgres(state, durable=True)
    try:
        url = server.start()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("SET scram_iterations = 1")
            conn.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(conn.info.password)))
        yield server
    finally:
        server.stop()
        remove(state)


def again(postgres: EmbeddedPostgres) -> None:
    """Start one that has just ended, at the address that it had."""
    postgres.child.process.wait(LONGEST_SECONDS)
    postgres.stop()
    postgres.start()


def revive(postgres: EmbeddedPostgres) -> None:
    """Start it again if it has ended, as after a round that broke off."""
    if postgres.child.process.poll() is not None:
        again(postgres)
