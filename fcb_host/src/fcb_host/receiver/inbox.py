"""The inbox: every signed message, once, with its body, and where it stands.

Owns: the tables of messages, of their repetitions and of the last sequence on each subject. Functions take a transaction; the
caller owns it. Does not own: what a message means (messages, effects), who acts on it (acting).
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from fcb_host.receiver.messages import Message, NoEffect, Reading
from fcb_host.receiver.storage import Transaction, milliseconds, moment


class Standing(str, Enum):
    """Where a message stands."""

    WAITING = "waiting"
    """To be acted on, now or after a failure later."""
    HELD = "held"
    """More than the cap allows; an operator releases it."""
    PENDING = "pending"
    """A termination that waits for its grace period and a person."""
    DONE = "done"
    STALE = "stale"
    """A later message on the same thing came first."""
    KEPT = "kept"
    """Told for people; it changes nothing."""
    PARKED = "parked"
    """Of a type, or about something, that nobody here knows what to do with."""
    UNREADABLE = "unreadable"
    """Signed, and not what the contract says."""
    REFUSED = "refused"
    """It asks for what is not possible any more."""
    WITHDRAWN = "withdrawn"
    """A termination that an operator took back."""


NO_DEPLOYMENT = "its subscription has no deployment"
FOR_A_PERSON = (Standing.PARKED, Standing.UNREADABLE, Standing.REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What became of a message that came in."""

    is_new: bool
    is_same: bool
    """Whether its body is the one that is kept under its id."""
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A message as it is kept."""

    number: int
    source: str
    message_id: str
    body: bytes
    received_at: datetime
    type: str
    subject: str
    deployment: str
    """On which it is decided on; empty where there is none."""
    standing: Standing
    why: str
    attempts: int
    """How often acting on it failed."""
    due_at: datetime
    released_by: str
    """Who let it through the cap; empty where nobody had to."""


_COLUMNS = (
    "number, source, message_id, body, received_at, type, subject, deployment, standing, why, attempts, due_at, released_by"
)

_PUT = """
    INSERT INTO fcb_receiver_message (source, message_id, body, digest, received_at, type, deployment, subscription, subject,
                                      sequence, standing, why, attempts, due_at, released_by)
    VALUES (:source, :message_id, :body, :digest, :now, :type, :deployment, :subscription, :subject,
            :sequence, :standing, :why, 0, :now, '')
        ON CONFLICT (source, message_id) DO NOTHING
"""
_PUT_AGAIN = """
    UPDATE fcb_receiver_message
       SET type = :type, deployment = :deployment, subscription = :subscription, subject = :subject, sequence = :sequence,
           standing = :standing, why = :why, due_at = :now, ended_at = CASE :standing WHEN 'waiting' THEN NULL ELSE ended_at END
     WHERE number = :number AND standing IN ('parked', 'unreadable')
"""
_LATER = f"""
    SELECT {_COLUMNS} FROM fcb_receiver_message
     WHERE source = :source AND subscription = :subscription AND sequence > :sequence ORDER BY sequence DESC
"""  # noqa: S608 (our own text)
_HEARD = """
    INSERT INTO fcb_receiver_heard (source, subscription, subject, sequence)
    VALUES (:source, :subscription, :subject, :sequence)
        ON CONFLICT (source, subscription, subject) DO UPDATE SET sequence = excluded.sequence
     WHERE excluded.sequence > fcb_receiver_heard.sequence
"""
_AGAIN = """
    INSERT INTO fcb_receiver_repetition (source, message_id, digest, body, times, last_at)
    VALUES (:source, :message_id, :digest, :body, 1, :now)
        ON CONFLICT (source, message_id, digest)
        DO UPDATE SET times = fcb_receiver_repetition.times + 1, last_at = excluded.last_at
"""
_FIRST = "SELECT digest, standing FROM fcb_receiver_message WHERE source = :source AND message_id = :message_id"

_TURN = "INSERT INTO fcb_receiver_turn (source, subscription) VALUES (:source, :subscription) ON CONFLICT DO NOTHING"
_TAKE_TURN = "SELECT 1 FROM fcb_receiver_turn WHERE source = :source AND subscription = :subscription FOR UPDATE"
_CLAIM = f"""
    SELECT {_COLUMNS} FROM fcb_receiver_message
     WHERE standing = 'waiting' AND due_at <= :now
     ORDER BY due_at, number LIMIT 1 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 (our own text)
_OVERTAKEN = """
    SELECT heard.sequence FROM fcb_receiver_heard AS heard
     WHERE heard.source = :source AND heard.subscription = :subscription AND heard.subject = :subject
       AND heard.sequence > :sequence
"""
_LET_GO = """
    UPDATE fcb_receiver_message SET standing = 'stale', why = 'paid or told anew while it was held', ended_at = :now
     WHERE standing = 'held' AND subject <> 'end' AND EXISTS (SELECT 1 FROM fcb_receiver_heard AS heard
                     WHERE heard.source = fcb_receiver_message.source
                       AND heard.subscription = fcb_receiver_message.subscription
                       AND heard.subject = fcb_receiver_message.subject
                       AND heard.sequence > fcb_receiver_message.sequence)
"""
_SET = """
    UPDATE fcb_receiver_message SET standing = :standing, why = :why, ended_at = :ended_at, due_at = :due_at
     WHERE number = :number
"""
_FAILED = "UPDATE fcb_receiver_message SET attempts = attempts + 1, why = :why, due_at = :due_at WHERE number = :number"
_OPEN = (Standing.WAITING, Standing.HELD, Standing.PENDING)


def put(tx: Transaction, source: str, message_id: str, body: bytes, reading: Reading, *, now: datetime) -> Put:
    """Keep a message that is not kept yet; of one that is, count that it came again, and keep its body if it is another."""
    digest = hashlib.sha256(body).digest()
    who = {"source": source, "message_id": message_id, "digest": digest, "now": milliseconds(now)}
    standing, written = _written(reading)
    if tx.change(_PUT, **who, body=body, standing=standing.value, **written):
        _hear(tx, source, reading)
        return Put(is_new=True, is_same=True, standing=standing)
    ((first, kept),) = tx.rows(_FIRST, source=source, message_id=message_id)
    is_same = bytes(first) == digest
    tx.change(_AGAIN, **who, body=None if is_same else body)
    return Put(is_new=False, is_same=is_same, standing=Standing(kept))


def put_again(tx: Transaction, entry: Entry, reading: Reading, *, now: datetime) -> Standing | None:
    """Write down how a message reads now that was parked or not readable; None where it is so no longer.

    One that is about no deployment stays parked.
    """
    standing, written = _written(reading)
    if isinstance(reading, Message) and not reading.deployment:
        standing, written = Standing.PARKED, written | {"why": NO_DEPLOYMENT}
    at = milliseconds(now)
    if not tx.change(_PUT_AGAIN, number=entry.number, standing=standing.value, now=at, **written):
        return None
    _hear(tx, entry.source, reading)
    return standing


def later(tx: Transaction, source: str, message: Message) -> list[Entry]:
    """The later messages of the same subscription, the last one first; each may be decided on elsewhere than it says."""
    about = {"source": source, "subscription": message.subscription, "sequence": message.sequence}
    return [_entry(row) for row in tx.rows(_LATER, **about)]


def _hear(tx: Transaction, source: str, reading: Reading) -> None:
    """Remember which sequence is known on what a message has a word on."""
    if isinstance(reading, Message):
        for subject in reading.settles:
            about = {"subscription": reading.subscription, "subject": subject, "sequence": reading.sequence}
            tx.change(_HEARD, source=source, **about)


def _written(reading: Reading) -> tuple[Standing, dict[str, object]]:
    """Where a message begins, and its columns."""
    nothing = {"deployment": "", "subscription": "", "subject": "", "sequence": 0}
    if isinstance(reading, Message):
        about = {"deployment": reading.deployment, "subscription": reading.subscription, "subject": reading.subject}
        return Standing.WAITING, {"type": reading.type.value, **about, "sequence": reading.sequence, "why": ""}
    if isinstance(reading, NoEffect):
        standing = Standing.PARKED if reading.is_parked else Standing.KEPT
        return standing, {"type": reading.type, **nothing, "why": reading.why}
    return Standing.UNREADABLE, {"type": "", **nothing, "why": reading.why}


def claim(tx: Transaction, *, now: datetime) -> Entry | None:
    """The message that is due first and that no other worker has, held until the transaction ends."""
    found = tx.rows(_CLAIM, now=milliseconds(now))
    return _entry(found[0]) if found else None


def take_turn(tx: Transaction, source: str, subscription: str) -> None:
    """Let nobody else decide on messages of a subscription until the transaction ends; they may come in meanwhile."""
    tx.change(_TURN, source=source, subscription=subscription)
    tx.rows(_TAKE_TURN, source=source, subscription=subscription)


def place(tx: Transaction, number: int, deployment: str) -> None:
    """Say on which deployment a message is decided on."""
    tx.change(
        "UPDATE fcb_receiver_message SET deployment = :deployment WHERE number = :number", number=number, deployment=deployment
    )


def is_stale(tx: Transaction, source: str, message: Message) -> bool:
    """Whether later messages of its subscription are known, acted on or not, on all that it has a word on."""
    about = {"source": source, "subscription": message.subscription, "sequence": message.sequence}
    return all(tx.rows(_OVERTAKEN, subject=subject, **about) for subject in message.settles)


def is_any_held(tx: Transaction, deployment: str, *, besides: int) -> bool:
    """Whether another message about a deployment waits for an operator to release it."""
    held = "SELECT 1 FROM fcb_receiver_message WHERE deployment = :deployment AND standing = 'held' AND number <> :besides"
    return bool(tx.rows(held, deployment=deployment, besides=besides))


def let_go(tx: Transaction, *, now: datetime) -> int:
    """Hold no longer what became stale while it was held; answers how many. The end of a deployment is never among it."""
    return tx.change(_LET_GO, now=milliseconds(now))


def stand(tx: Transaction, number: int, standing: Standing, why: str, *, now: datetime) -> None:
    """Say where a message stands now, and why."""
    at = milliseconds(now)
    ended_at = None if standing in _OPEN else at
    tx.change(_SET, number=number, standing=standing.value, why=why, ended_at=ended_at, due_at=at)


def failed(tx: Transaction, number: int, why: str, *, again_at: datetime) -> None:
    """Remember that acting on it failed; it waits until then."""
    tx.change(_FAILED, number=number, why=why, due_at=milliseconds(again_at))


def hurry(tx: Transaction, *, now: datetime) -> None:
    """Let what failed be tried now."""
    tx.change(
        "UPDATE fcb_receiver_message SET due_at = :now WHERE standing = 'waiting' AND due_at > :now", now=milliseconds(now)
    )


def listed(tx: Transaction, standings: Collection[Standing], *, after: int = 0, most: int = 1000) -> list[Entry]:
    """The messages that stand so, by number, after one number."""
    names = ", ".join(f"'{each.value}'" for each in standings)
    wanted = f"SELECT {_COLUMNS} FROM fcb_receiver_message WHERE standing IN ({names}) AND number > :after"  # noqa: S608
    return [_entry(row) for row in tx.rows(f"{wanted} ORDER BY number LIMIT :most", after=after, most=most)]


def latest(tx: Transaction, *, most: int) -> list[Entry]:
    """The messages that came last, the newest first."""
    wanted = f"SELECT {_COLUMNS} FROM fcb_receiver_message ORDER BY number DESC LIMIT :most"  # noqa: S608 (our own text)
    return [_entry(row) for row in tx.rows(wanted, most=most)]


def _entry(row: tuple[Any, ...]) -> Entry:
    number, source, message_id, body, received_at, kind, subject, deployment, standing, why, attempts, due_at, who = row
    return Entry(
        number=number,
        source=source,
        message_id=message_id,
        body=bytes(body),
        received_at=moment(received_at),
        type=kind,
        subject=subject,
        deployment=deployment,
        standing=Standing(standing),
        why=why,
        attempts=attempts,
        due_at=moment(due_at),
        released_by=who,
    )
