"""A receiver's process that is killed at a point: a storage and a host that count their steps and end the process at one.

Owns: the points (before each transaction, each statement, each act of the host, before and after each commit) and `kill -9`.
Does not own: what is sent and what must be left (rounds).
"""

import os
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from fcb_host.receiver.acting import Call, Terms, Worker
from fcb_host.receiver.receiving import Receiver
from fcb_host.receiver.storage import Storage, Transaction
from fcb_host.receiver.storage_postgres import PostgresStorage
from fcb_host.receiver.storage_sqlite import SqliteStorage
from fcb_pipelines_tests.receiver.said import NOW, SECRET, Request

ANSWERED, OUTSIDE = "answered", "outside"
"""Files of a round: ids that were answered 2xx, acts that were done outside the database."""
MANY = Terms(most_suspensions=10_000, most_deprovisions=10_000)


@dataclass(slots=True)
class Fate:
    """At which step the process ends; never where there is none."""

    at: int | None
    of_acts: bool = False
    """Whether only the steps of the host's acts count."""
    steps: int = 0

    def step(self, *, is_of_act: bool = False) -> None:
        """One more step, and it may be the last."""
        self.steps += is_of_act or not self.of_acts
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class DyingTransaction:
    """A transaction of which each statement is a point."""

    inner: Transaction
    fate: Fate

    @property
    def connection(self) -> Any:
        return self.inner.connection

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        self.fate.step()
        return self.inner.rows(statement, **values)

    def change(self, statement: str, **values: object) -> int:
        self.fate.step()
        return self.inner.change(statement, **values)

    @contextmanager
    def part(self) -> Iterator[None]:
        with self.inner.part():
            yield
            self.fate.step()


@dataclass(frozen=True, slots=True)
class DyingStorage:
    """A storage of which each beginning, the moment before each commit and the moment after it are points."""

    inner: Storage
    fate: Fate

    @contextmanager
    def transaction(self) -> Iterator[DyingTransaction]:
        self.fate.step()
        with self.inner.transaction() as tx:
            yield DyingTransaction(tx, self.fate)
            self.fate.step()
        self.fate.step()


@dataclass(frozen=True, slots=True)
class Host:
    """Does each act twice: in the database, over the connection that it is handed, and outside of it, in a file."""

    folder: Path
    fate: Fate = field(default_factory=lambda: Fate(None))

    def suspend(self, call: Call) -> None:
        self._do("suspend", call)

    def restore(self, call: Call) -> None:
        self._do("restore", call)

    def deprovision(self, call: Call) -> None:
        self._do("deprovision", call)

    def _do(self, what: str, call: Call) -> None:
        self.fate.step(is_of_act=True)
        note(self.folder / OUTSIDE, f"{what} {call.deployment_id} {call.message_id}")
        self.fate.step(is_of_act=True)
        values = (what, call.deployment_id, call.message_id)
        mark = "?" if isinstance(call.connection, sqlite3.Connection) else "%s"
        call.connection.execute(f"INSERT INTO effect (what, deployment, message) VALUES ({mark}, {mark}, {mark})", values)
        self.fate.step(is_of_act=True)


def note(file: Path, line: str) -> None:
    """Write a line that outlives the process."""
    with file.open("a", encoding="utf-8") as notes:
        notes.write(f"{line}\n")


def noted(file: Path) -> list[str]:
    """The lines that were written."""
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def storage(place: str) -> Storage:
    """A database by its URL, or a file."""
    return PostgresStorage(place) if place.startswith("postgres") else SqliteStorage(Path(place))


def live(place: str, folder: Path, requests: Sequence[Request], fate: Fate, now: datetime = NOW) -> None:
    """A life of a receiver: it takes what is sent, and acts, up to its end."""
    kept = DyingStorage(storage(place), fate)
    receiver = Receiver(storage=kept, secrets=[SECRET])
    worker = Worker(storage=kept, actions=Host(folder, fate), terms=MANY)
    for number, each in enumerate(requests, start=1):
        if receiver.take(each.headers, each.body, now).status // 100 == 2:
            note(folder / ANSWERED, each.headers["webhook-id"])
        if number % 4 == 0:
            worker.run(now)
    worker.run(now)
