"""Slots: how many calls to a system outside go on at once, over all our processes on all machines.

Owns: the sessions on our own Postgres whose locks are the slots. Does not own: what is called (odoo), or how many slots there
are (settings).

A slot is an advisory lock of a session: Postgres frees it when the session ends, however the process does. Who waits stands in
line behind one more lock, which Postgres gives in the order in which it was asked for; only the first in the line looks for a
free slot. No transaction is open meanwhile, neither while waiting nor while the slot is held.
"""

import random
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from fcb_pipelines.domain.errors import Refused, RolledBack, RuleViolation
from fcb_pipelines.store.database import Connection, connect

SHORTEST_LOOK_SECONDS, LONGEST_LOOK_SECONDS = 0.005, 0.05
"""How long the first in the line waits before it looks again, at most; longer the longer it waited already."""
PATIENCE_SECONDS = 600.0

LOCK = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
SESSION = "fcb slot"
"""How the sessions are listed in Postgres."""


class Slots:
    """At most `limit` holders at once of all that name the same `work` on the same database; for any number of threads.

    A session is kept open for the next call, one for each thread that calls at the same time, and opened again if it was lost.
    """

    def __init__(
        self,
        url: str,
        work: str,
        limit: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._line = f"{work}/line"
        self._names = [f"{work}/{number}" for number in range(1, limit + 1)]
        self._clock = clock
        self._sleep = sleep
        self._idle: list[Connection] = []
        self._waited = threading.local()
        weakref.finalize(self, _close, self._idle)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one slot while the block runs, waiting for it first.

        Raises `RolledBack` if our own database does not answer: the call was not made, and a pause may bridge a restart. Never
        `Refused`, which would be taken for the answer to the call and blamed on its records. Raises `RuleViolation`, which
        nobody asks again, if no slot came free within ten minutes. A session that is lost while the block runs frees the slot
        early: the call goes on, beyond the limit.
        """
        conn, name = self._taken()
        try:
            yield
        finally:
            self._give_back(conn, name)

    def working_seconds(self) -> float:
        """A clock that stands still while this thread waits for a slot."""
        return self._clock() - self._waited_seconds

    @property
    def _waited_seconds(self) -> float:
        return getattr(self._waited, "seconds", 0.0)

    def _taken(self) -> tuple[Connection, str]:
        started = self._clock()
        try:
            return self._found()
        finally:
            self._waited.seconds = self._waited_seconds + self._clock() - started

    def _found(self) -> tuple[Connection, str]:
        with suppress(psycopg.OperationalError, IndexError):
            return self._searched(self._idle.pop())
        # There was no idle session, or it was lost since the last call.
        try:
            return self._searched(connect(self._url, autocommit=True, name=SESSION))
        except Refused as error:
            raise RolledBack(str(error)) from None
        except psycopg.OperationalError as error:
            reason = str(error).strip().partition("\n")[0]
            raise RolledBack(f"our own database, which counts the calls to Odoo, stopped answering ({reason})") from None

    def _searched(self, conn: Connection) -> tuple[Connection, str]:
        try:
            return conn, self._first_free(conn)
        except BaseException:
            # Its locks end with it.
            conn.close()
            raise

    def _first_free(self, conn: Connection) -> str:
        deadline = self._clock() + PATIENCE_SECONDS
        while self._clock() < deadline:
            is_first = _stand_in_line(conn, self._line)
            name = self._awaited(conn, deadline) if is_first else self._free(conn)
            if is_first:
                conn.execute(UNLOCK, [self._line])
            if name is not None:
                return name
        raise RuleViolation(
            f"no call to Odoo was free within {PATIENCE_SECONDS / 60:.0f} minutes: "
            f"FCB_ODOO_CONCURRENCY is {len(self._names)}, and so many go on elsewhere; "
            "run again when they have ended"
        )

    def _awaited(self, conn: Connection, deadline: float) -> str | None:
        pause_seconds = SHORTEST_LOOK_SECONDS
        while (name := self._free(conn)) is None and self._clock() < deadline:
            self._sleep(pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause_seconds = min(pause_seconds * 1.5, LONGEST_LOOK_SECONDS)
        return name

    def _free(self, conn: Connection) -> str | None:
        return next((name for name in self._names if _is_true(conn, TRY_LOCK, name)), None)

    def _give_back(self, conn: Connection, name: str) -> None:
        try:
            conn.execute(UNLOCK, [name])
        except psycopg.OperationalError:
            conn.close()
        else:
            self._idle.append(conn)


def _stand_in_line(conn: Connection, line: str) -> bool:
    """Wait to be the first in the line; False after the session's lock timeout, as somebody who hangs may be the first."""
    try:
        conn.execute(LOCK, [line])
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _is_true(conn: Connection, statement: str, name: str) -> bool:
    row = conn.execute(statement, [name]).fetchone()
    return row is not None and bool(row[0])


def _close(idle: list[Connection]) -> None:
    for conn in idle:
        conn.close()
