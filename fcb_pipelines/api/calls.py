"""A call of a key: let in or not, limited, and in the access log before it is answered.

Owns: the way of every request that needs a key. Does not own: what a route does (app), when a key is refused (domain/access).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from fcb_pipelines.acts.access import KeyRing, authenticate
from fcb_pipelines.acts.intake import Delivery, Fact
from fcb_pipelines.api.limits import Limits
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.writer import Write, Writer
from fcb_pipelines.domain.access import Authenticated, Refusal, Scope, access_entry
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.domain.intake import Result
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database

RETRY_AFTER_SECONDS = 2
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where calls are received: everything that lives as long as the server."""

    settings: Settings
    writer: Writer
    ring: KeyRing
    limits: Limits
    db: Database
    clock: Callable[[], datetime]


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

    @property
    def service(self) -> Service:
        """The service whose key it is; raises `Problem` if it is no longer described."""
        code = self.answer.key.service if self.answer.key else ""
        if code not in self.desk.settings.services:
            raise Problem(403, f"Service {code!r} is not set up here any more.")
        return self.desk.settings.services[code]

    def may(self, scope: Scope) -> bool:
        """Whether the key has a further scope."""
        return self.answer.key is not None and scope in self.answer.key.scopes

    async def store(self, facts: Sequence[Fact], status: Callable[[list[Result]], int]) -> list[Result]:
        """Have events stored, the call logged with them; raises `Problem` where that cannot be done now."""
        delivery = Delivery(service=self.service, facts=facts, may_backfill=self.may(Scope.USAGE_BACKFILL))
        return await self._written(delivery, status)

    async def log(self, status: int) -> None:
        """Log the call, unless that was done."""
        if not self.is_logged:
            await self._written(None, lambda _: status)

    async def _written(self, delivery: Delivery | None, status: Callable[[list[Result]], int]) -> list[Result]:
        client = self.request.client
        try:
            done = self.desk.writer.submit(
                Write(
                    delivery=delivery,
                    entry=lambda results: access_entry(
                        self.answer,
                        at=self.at,
                        address=client.host if client else "",
                        method=self.request.method,
                        route=self.route,
                        scope=self.scope,
                        status=status(results),
                    ),
                )
            )
            # Who hangs up does not take the events of others out of the transaction.
            results = await asyncio.shield(asyncio.wrap_future(done))
        except RemoteError:
            raise unavailable() from None
        self.is_logged = True
        return results


Handler = Callable[[Call], Awaitable[Response]]


def with_key(desk: Desk, route: str, scope: Scope, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a route that needs a key with a scope."""

    async def endpoint(request: Request) -> Response:
        headers, now = request.headers.getlist("authorization"), desk.clock()
        try:
            answer = await run_in_threadpool(authenticate, desk.ring.find, headers, now, scope)
        except RemoteError:
            raise unavailable() from None
        call = Call(desk=desk, request=request, route=route, scope=scope, at=now, answer=answer)
        try:
            _let_in(desk, answer)
            response = await handler(call)
        except Problem as problem:
            response = problem.response()
        except Exception:
            # It is in the access log too, and nobody else's request fails with it.
            _LOGGER.exception("%s %s failed", request.method, route)
            response = Problem(500, "The server failed; what was sent is not stored.").response()
        await call.log(response.status_code)
        return response

    return endpoint


def unavailable() -> Problem:
    """The answer while our database is not there: whatever was sent may be sent again."""
    return Problem(
        503, "The server cannot store or read just now: send the same again.", retry_after_seconds=RETRY_AFTER_SECONDS
    )


def _let_in(desk: Desk, answer: Authenticated | Refusal) -> None:
    if isinstance(answer, Refusal):
        raise Problem(answer.status, answer.detail)
    if seconds := desk.limits.wait_seconds(answer.key.key_id):
        raise Problem(429, "Too many requests with this key.", retry_after_seconds=seconds)
