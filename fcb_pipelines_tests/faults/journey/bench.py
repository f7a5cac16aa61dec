"""What a round is played with: a service of ours with an endpoint, a host that listens there, and the way between.

Owns: setting them up, and that all processes of a round end with it. Does not own: what happens (play).
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from fcb_host.receiver.storage import Storage
from fcb_pipelines.acts.delivery import LEASE
from fcb_pipelines.acts.endpoints import By
from fcb_pipelines.local.postgres import EmbeddedPostgres
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhooks.sealing import Sealing, new_key
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.faults import senders
from fcb_pipelines_tests.faults.journey import outage
from fcb_pipelines_tests.faults.journey.host import Host, a_house
from fcb_pipelines_tests.faults.journey.plans import Plan
from fcb_pipelines_tests.faults.journey.way import Way, opened
from fcb_pipelines_tests.faults.serving import a_free_port
from fcb_pipelines_tests.receiver import dying
from fcb_pipelines_tests.receiver.conftest import empty
from fcb_pipelines_tests.receiver.rounds import EFFECTS
from fcb_pipelines_tests.webhooks.outgoing import an_endpoint

KEYS = new_key()
RIGHT = timedelta(0)
BOOKS = """
    SELECT d.message_id, d.state, d.attempts, d.ended_at FROM delivery d JOIN message m USING (message_id) WHERE m.service = %s
     ORDER BY d.delivery_id
"""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What rounds share."""

    ours: EmbeddedPostgres
    theirs: EmbeddedPostgres
    """That of a receiver, on which nobody else has a session."""


@dataclass(kw_only=True)
class Round:
    """A round as it goes on."""

    plan: Plan
    bench: Bench
    db: Database
    """Ours."""
    folder: Path
    service: str
    way: Way
    host: Host
    storage: Storage
    """The receiver's."""
    chance: random.Random
    struck: Counter[str] = field(default_factory=Counter)
    """How often what befell whom."""
    different: list[str] = field(default_factory=list)
    """What was not as it should be on the way."""
    begun: list[BaseProcess] = field(default_factory=list)
    messages: int = 0

    def sender(self, strike: senders.Strike | None = None, apart: timedelta = RIGHT) -> BaseProcess:
        """Start one whose clock is so far before the receiver's.

        Its lease is as long as in earnest, so that none ends on a busy machine; time is made to pass.
        """
        like = senders.Like(service=self.service, ahead=self.plan.ahead + apart, lease=LEASE)
        process = senders.started(self.db.url, KEYS, strike, like)
        self.begun.append(process)
        return process

    def books(self) -> list[tuple[object, ...]]:
        """What we hold of each delivery: message, state, attempts, end."""
        with self.db.transaction() as conn:
            return conn.execute(BOOKS, [self.service]).fetchall()

    def end(self) -> None:
        """`kill -9` for all who still run."""
        for process in self.begun:
            process.kill()
            process.join()
        self.host.end()


@contextmanager
def laid_out(plan: Plan, bench: Bench, folder: Path) -> Iterator[Round]:
    """A round before its first fact; nobody runs after the block."""
    for postgres in (bench.ours, bench.theirs):
        outage.revive(postgres)
    place = bench.theirs.ensure_database("theirs") if plan.is_on_postgres else str(folder / "receiver.sqlite")
    db = Database(bench.ours.ensure_database("ours"))
    service, port = f"shop-{plan.seed}-{time.monotonic_ns()}", a_free_port()
    with ExitStack() as stack:
        way = stack.enter_context(opened(port))
        with db.transaction() as conn:
            by = By(service=service, actor="ada", now=NOW)
            _, secret = an_endpoint(conn, way.url, by=by, sealing=Sealing(KEYS))
        one = Round(
            plan=plan,
            bench=bench,
            db=db,
            folder=folder,
            service=service,
            way=way,
            host=Host(house=a_house(place, folder, secret, port, plan.ahead)),
            storage=_made(place),
            chance=random.Random(plan.seed),  # noqa: S311 - what is told, no secret
        )
        stack.callback(one.end)
        yield one


def _made(place: str) -> Storage:
    """An empty storage with the table of the host, so that its tables are there before anybody dies."""
    if place.startswith("postgres"):
        empty(place)
    storage = dying.storage(place)
    with storage.transaction() as tx:
        tx.change(EFFECTS)
    return storage
