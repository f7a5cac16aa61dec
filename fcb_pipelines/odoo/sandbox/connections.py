"""The sandbox's connections to Postgres: one call is one transaction.

Owns: lending connections, committing and rolling back, trying again what another transaction was in the way of, and what is
said when Postgres goes away.
"""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Any, TypeVar

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure
from psycopg.rows import dict_row

from fcb_pipelines.odoo.sandbox.errors import OdooError

Connection = psycopg.Connection[dict[str, Any]]
Answer = TypeVar("Answer")

PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4)
"""Odoo too tries five times before it gives up."""

IN_THE_WAY = (SerializationFailure, DeadlockDetected, LockNotAvailable)


class Connections:
    """Lends connections with repeatable reads, as Odoo works; keeps those given back for the next call."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._free: LifoQueue[Connection] = LifoQueue()

    def in_transaction(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do the work and commit; on any error nothing is kept. Lost races are run again. Raises OdooError."""
        for pause_seconds in PAUSES_SECONDS:
            try:
                return self._once(work)
            except IN_THE_WAY:
                time.sleep(pause_seconds)
        try:
            return self._once(work)
        except IN_THE_WAY as fault:
            name = f"psycopg2.errors.{type(fault).__name__}"
            raise OdooError(name, f"{fault.diag.message_primary}\n") from None

    def close(self) -> None:
        """Close what is not lent."""
        while not self._free.empty():
            self._free.get_nowait().close()

    def _once(self, work: Callable[[Connection], Answer]) -> Answer:
        with self._lent() as conn:
            try:
                with conn.transaction():
                    return work(conn)
            except psycopg.OperationalError:
                if conn.closed:
                    # Whatever Postgres said, Odoo finds its own cursor closed when it rolls back, and tells that.
                    name = "psycopg2.InterfaceError"
                    raise OdooError(name, "cursor already closed") from None
                raise

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        conn = self._take()
        try:
            yield conn
        finally:
            if conn.closed:
                conn.close()
            else:
                self._free.put(conn)

    def _take(self) -> Connection:
        try:
            while _is_over(conn := self._free.get_nowait()):
                conn.close()
        except Empty:
            conn = psycopg.connect(self._database_url, row_factory=dict_row)
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return conn


def _is_over(conn: Connection) -> bool:
    """Whether Postgres ended a connection while nobody used it: only then has it anything to say unasked."""
    waiting = select.poll()
    waiting.register(conn.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
