"""The writer: stores what concurrent requests bring in shared transactions, so that an answer is durable and still quick.

Owns: the one session that writes, the thread that does it, who is told what, and that an answer to be given again is stored
with what it tells. Does not own: what is stored (acts), which requests are the same (idempotency).
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from fcb_pipelines.acts.access import record_calls
from fcb_pipelines.acts.intake import Delivery, Intake
from fcb_pipelines.api.answers import Answer, told_problem
from fcb_pipelines.api.idempotency import KEPT, other_request
from fcb_pipelines.api.metrics import Metrics
from fcb_pipelines.domain.access import AccessEntry
from fcb_pipelines.domain.errors import Refused, RolledBack
from fcb_pipelines.domain.intake import Result
from fcb_pipelines.store import idempotency
from fcb_pipelines.store.database import Connection, Database, connect
from fcb_pipelines.store.idempotency import Overtaken, Pairing, StoredAnswer

MOST_EVENTS = 5000
"""Of one transaction, beside the request that begins it: a later request need not wait for more."""
MOST_WAITING = 500
"""Requests that may wait; beyond them a caller is told to come again."""
SESSION = "fcb serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What one request wants to have stored, and what is said of it."""

    answer: Callable[[Connection, list[Result]], Answer]
    """Called within the transaction, with the result of each event; it may store more there."""
    entry: Callable[[int], AccessEntry]
    """What the access log says of a request that was answered with a status."""
    delivery: Delivery | None = None
    pairing: Pairing | None = None
    """Where it had an `Idempotency-Key`: the answer is given again to the same request."""
    done: Future[Answer] = field(default_factory=Future)


class Overloaded(RolledBack):
    """More requests wait than can be stored soon."""


class Writer:
    """Stores requests in the order in which they come, several at once; start it, submit, stop it."""

    def __init__(self, db: Database, clock: Callable[[], datetime], metrics: Metrics) -> None:
        """Nothing is opened before the first request."""
        self._db, self._clock, self._metrics = db, clock, metrics
        self._waiting: queue.Queue[Write | None] = queue.Queue(MOST_WAITING)
        self._intake: Intake | None = None
        self._thread = threading.Thread(target=self._run, name="fcb-writer", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        self._thread.start()

    def submit(self, write: Write) -> Future[Answer]:
        """Have a request stored; its answer, when that is durable. Raises `Overloaded` where too many wait.

        The future raises `RolledBack` where the database fails: to send the same again is safe. Anything else that it raises
        is of this request alone.
        """
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            raise Overloaded("too many requests wait to be stored") from None
        return write.done

    def waiting(self) -> int:
        """How many requests wait, about."""
        return self._waiting.qsize()

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

    def _store(self, writes: list[Write], *, is_again: bool = False) -> None:
        """Store requests together; where that fails for another reason than the database, each by itself."""
        begun = time.perf_counter()
        try:
            answers = self._stored(writes)
        except (RolledBack, psycopg.OperationalError) as error:
            self._failed()
            told = error if isinstance(error, RolledBack) else RolledBack("our own database stopped answering")
            for write in writes:
                write.done.set_exception(told)
        except Exception as error:
            self._failed()
            if len(writes) > 1:
                for write in writes:
                    self._store([write])
            elif isinstance(error, Overtaken) and not is_again:
                self._store(writes, is_again=True)
            else:
                writes[0].done.set_exception(error)
        else:
            self._metrics.stored(len(writes), sum(map(_size, writes)), time.perf_counter() - begun)
            for write, answer in zip(writes, answers, strict=True):
                write.done.set_result(answer)

    def _stored(self, writes: list[Write]) -> list[Answer]:
        intake, now = self._connected(), self._clock()
        answers = _given_before(intake.conn, writes, now)
        fresh = [write for write in writes if id(write) not in answers]
        with_events = [(write, write.delivery) for write in fresh if write.delivery is not None]

        def finish(results: list[list[Result]]) -> None:
            found = {id(write): of_one for (write, _), of_one in zip(with_events, results, strict=True)}
            answers.update((id(write), write.answer(intake.conn, found.get(id(write), []))) for write in fresh)
            _keep(intake.conn, [(write.pairing, answers[id(write)]) for write in fresh if write.pairing], now)
            record_calls(intake.conn, [write.entry(answers[id(write)].status) for write in writes])

        intake.take([delivery for _, delivery in with_events], now, finish)
        return [answers[id(write)] for write in writes]

    def _connected(self) -> Intake:
        if self._intake is None:
            try:
                self._intake = Intake(connect(self._db.url, autocommit=True, name=SESSION))
            except Refused as error:
                raise RolledBack(str(error)) from None
        return self._intake

    def _failed(self) -> None:
        self._metrics.failed()
        self._close()

    def _close(self) -> None:
        intake, self._intake = self._intake, None
        if intake is not None:
            with contextlib.suppress(psycopg.Error):
                intake.conn.close()


def _size(write: Write) -> int:
    return 0 if write.delivery is None else len(write.delivery.facts)


def _given_before(conn: Connection, writes: Sequence[Write], now: datetime) -> dict[int, Answer]:
    """The answers of requests that were carried out before, and of those that took the key of another; by the write's id."""
    paired = [(id(write), write.pairing) for write in writes if write.pairing is not None]
    there = idempotency.find(conn, [each for _, each in paired], now - KEPT) if paired else {}
    return {number: _again(each, there[each.place]) for number, each in paired if each.place in there}


def _again(pairing: Pairing, there: StoredAnswer) -> Answer:
    if there.fingerprint != pairing.fingerprint:
        return told_problem(other_request())
    return Answer(status=there.status, content=lambda: there.content, media_type=there.media_type, is_replayed=True)


def _keep(conn: Connection, answers: Sequence[tuple[Pairing, Answer]], now: datetime) -> None:
    rows = [
        StoredAnswer(
            service=pairing.service,
            idempotency_key=pairing.idempotency_key,
            fingerprint=pairing.fingerprint,
            status=answer.status,
            media_type=answer.media_type,
            content=answer.content(),
        )
        for pairing, answer in answers
    ]
    if rows:
        idempotency.keep(conn, rows, now=now, since=now - KEPT)
