"""A store that keeps its sessions for later transactions: a new one costs Postgres more than most transactions of a test.

Owns: lending sessions, taking them back, and ending those of a database. Does not own: how one is opened, and how its errors
are told (the store's own). What is about sessions themselves is tested with `Database`, which opens one for each transaction.
"""

import select
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from fcb_pipelines.store.database import Connection, Database, _told, connect

_free: defaultdict[str, list[Connection]] = defaultdict(list)
"""What is lent to nobody, by the URL of the database."""


@dataclass(frozen=True, slots=True, repr=False)
class KeptStore(Database):
    """The store; its transactions begin and end as ever, and no session is used by two at once."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with _told():
            conn = _lent(self.url)
            try:
                yield conn
                conn.commit()
            finally:
                _take_back(self.url, conn)


def end_sessions(url: str) -> None:
    """End those that are lent to nobody, so that the database can be copied or dropped."""
    for conn in _free.pop(url, []):
        conn.close()


def _lent(url: str) -> Connection:
    free = _free[url]
    while free:
        conn = free.pop()
        if not _is_over(conn):
            return conn
        conn.close()
    return connect(url)


def _take_back(url: str, conn: Connection) -> None:
    with suppress(psycopg.OperationalError):
        # Says nothing to Postgres where the transaction was committed.
        conn.rollback()
    if conn.closed:
        conn.close()
    else:
        _free[url].append(conn)


def _is_over(conn: Connection) -> bool:
    """Whether Postgres has ended it meanwhile: nothing else comes unasked."""
    return conn.closed or bool(select.select([conn.fileno()], [], [], 0)[0])
