"""The writer: stores what concurrent requests bring in shared transactions, so that an answer is durable and still quick.

Owns: the one session that writes, the thread that does it, and who is told what. Does not own: what is stored (acts/intake,
acts/access).
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from fcb_pipelines.acts.access import record_calls
from fcb_pipelines.acts.intake import Delivery, Intake
from fcb_pipelines.domain.access import AccessEntry
from fcb_pipelines.domain.errors import Refused, RolledBack
from fcb_pipelines.domain.intake import Result
from fcb_pipelines.store.database import Database, connect

MOST_EVENTS = 5000
"""Of one transaction, beside the request that begins it: a later request need not wait for more."""
MOST_WAITING = 500
"""Requests that may wait; beyond them a caller is told to come again."""
SESSION = "fcb serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What one request wants to have stored, and what the access log says of it when the results are known."""

    delivery: Delivery | None
    entry: Callable[[list[Result]], AccessEntry]
    done: Future[list[Result]] = field(default_factory=Future)


class Overloaded(RolledBack):
    """More requests wait than can be stored soon."""


class Writer:
    """Stores requests in the order in which they come, several at once; start it, submit, stop it."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        """Nothing is opened before the first request."""
        self._db, self._clock = db, clock
        self._waiting: queue.Queue[Write | None] = queue.Queue(MOST_WAITING)
        self._intake: Intake | None = None
        self._thread = threading.Thread(target=self._run, name="fcb-writer", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def submit(self, write: Write) -> Future[list[Result]]:
        """Have a request stored; its results, when they are durable. Raises `Overloaded` where too many wait.

        The future raises `RolledBack` where the database fails: to send the same again is safe. Anything else that it raises
        is of this request alone.
        """
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            raise Overloaded("too many requests wait to be stored") from None
        return write.done

    def stop(self) -> None:
        """Store what was submitted, answer it, and end."""
        self._waiting.put(None)
        self._thread.join()
        self._close()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            writes, is_last = self._together(first)
            self._store(writes)
            if is_last:
                return

    def _together(self, first: Write) -> tuple[list[Write], bool]:
        """What waits already, up to so many events, and whether it is the end."""
        writes, events = [first], _size(first)
        while events < MOST_EVENTS:
            try:
                following = self._waiting.get_nowait()
            except queue.Empty:
                break
            if following is None:
                return writes, True
            writes.append(following)
            events += _size(following)
        return writes, False

    def _store(self, writes: list[Write]) -> None:
        """Store requests together; where that fails for another reason than the database, each by itself."""
        try:
            results = self._stored(writes)
        except (RolledBack, psycopg.OperationalError) as error:
            self._close()
            told = error if isinstance(error, RolledBack) else RolledBack("our own database stopped answering")
            for write in writes:
                write.done.set_exception(told)
        except Exception as error:
            self._close()
            if len(writes) == 1:
                writes[0].done.set_exception(error)
                return
            for write in writes:
                self._store([write])
        else:
            for write, found in zip(writes, results, strict=True):
                write.done.set_result(found)

    def _stored(self, writes: list[Write]) -> list[list[Result]]:
        if self._intake is None:
            try:
                self._intake = Intake(connect(self._db.url, autocommit=True, name=SESSION))
            except Refused as error:
                raise RolledBack(str(error)) from None
        conn = self._intake.conn
        with_events = [write for write in writes if write.delivery is not None]
        told: dict[int, list[Result]] = {}

        def log(results: list[list[Result]]) -> None:
            told.update((id(write), found) for write, found in zip(with_events, results, strict=True))
            record_calls(conn, [write.entry(told.get(id(write), [])) for write in writes])

        deliveries = [write.delivery for write in with_events if write.delivery is not None]
        self._intake.take(deliveries, self._clock(), log)
        return [told.get(id(write), []) for write in writes]

    def _close(self) -> None:
        intake, self._intake = self._intake, None
        if intake is not None:
            with contextlib.suppress(psycopg.Error):
                intake.conn.close()


def _size(write: Write) -> int:
    return 0 if write.delivery is None else len(write.delivery.facts)
