"""A call of a key: let in or not, limited, and in the access log before it is answered.

Owns: the way of every request that needs a key, and reading its body. Does not own: what a route does, when a key is refused
(domain/access), which requests are the same (idempotency).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fcb_pipelines.acts.access import KeyRing, authenticate
from fcb_pipelines.acts.intake import Delivery, Fact
from fcb_pipelines.api import bodies, idempotency, queries, strict_json
from fcb_pipelines.api.answers import Answer
from fcb_pipelines.api.fields import Invalid
from fcb_pipelines.api.idempotency import Running
from fcb_pipelines.api.limits import Limits
from fcb_pipelines.api.metrics import Metrics
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.shelf import Shelf
from fcb_pipelines.api.writer import Write, Writer
from fcb_pipelines.domain.access import AccessEntry, ApiKey, Authenticated, Refusal, Scope, access_entry
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.domain.intake import Result
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.idempotency import Pairing

RETRY_AFTER_SECONDS = 2
FAILED = "The server failed; what was sent is not stored."
Body = TypeVar("Body")
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where calls are received: everything that lives as long as the server."""

    settings: Settings
    writer: Writer
    ring: KeyRing
    limits: Limits
    running: Running
    metrics: Metrics
    db: Database
    clock: Callable[[], datetime]
    body_seconds: float
    """How long a body may take to arrive."""
    reports: Shelf = field(default_factory=Shelf)


@dataclass(slots=True, kw_only=True)
class Call:
    """One request with a good key."""

    desk: Desk
    request: Request
    route: str
    scope: Scope
    at: datetime
    answer: Authenticated | Refusal
    is_logged: bool = False
    pairing: Pairing | None = None
    """Set where the request has an `Idempotency-Key`, once its body was read."""

    @property
    def service(self) -> Service:
        """The service whose key it is; raises `Problem` if it is no longer described."""
        code = self.answer.key.service if self.answer.key else ""
        if code not in self.desk.settings.services:
            raise Problem(403, f"Service {code!r} is not set up here any more.")
        return self.desk.settings.services[code]

    @property
    def key_id(self) -> str:
        """Which key it is; empty where the call was not let in."""
        return self.answer.key.key_id if self.answer.key else ""

    def may(self, scope: Scope) -> bool:
        """Whether the key has a further scope."""
        return self.answer.key is not None and scope in self.answer.key.scopes

    async def body(self, read: Callable[[Any], Body]) -> Body:
        """The body as `read` makes it of the value in JSON, raising `Invalid`.

        Raises `Problem` for what cannot be read, and for a request that is under way already.
        """
        content = await self._content()
        try:
            return await run_in_threadpool(lambda: read(strict_json.read(content)))
        except strict_json.NotStrict as error:
            raise Problem(400, str(error)) from None
        except Invalid as error:
            raise Problem(422, str(error), pointer=error.pointer) from None

    async def _content(self) -> bytes:
        """The body; raises `Problem` for one that is not taken, and for a request under way."""
        key = idempotency.key_of(self.request.headers.getlist(idempotency.HEADER))
        content = await bodies.content(self.request, self.desk.body_seconds)
        if key is not None:
            pairing = idempotency.pairing(self.service.code, key, self.request.url.path, content)
            self.desk.running.begin(pairing)
            self.pairing = pairing
        return content

    async def store(self, effect: Callable[[Connection, list[Result]], Answer], facts: Sequence[Fact] = ()) -> Answer:
        """Have something stored, the call logged with it; raises `Problem` where that cannot be done now.

        `effect` is called within the transaction, with the result of each event. It is not where the same request was carried
        out before: that answer is given again.
        """
        delivery = Delivery(service=self.service, facts=facts, may_backfill=self.may(Scope.USAGE_BACKFILL)) if facts else None
        return await self._written(Write(answer=effect, entry=self._entry, delivery=delivery, pairing=self.pairing))

    async def log(self, status: int) -> None:
        """Log the call, unless that was done."""
        if not self.is_logged:
            await self._written(Write(answer=lambda _conn, _results: Answer(status=status, content=bytes), entry=self._entry))

    def end(self) -> None:
        """Let the same request in again."""
        if self.pairing is not None:
            self.desk.running.end(self.pairing)

    def _entry(self, status: int) -> AccessEntry:
        client = self.request.client
        return access_entry(
            self.answer,
            at=self.at,
            address=client.host if client else "",
            method=self.request.method,
            route=self.route,
            scope=self.scope,
            status=status,
        )

    async def _written(self, write: Write) -> Answer:
        try:
            # Who hangs up does not take the events of others out of the transaction.
            answer = await asyncio.shield(asyncio.wrap_future(self.desk.writer.submit(write)))
        except RemoteError:
            raise unavailable() from None
        self.is_logged = True
        return answer


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Readers:
    """Who else than keys may read a route, and how whoever may not is told: for pages that a browser shows."""

    visitor: Callable[[Database, Request, datetime], ApiKey | None]
    """What stands for the key of a request that brings none; None where it may not."""
    refused: Callable[[Problem, Request], Response]


@dataclass(frozen=True, slots=True)
class KeyedRoute:
    """A route that needs a key with a scope."""

    method: str
    path: str
    scope: Scope
    handler: Handler
    parameters: tuple[str, ...] = ()
    """Of its query; any other is refused."""
    readers: Readers | None = None


def with_key(desk: Desk, route: KeyedRoute) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a route that needs a key."""

    async def endpoint(request: Request) -> Response:
        now = desk.clock()
        try:
            answer = await run_in_threadpool(_who, desk, route, request, now)
        except RemoteError:
            raise unavailable() from None
        call = Call(desk=desk, request=request, route=route.path, scope=route.scope, at=now, answer=answer)
        try:
            _let_in(call)
            queries.require_known(request, route.parameters)
            response = await route.handler(call)
        except Problem as problem:
            response = problem.response() if route.readers is None else route.readers.refused(problem, request)
        except Exception:
            # It is in the access log too, and nobody else's request fails with it.
            _LOGGER.exception("%s %s failed", request.method, route.path)
            response = Problem(500, FAILED).response()
        finally:
            call.end()
        await call.log(response.status_code)
        return response

    return endpoint


def _who(desk: Desk, route: KeyedRoute, request: Request, now: datetime) -> Authenticated | Refusal:
    headers = request.headers.getlist("authorization")
    if route.readers is not None and not headers:
        visiting = route.readers.visitor(desk.db, request, now)
        if visiting is not None:
            return Authenticated(key=visiting)
    return authenticate(desk.ring.find, headers, now, route.scope)


def unavailable() -> Problem:
    """The answer while our database is not there: whatever was sent may be sent again."""
    return Problem(
        503, "The server cannot store or read just now: send the same again.", retry_after_seconds=RETRY_AFTER_SECONDS
    )


def too_often(seconds: int) -> Problem:
    """The answer to a key that asks too often."""
    return Problem(429, "Too many requests with this key.", retry_after_seconds=seconds)


def _let_in(call: Call) -> None:
    """Raise `Problem` for a bad key, one of a service that is gone, and one that asks too often."""
    if isinstance(call.answer, Refusal):
        raise Problem(call.answer.status, call.answer.detail)
    _ = call.service
    if seconds := call.desk.limits.wait_seconds(call.key_id):
        raise too_often(seconds)
