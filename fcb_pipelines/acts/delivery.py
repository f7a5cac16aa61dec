"""Delivery: sends what is due to endpoints, many at a time, and keeps how each attempt went.

Owns: the act `deliver`, and how many requests go on at once. Does not own: the schedule (domain/delivery), what follows from an
attempt (delivered), the request (webhooks/posting), leases (store/deliveries).

What is due is taken in a short transaction with a lease; the request is made outside any; how it went is kept in another. A
sender that dies in between leaves the message to others once its lease is over, so it may be sent twice and is never lost.
Each endpoint has lanes of its own, so that a slow one holds up nobody else.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from fcb_host.signing import MOST_SIGNATURES, headers
from fcb_pipelines.acts.delivered import outcomes, settle
from fcb_pipelines.domain.delivery import Attempt, verdict
from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.store import deliveries, endpoints
from fcb_pipelines.store.database import Database, Session
from fcb_pipelines.store.deliveries import Made, Taken
from fcb_pipelines.webhooks.answers import Limits, Posted
from fcb_pipelines.webhooks.sealing import Sealing

LEASE = timedelta(seconds=60)
"""More than two requests after each other may take, as a message waits for a lane behind at most one other."""
LANES = 8
"""Requests to one endpoint at once."""
MOST_AT_ONCE = 512
"""Requests that one sender makes at once, over all endpoints."""
LIMITS = Limits(connections=MOST_AT_ONCE)
"""Of each request. A host has as many connections as its endpoints have lanes: else a slow one held up the others there."""
PAUSE_SECONDS = 0.5
"""How long a sender that waits for more waits before it looks again: a new fact is sent well within 2 seconds."""
SESSION = "fcb deliver"


class Point(StrEnum):
    """How far a sender is with a message; tests strike it there."""

    TAKEN = "taken"
    SENDING = "sending"
    ANSWERED = "answered"
    RECORDED = "recorded"


Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Posted]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a sender is given."""

    db: Database
    service: str | None
    """None: of every service."""
    sealing: Sealing
    post: Post
    """Sends a body with headers to an address; raises nothing."""
    clock: Callable[[], datetime]
    """The time of now, which receivers hold against their own: never the demo's, which stands still."""
    jitter: Callable[[], Fraction]
    """From -1 to 1."""
    lease: timedelta = LEASE
    passed: Callable[[Point], None] = lambda _: None
    """Is told how far the sender is."""


@dataclass(slots=True)
class Sent:
    """What a sender did so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How many attempts ended as `delivered`, `waiting` (for the next one), `dead` or `late`, which changed nothing."""

    @property
    def attempts(self) -> int:
        """How many requests were made."""
        return sum(self.outcomes.values())


async def deliver(
    sending: Sending,
    *,
    go_on: Callable[[], bool] = lambda: False,
    is_ending: Callable[[], bool] = lambda: False,
    sent: Sent | None = None,
) -> Sent:
    """Send what is due until nothing is, and then wait for more as long as `go_on` says so; counted in `sent`.

    Once `is_ending` nothing more is begun: what a receiver may have by now is waited for and kept, the rest is given back at
    once. Raises `RolledBack` where our database stops answering; what was under way is then sent again once its lease is over.
    """
    session = Session(sending.db, SESSION, most_idle=sending.lease)
    sender = _Sender(sending, session, sent or Sent())
    try:
        while not is_ending():
            if not await sender.advance():
                if not go_on():
                    break
                await asyncio.sleep(PAUSE_SECONDS)
        await sender.end()
    finally:
        await sender.close()
        session.close()
    return sender.sent


class _Sender:
    def __init__(self, sending: Sending, session: Session, sent: Sent) -> None:
        self._sending, self._session = sending, session
        self._posts: dict[asyncio.Task[Made], Taken] = {}
        self._begun: set[int] = set()
        """Leases of those whose request may be on its way."""
        self._lanes: dict[str, asyncio.Semaphore] = {}
        self.sent = sent

    async def advance(self) -> bool:
        """Begin to send what is due, wait for an answer and keep it; whether there was anything to do."""
        taken = await asyncio.to_thread(self._take) if len(self._posts) < MOST_AT_ONCE else ()
        for one, sealed in taken:
            self._posts[asyncio.create_task(self._send(one, sealed))] = one
        is_under_way = bool(self._posts)
        if is_under_way:
            await self._keep()
        # Also where that was the last of them: while their lanes were full nothing more was taken.
        return is_under_way

    async def end(self) -> None:
        """Give back what no request was made for, and keep how the others end."""
        untried = {post: one for post, one in self._posts.items() if one.lease not in self._begun}
        for post in untried:
            post.cancel()
            del self._posts[post]
        if untried:
            await asyncio.gather(*untried, return_exceptions=True)
            await asyncio.to_thread(self._give_back, [*untried.values()])
        while self._posts:
            await self._keep()

    async def close(self) -> None:
        """Give up what is under way; its lease ends by itself."""
        for post in self._posts:
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)

    def _take(self) -> Sequence[tuple[Taken, Sequence[bytes]]]:
        under_way = Counter(one.endpoint_id for one in self._posts.values())
        busy = [endpoint for endpoint, count in under_way.items() if count >= LANES]
        room = MOST_AT_ONCE - len(self._posts)
        with self._session.transaction() as conn:
            taken = deliveries.take(
                conn, service=self._sending.service, busy=busy, each=LANES, most=room, lasting=self._sending.lease
            )
            sealed = endpoints.secrets_of(conn, {one.endpoint_id for one in taken}, self._sending.clock())
        if taken:
            self._sending.passed(Point.TAKEN)
        return [(one, sealed.get(one.endpoint_id, ())) for one in taken]

    async def _send(self, one: Taken, sealed: Sequence[bytes]) -> Made:
        lane = self._lanes.setdefault(one.endpoint_id, asyncio.Semaphore(LANES))
        async with lane:
            self._begun.add(one.lease)
            self._sending.passed(Point.SENDING)
            attempt = await _attempt(self._sending, one, sealed)
            self._sending.passed(Point.ANSWERED)
        return Made(taken=one, attempt=attempt, verdict=verdict(attempt, one.number, self._sending.jitter()))

    async def _keep(self) -> None:
        done, _ = await asyncio.wait(self._posts, timeout=PAUSE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        made = [post.result() for post in done]
        for post in done:
            self._begun.discard(self._posts.pop(post).lease)
        if made:
            self.sent.outcomes.update(await asyncio.to_thread(self._record, made))

    def _give_back(self, untried: Sequence[Taken]) -> None:
        with self._session.transaction() as conn:
            deliveries.give_back(conn, untried)

    def _record(self, made: Sequence[Made]) -> Mapping[str, int]:
        with self._session.transaction() as conn:
            held = settle(conn, made, self._sending.clock())
        self._sending.passed(Point.RECORDED)
        return outcomes(made, held)


async def _attempt(sending: Sending, one: Taken, sealed: Sequence[bytes]) -> Attempt:
    """One request, signed with every secret that holds now."""
    started_at = sending.clock()
    body = one.body.encode()
    try:
        # Whoever rotates more often within a day than a header has room for has the newest.
        secrets = [sending.sealing.open(each) for each in sealed[:MOST_SIGNATURES]]
    except Refused as error:
        return Attempt(
            started_at=started_at, milliseconds=0, status=None, failure=str(error), retry_after=None, answer=b"", address=None
        )
    signed = headers(secrets, message_id=one.message_id, sent_at=int(started_at.timestamp()), body=body)
    posted = await sending.post(one.url, {**signed, "content-type": "application/json"}, body)
    return Attempt(
        started_at=started_at,
        milliseconds=round(posted.seconds * 1000),
        # An answer that broke off is none, whatever it began with.
        status=posted.status if posted.failure is None else None,
        failure=None if posted.failure is None else str(posted.failure),
        retry_after=posted.retry_after,
        answer=posted.content,
        address=posted.address,
    )
