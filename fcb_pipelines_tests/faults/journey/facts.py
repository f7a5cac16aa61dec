"""Facts of a round: what becomes of some deployments, told in our outbox, beside facts that are taken back.

Owns: the scenes, the table of facts that were really committed, and where each deployment must stand in the end. Does not own:
the outbox. What was committed is read from the table: whoever loses the database in a commit does not know.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.messages import MessageType, News
from fcb_pipelines.store.database import Connection, Database, Session
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.receiver.said import about, invoice

Word = tuple[MessageType, int]
"""What is said, and of which invoice."""

FAILED, PAID, ENDED = MessageType.PAYMENT_FAILED, MessageType.PAYMENT_SUCCEEDED, MessageType.TERMINATED
SUSPENDED, RESTORED = ((FAILED, 1),), ((FAILED, 1), (PAID, 1))
SCENES: tuple[tuple[Word, ...], ...] = (
    SUSPENDED,
    RESTORED,
    ((FAILED, 1), (PAID, 1), (FAILED, 2)),
    ((FAILED, 1), (FAILED, 2), (PAID, 1)),
    ((FAILED, 1), (ENDED, 0)),
)
TABLE = """
    CREATE TABLE IF NOT EXISTS told_fact (
        service text NOT NULL, message_id text PRIMARY KEY, deployment text NOT NULL, type text NOT NULL,
        invoice integer NOT NULL, sequence bigint NOT NULL
    )
"""
KEEP = """
    INSERT INTO told_fact (service, message_id, deployment, type, invoice, sequence) VALUES (%s, %s, %s, %s, %s, %s)
"""
COMMITTED = """
    SELECT message_id, deployment, type, invoice, sequence FROM told_fact WHERE service = %s ORDER BY deployment, sequence
"""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A fact that was committed."""

    message_id: str
    deployment: str
    type: MessageType
    invoice: int
    sequence: int


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is said of a deployment, in order."""

    deployment: str
    words: Sequence[Word]


def scenes(chance: random.Random, name: str, count: int) -> Iterator[Scene]:
    """Scenes of new deployments: one is suspended and one restored, so that something is always to be done."""
    fixed = (SUSPENDED, RESTORED, RESTORED)
    for number in range(count):
        words = fixed[number] if number < len(fixed) else chance.choice(SCENES)
        yield Scene(deployment=f"{name}-{number}", words=words)


def tell(db: Database, service: str, told: Iterable[Scene]) -> None:
    """Commit each fact in a transaction of its own, and roll back another one of each deployment."""
    with closing(Session(db, "facts", most_idle=timedelta(seconds=10))) as session:
        for scene in told:
            for word in scene.words:
                with session.transaction() as conn:
                    say(conn, service, scene.deployment, word)
            with session.transaction() as conn:
                say(conn, service, scene.deployment, (PAID, 1))
                raise psycopg.Rollback


def say(conn: Connection, service: str, deployment: str, word: Word) -> None:
    """Keep a fact and its message, in the caller's transaction."""
    type_, number = word
    data = about(type_.value) | {"deployment_id": deployment, "service": service, "external_subscription_id": deployment}
    if type_ is not ENDED:
        data["invoice"] = invoice(number, paid=type_ is PAID)
    (message,) = put(conn, service, [News(type=type_, external_subscription_id=deployment, occurred_at=NOW, data=data)], NOW)
    conn.execute(KEEP, [service, message.message_id, deployment, type_.value, number, message.sequence])


def committed(db: Database, service: str) -> tuple[Fact, ...]:
    """The facts that stand, those of a deployment in the order of their sequence."""
    with db.transaction() as conn:
        rows = conn.execute(COMMITTED, [service]).fetchall()
    return tuple(
        Fact(message_id=message_id, deployment=deployment, type=MessageType(type_), invoice=number, sequence=sequence)
        for message_id, deployment, type_, number, sequence in rows
    )


def states(facts: Iterable[Fact]) -> dict[str, str]:
    """Where each deployment stands once all is known, in whatever order it became known."""
    last: dict[str, dict[int, MessageType]] = {}
    for fact in facts:
        last.setdefault(fact.deployment, {})[fact.invoice] = fact.type
    return {deployment: _state(set(words.values())) for deployment, words in last.items()}


def _state(words: set[MessageType]) -> str:
    if ENDED in words:
        return "ended"
    return "suspended" if FAILED in words else "active"
