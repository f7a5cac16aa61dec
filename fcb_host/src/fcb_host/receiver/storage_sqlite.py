"""The receiver's storage in a SQLite file, for a host without a database server, or whose deployments are in that file.

Owns: the file and its transactions. Does not own: the tables, the statements. A connection lives as long as its transaction: no
thread, process or fork ever shares one, and nothing waits in a pool. The journal's mode is left as it is, because the file
may be the host's.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fcb_host.errors import StorageUnavailable
from fcb_host.receiver import tables

_LOCKS = re.compile(r"\bFOR UPDATE( SKIP LOCKED)?")
_NUMBER = "INTEGER PRIMARY KEY AUTOINCREMENT"


@dataclass(frozen=True, slots=True)
class SqliteTransaction:
    """An immediate transaction: it holds the file for writing from its beginning."""

    connection: sqlite3.Connection

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """What a query answers."""
        return self._run(statement, values).fetchall()

    def change(self, statement: str, **values: object) -> int:
        """Carry a statement out; how many rows it changed."""
        return self._run(statement, values).rowcount

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that is undone alone where its block raises."""
        self.connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO part")
            raise
        finally:
            self.connection.execute("RELEASE part")

    def _run(self, statement: str, values: dict[str, object]) -> sqlite3.Cursor:
        return self.connection.execute(_LOCKS.sub("", statement), values)


class SqliteStorage:
    """One file, on a local disk; made when it is not there, readable by its owner alone."""

    def __init__(self, path: Path, *, busy_seconds: float = 10.0) -> None:
        self._path = path
        self._busy_seconds = busy_seconds

    def __repr__(self) -> str:
        return f"SqliteStorage({str(self._path)!r})"

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """Begin, once everybody who writes at this moment is done. Raises StorageUnavailable."""
        try:
            _make(self._path)
            with closing(sqlite3.connect(self._path, timeout=self._busy_seconds, isolation_level=None)) as conn:
                # EXTRA: with a rollback journal, FULL alone may lose the last commit with the power.
                conn.execute("PRAGMA synchronous = EXTRA")
                conn.execute("BEGIN IMMEDIATE")
                tx = SqliteTransaction(conn)
                with _committed(conn):
                    tables.bring_up(tx, are_there=_are_there(tx), number=_NUMBER, octets="blob")
                    yield tx
        except sqlite3.Error as fault:
            raise StorageUnavailable(f"the receiver's file {self._path} cannot be used: {fault}") from fault


@contextmanager
def _committed(conn: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def _are_there(tx: SqliteTransaction) -> bool:
    return bool(tx.rows("SELECT 1 FROM sqlite_master WHERE name = 'fcb_receiver_version'"))


def _make(path: Path) -> None:
    """One that is there is not touched: to open and close it would end all locks that this process has on it."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as fault:
        raise StorageUnavailable(f"the receiver's file {path} cannot be opened: {fault.strerror}") from None
