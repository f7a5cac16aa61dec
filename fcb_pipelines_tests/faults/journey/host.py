"""A host in a process of its own: fcb_host's receiver behind real HTTP, its worker, and acts that write what they do.

Owns: the process, its named moments, and `kill -9` at one. Does not own: what the acts write (receiver/dying).
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette

from fcb_host.errors import StorageUnavailable
from fcb_host.receiver.acting import What, Worker
from fcb_host.receiver.receiving import Answer, Receiver
from fcb_host.receiver.router import Clock, route
from fcb_host.receiver.storage import Storage, Transaction
from fcb_host.signing import Secret
from fcb_pipelines_tests.forks import FORKS, needs
from fcb_pipelines_tests.receiver import dying

LOG = "receiver.log"
READY_SECONDS = 20.0
LOOKS_EVERY_SECONDS = 0.05
ACTS = frozenset({What.SUSPENDED, What.RESTORED, What.DEPROVISIONED})
NEW = 202
_COUNTING = threading.Lock()
"""Requests are taken in several threads."""
needs(__name__, "uvicorn.loops.auto", "uvicorn.protocols.http.auto")


class Moment(StrEnum):
    """How far a host is with a message."""

    ACCEPTING = "accepting"
    STORED = "stored, not answered"
    ACTED = "acted, not noted"
    NOTED = "noted"


class Number(Protocol):
    """A number that processes share."""

    value: float


@dataclass(slots=True, kw_only=True)
class Doom:
    """At which moment a host ends, and the so-manyth time; never where there is none."""

    moment: Moment | None = None
    count: int = 1

    def passed(self, moment: Moment) -> None:
        """May be the end."""
        if moment is self.moment:
            with _COUNTING:
                self.count -= 1
                if self.count == 0:
                    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class MortalReceiver(Receiver):
    """A receiver that may end before it stores and before it answers."""

    doom: Doom

    def take(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Answer:
        self.doom.passed(Moment.ACCEPTING)
        answer = Receiver.take(self, headers, body, now)
        if answer.status == NEW:
            self.doom.passed(Moment.STORED)
        return answer


@dataclass(frozen=True, slots=True)
class MortalTransaction:
    """A transaction in which the host may end when it has acted, before that is noted."""

    inner: Transaction
    doom: Doom

    @property
    def connection(self) -> Any:
        return self.inner.connection

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        return self.inner.rows(statement, **values)

    def change(self, statement: str, **values: object) -> int:
        return self.inner.change(statement, **values)

    @contextmanager
    def part(self) -> Iterator[None]:
        with self.inner.part():
            yield
        self.doom.passed(Moment.ACTED)


@dataclass(frozen=True, slots=True)
class MortalStorage:
    """A storage with such transactions."""

    inner: Storage
    doom: Doom

    @contextmanager
    def transaction(self) -> Iterator[MortalTransaction]:
        with self.inner.transaction() as tx:
            yield MortalTransaction(tx, self.doom)


@dataclass(frozen=True, kw_only=True)
class House:
    """Where a host lives, over all its lives."""

    place: str
    """A URL of Postgres, or a file."""
    folder: Path
    secret: Secret
    ahead: Number
    """Seconds by which its clock is ahead; may change while it lives."""
    port: int

    def clock(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead.value)


def live(house: House, doom: Doom) -> None:
    """Take what comes and act on it, up to the end."""
    logging.basicConfig(filename=house.folder / LOG)
    storage = MortalStorage(dying.storage(house.place), doom)
    receiver = MortalReceiver(storage=storage, secrets=[house.secret], doom=doom)
    worker = Worker(storage=storage, actions=dying.Host(house.folder), terms=dying.MANY)
    threading.Thread(target=_work, args=(worker, house.clock, doom), daemon=True).start()
    app = Starlette(routes=[route(receiver, clock=house.clock)])
    uvicorn.run(app, host="127.0.0.1", port=house.port, log_config=None, access_log=False, lifespan="off", ws="none")


def _work(worker: Worker, clock: Clock, doom: Doom) -> None:
    while True:
        try:
            done = worker.run(clock(), most=1)
        except StorageUnavailable:
            done = []
        if ACTS.intersection(done):
            doom.passed(Moment.NOTED)
        if not done:
            time.sleep(LOOKS_EVERY_SECONDS)


@dataclass(kw_only=True)
class Host:
    """A host that is started again whenever it died."""

    house: House
    deaths: int = 0
    _process: BaseProcess | None = field(default=None)

    def start(self, doom: Doom) -> None:
        """Begin a life, and wait until it listens."""
        self._process = FORKS.Process(target=live, args=(self.house, replace(doom)), daemon=True)
        self._process.start()
        deadline = time.monotonic() + READY_SECONDS
        while not _listens(self.house.port):
            assert time.monotonic() < deadline, "the host does not come up"
            time.sleep(0.01)

    def revive(self) -> None:
        """Begin another life, without an end, if the last one is over."""
        assert self._process is not None
        if self._process.exitcode is not None:
            assert self._process.exitcode == -signal.SIGKILL, "it ends in no other way"
            self.deaths += 1
            self.start(Doom())

    def doomed(self) -> None:
        """Wait for an end that is sure to come, and begin another life."""
        assert self._process is not None
        if not self.deaths:
            self._process.join(READY_SECONDS)
            self.revive()

    def end(self) -> None:
        """`kill -9`, however far it is."""
        if self._process is not None:
            self._process.kill()
            self._process.join()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def a_house(place: str, folder: Path, secret: Secret, port: int, ahead: timedelta) -> House:
    """A house whose clock is so far ahead at first."""
    return House(place=place, folder=folder, secret=secret, port=port, ahead=FORKS.RawValue("d", ahead.total_seconds()))
