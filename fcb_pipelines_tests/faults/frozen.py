"""Moments at which a command is stopped: in the middle of its first write to a table, for as long as a test wants.

Owns: how a moment is reached without guessing at time. A lock lets readers through and holds whoever writes the table.
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
from psycopg import sql

from fcb_pipelines.local.warm import Command

LONGEST_SECONDS = 60.0
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted)"
LEFT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fcb'"


@contextmanager
def frozen(url: str, table: str) -> Iterator[psycopg.Connection[tuple[bool]]]:
    """Hold everybody who writes to a table of this database until the block ends."""
    # Only closed, because Postgres may have died in between.
    with closing(psycopg.connect(url)) as holder, closing(psycopg.connect(url, autocommit=True)) as watcher:
        holder.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.Identifier(table)))
        yield watcher


def reaches(command: Command, watcher: psycopg.Connection[tuple[bool]], table: str) -> None:
    """Wait until somebody is held at the table."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while watcher.execute(WAITING, [table]).fetchone() != (True,):
        assert time.monotonic() < deadline, f"nobody wrote to {table}; it said: {command.said}"
        time.sleep(0.01)


def settled(url: str) -> None:
    """Wait until no session of a killed command is left in our store: what it held is free."""
    deadline = time.monotonic() + LONGEST_SECONDS
    with psycopg.connect(url, autocommit=True) as conn:
        while conn.execute(LEFT).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
