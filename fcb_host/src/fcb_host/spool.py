"""The spool: a SQLite file on the host's own disk that survives a crash of the process and an outage of the central side.

Owns: the connection, its durability, and that threads, processes and forks do not disturb each other. Does not own: the
tables (schema) and what is done with them (waiting, refusals, condition, reader), which are functions on a connection.
"""

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fcb_host import schema
from fcb_host.errors import SpoolUnavailable

_LARGEST_LOG_BYTES = 64 * 1024 * 1024
_PAUSE_SECONDS = 0.02


class Spool:
    """One file, one connection per process, one transaction at a time per process. Opened when first used."""

    def __init__(self, path: Path, *, busy_seconds: float) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._conn: sqlite3.Connection | None = None
        self._is_held_for_fork = False
        _OPEN.add(self)

    def __repr__(self) -> str:
        return f"Spool({str(self._path)!r})"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes; when it ends it is on the disk. Raises SpoolUnavailable."""
        with self._held() as conn:
            conn.execute("BEGIN IMMEDIATE")
            try:
                yield conn
                conn.execute("COMMIT")
            except BaseException:
                if conn.in_transaction:
                    conn.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the spool, which waits for nobody outside this process. Raises SpoolUnavailable."""
        with self._held() as conn:
            conn.execute("BEGIN")
            try:
                yield conn
            finally:
                conn.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            if self._conn is not None:
                self._conn.close()
                self._conn = None

    def before_fork(self) -> None:
        """Close between two transactions: a child that inherits a connection inherits its locks, and never sees them end."""
        self._is_held_for_fork = self._lock.acquire(timeout=self._busy_seconds)
        if self._is_held_for_fork and self._conn is not None:
            self._conn.close()
            self._conn = None

    def after_fork_in_parent(self) -> None:
        """Go on; the next use opens the file again."""
        if self._is_held_for_fork:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew with a lock of its own. A connection that could not be closed is left alone, as SQLite demands."""
        if self._conn is not None:
            _LEFT_TO_THE_PARENT.append(self._conn)
        self._conn = None
        self._lock = threading.Lock()

    @contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        if not self._lock.acquire(timeout=self._busy_seconds):
            raise SpoolUnavailable(f"the spool {self._path} was in use for {self._busy_seconds} seconds")
        try:
            if self._conn is None:
                self._conn = _opened(self._path, self._busy_seconds)
            yield self._conn
        except sqlite3.Error as fault:
            raise SpoolUnavailable(f"the spool {self._path} cannot be used: {fault}") from fault
        finally:
            self._lock.release()


_OPEN: "weakref.WeakSet[Spool]" = weakref.WeakSet()
_LEFT_TO_THE_PARENT: list[sqlite3.Connection] = []


def _before_fork() -> None:
    for spool in list(_OPEN):
        spool.before_fork()


def _after_fork_in_parent() -> None:
    for spool in list(_OPEN):
        spool.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for spool in list(_OPEN):
        spool.after_fork_in_child()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


def _opened(path: Path, busy_seconds: float) -> sqlite3.Connection:
    _make(path)
    conn = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        _write_ahead(conn, busy_seconds)
        # FULL: a commit is on the disk before it returns. NORMAL would lose the last commits with the power.
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute(f"PRAGMA journal_size_limit = {_LARGEST_LOG_BYTES}")
        conn.execute("BEGIN IMMEDIATE")
        schema.bring_up(conn)
        conn.execute("COMMIT")
    except BaseException:
        conn.close()
        raise
    return conn


def _make(path: Path) -> None:
    """The file, readable by its owner alone: it tells what customers use.

    One that is there is not touched: to open and close it would end all locks that this process has on it.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as fault:
        raise SpoolUnavailable(f"the spool {path} cannot be opened: {fault.strerror}") from None


def _write_ahead(conn: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch to write-ahead logging; SQLite does not wait for other processes that are doing so at this moment."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            mode = conn.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
            continue
        if mode != "wal":
            raise SpoolUnavailable("the spool's disk has no shared memory, which SQLite needs: use a local disk")
        return
