"""The receiver's storage in Postgres, best in the database that holds the host's deployments.

Owns: its transactions, and how a statement is written for it. Does not own: the tables, the statements. Needs psycopg 3, which
comes with `fcb-host[postgres]`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from fcb_host.errors import StorageUnavailable
from fcb_host.receiver import tables

Opens = Callable[[], AbstractContextManager["psycopg.Connection[Any]"]]
"""Gives a connection for one transaction: `psycopg.connect` with its arguments, or the `connection` of a pool."""

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_NUMBER = "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
_ONE_AT_A_TIME = 7_315_002_114
"""The advisory lock of whoever makes the tables: two who do so at once would trip over each other."""


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """A transaction of psycopg."""

    connection: "psycopg.Connection[Any]"

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """What a query answers."""
        return self._run(statement, values).fetchall()

    def change(self, statement: str, **values: object) -> int:
        """Carry a statement out; how many rows it changed."""
        return self._run(statement, values).rowcount

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part that is undone alone where its block raises."""
        with self.connection.transaction():
            yield

    def _run(self, statement: str, values: dict[str, object]) -> "psycopg.Cursor[tuple[Any, ...]]":
        # A pool of the host may hand out connections with rows of another kind.
        return self.connection.cursor(row_factory=tuple_row).execute(_written(statement), values)


class PostgresStorage:
    """A database, by its URL; or a way to open a connection to it, such as the host's own pool."""

    def __init__(self, opens: str | Opens, *, connect_seconds: int = 5) -> None:
        self._opens = _connects(opens, connect_seconds) if isinstance(opens, str) else opens
        self._are_tables_there = False

    def __repr__(self) -> str:
        # A URL has a password in it.
        return "PostgresStorage(…)"

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """Begin. Raises StorageUnavailable."""
        try:
            with self._opens() as conn, conn.transaction():
                tx = PostgresTransaction(conn)
                self._bring_up(tx)
                yield tx
            self._are_tables_there = True
        except psycopg.Error as fault:
            raise StorageUnavailable(f"the receiver's database cannot be used: {_first_line(fault)}") from fault

    def _bring_up(self, tx: PostgresTransaction) -> None:
        """See to the tables, until a transaction of this process was committed that did.

        Whether they are there is asked first: one who may not create any can go on with those that another one made.
        """
        if self._are_tables_there:
            return
        are_there = _are_there(tx)
        if not are_there:
            # Asked once more it would still say no: what somebody else committed meanwhile is looked up in a cache.
            tx.rows("SELECT pg_advisory_xact_lock(:key)", key=_ONE_AT_A_TIME)
        tables.bring_up(tx, are_there=are_there, number=_NUMBER, octets="bytea")


def _connects(url: str, seconds: int) -> Opens:
    # Keepalives: a session whose server is gone without a word ends within half a minute.
    return partial(psycopg.connect, url, connect_timeout=seconds, keepalives_idle=10, keepalives_interval=5, keepalives_count=3)


def _are_there(tx: PostgresTransaction) -> bool:
    return tx.rows("SELECT to_regclass('fcb_receiver_version')") != [(None,)]


@cache
def _written(statement: str) -> bytes:
    return _PARAMETER.sub(r"%(\1)s", statement).encode()


def _first_line(fault: Exception) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0]
