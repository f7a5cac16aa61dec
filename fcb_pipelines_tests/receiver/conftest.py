"""The storages, and a receiver with its worker on each: the same tests hold for all."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fcb_host.receiver import inbox, operating
from fcb_host.receiver.acting import Terms, What, Worker
from fcb_host.receiver.inbox import Entry, Standing
from fcb_host.receiver.operating import Status
from fcb_host.receiver.receiving import Answer, Receiver
from fcb_host.receiver.storage import Storage
from fcb_host.receiver.storage_postgres import PostgresStorage
from fcb_host.receiver.storage_sqlite import SqliteStorage
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.receiver.said import FAILED, SECRET, Clock, Told, request

TERMS = Terms(most_suspensions=3, most_deprovisions=1, grace=timedelta(days=14))


@dataclass(kw_only=True)
class House:
    """A receiver, its worker and a host that remembers."""

    storage: Storage
    host: Told = field(default_factory=Told)
    clock: Clock = field(default_factory=Clock)
    terms: Terms = TERMS

    @property
    def receiver(self) -> Receiver:
        return Receiver(storage=self.storage, secrets=[SECRET])

    def take(self, message_id: str = "msg_1", type_: str = FAILED, *, sequence: int = 1, **data: Any) -> Answer:
        """Deliver a message now."""
        came = request(message_id, type_, sequence=sequence, at=self.clock(), **data)
        return self.receiver.take(came.headers, came.body, self.clock())

    def act(self, **terms: Any) -> list[What]:
        """One run of a worker that does not wait by chance."""
        worker = Worker(storage=self.storage, actions=self.host, terms=replace(self.terms, **terms), chance=lambda most: most)
        return worker.run(self.clock())

    def entries(self) -> dict[str, Entry]:
        """Every message by its id."""
        with self.storage.transaction() as tx:
            return {one.message_id: one for one in inbox.listed(tx, list(Standing))}

    def standings(self) -> dict[str, str]:
        """Where each message stands."""
        return {name: one.standing.value for name, one in self.entries().items()}

    def status(self) -> Status:
        """The status now."""
        with self.storage.transaction() as tx:
            return operating.status(tx, now=self.clock())


@pytest.fixture(scope="module")
def shared_url(postgres_url: str) -> Iterator[str]:
    """A database that the tests of a module share; each begins with no table of ours."""
    with database(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each storage, empty."""
    if request.param == "sqlite":
        return SqliteStorage(tmp_path / "receiver.sqlite")
    url = request.getfixturevalue("shared_url")
    empty(url)
    return PostgresStorage(url)


def empty(url: str) -> None:
    """Take all tables away."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("DROP SCHEMA public CASCADE")
        conn.execute("CREATE SCHEMA public")


@pytest.fixture
def house(storage: Storage) -> House:
    return House(storage=storage)
