"""Messages as people look at them: what they say, where they went, and how each attempt ended.

Owns: reading a list of messages, and one with all its attempts. Does not own: sending (delivery), sending again (endpoints).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from fcb_pipelines.domain.endpoints import Endpoint
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.messages import Message, MessageType
from fcb_pipelines.domain.standing import Standing, standing
from fcb_pipelines.domain.trace import printable_lines
from fcb_pipelines.store import deliveries, endpoints, outbox, standings
from fcb_pipelines.store import notices as stored_notices
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.deliveries import Delivery, StoredAttempt
from fcb_pipelines.store.notices import Untold
from fcb_pipelines.store.standings import Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message at one endpoint."""

    delivery: Delivery
    endpoint: Endpoint
    standing: Standing
    attempts: tuple[StoredAttempt, ...] = ()
    """The first first; empty in a list, which does not read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message, and where it went."""

    message: Message
    sent: tuple[Sent, ...]
    """Empty where no endpoint heard of its type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages are asked for; what is left out does not narrow them."""

    subscription: str | None = None
    type: MessageType | None = None
    standing: Standing | None = None
    """How they stand at one endpoint at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointShown:
    """An endpoint, and how what goes there stands."""

    endpoint: Endpoint
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """How the messages of a service stand."""

    endpoints: tuple[EndpointShown, ...]
    untold: Untold
    """What an operator was not told yet."""

    def count(self, standing: Standing) -> int:
        """How many deliveries stand so, over all endpoints that are there."""
        return sum(one.counts.counts[standing] for one in self.endpoints)

    @property
    def due(self) -> int:
        """How many should have been sent by now."""
        return sum(one.counts.due for one in self.endpoints)


def listed(conn: Connection, service: str, wanted: Wanted, *, limit: int, skipped: int = 0) -> tuple[Shown, ...]:
    """The latest messages that are wanted, the newest first, each with where it stands."""
    found = outbox.latest(
        conn,
        service,
        subscription=wanted.subscription,
        type_=wanted.type,
        standing=wanted.standing,
        limit=limit,
        skipped=skipped,
    )
    gone = deliveries.of_messages(conn, [one.message_id for one in found])
    known = endpoints.named(conn, {each.endpoint_id for sent in gone.values() for each in sent})
    return tuple(Shown(message=one, sent=_sent(gone.get(one.message_id, ()), known)) for one in found)


def shown(conn: Connection, service: str, message_id: str) -> Shown:
    """A message with every attempt; raises `InvalidInput` for one that is not there."""
    found = outbox.message(conn, service, message_id)
    if found is None:
        raise InvalidInput(f"{service} has no message {message_id!r}:  fcb messages list  shows the latest")
    gone = deliveries.of_messages(conn, [message_id]).get(message_id, ())
    known = endpoints.named(conn, {each.endpoint_id for each in gone})
    attempts = {each.delivery_id: deliveries.attempts(conn, each.delivery_id) for each in gone}
    return Shown(message=found, sent=_sent(gone, known, attempts))


def body_text(message: Message) -> str:
    """What a message says, for people: in lines, and without what a terminal takes for an order."""
    return printable_lines(json.dumps(json.loads(message.body), indent=2, ensure_ascii=False))


def answer_text(answer: bytes) -> str:
    """What a receiver answered, likewise; its bytes may be anything."""
    return printable_lines(answer.decode("utf-8", "replace"))


def board(conn: Connection, service: str) -> Board:
    """The endpoints of a service with how their messages stand."""
    counts = standings.by_endpoint(conn, service)
    there = endpoints.of_service(conn, service)
    rows = (EndpointShown(endpoint=one, counts=counts.get(one.endpoint_id, Counts())) for one in there)
    return Board(endpoints=tuple(rows), untold=stored_notices.untold(conn, service))


def _sent(
    gone: tuple[Delivery, ...],
    known: Mapping[str, Endpoint],
    attempts: Mapping[int, tuple[StoredAttempt, ...]] | None = None,
) -> tuple[Sent, ...]:
    return tuple(
        Sent(
            delivery=each,
            endpoint=known[each.endpoint_id],
            standing=standing(each.state, known[each.endpoint_id]),
            attempts=(attempts or {}).get(each.delivery_id, ()),
        )
        for each in gone
    )
