"""The HTTP interface that a host calls: usage in, and whether we are there.

Owns: the routes, and what each status means. Does not own: who may call (calls), fields of events (usage_body), storing
(writer).
"""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fcb_pipelines.acts.access import KeyRing
from fcb_pipelines.api import strict_json, usage_body
from fcb_pipelines.api.calls import Call, Desk, with_key
from fcb_pipelines.api.limits import Limits
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.subscriptions import USAGE_BACK, read_usage
from fcb_pipelines.api.usage_body import Body, Invalid
from fcb_pipelines.api.writer import Writer
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.domain.intake import Code, Outcome, Result, rejected
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import is_current

MOST_BYTES = 1 << 20
USAGE = "/v1/usage"
_STATUSES = {Outcome.CONFLICT: HTTPStatus.CONFLICT, Outcome.REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY}


def create_app(settings: Settings, db: Database, clock: Callable[[], datetime]) -> Starlette:
    """The application; it writes over one session of its own, opened with the first request."""
    desk = Desk(
        settings=settings,
        writer=Writer(db, clock),
        ring=KeyRing(db),
        limits=Limits(settings.api_requests_per_second, time.monotonic),
        db=db,
        clock=clock,
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        desk.writer.start()
        yield
        # After the last request was answered: nothing that was answered is lost, and nobody waits for what is not stored.
        await run_in_threadpool(desk.writer.stop)

    async def readyz(_request: Request) -> Response:
        try:
            is_ready = await run_in_threadpool(is_current, db)
        except RemoteError:
            is_ready = False
        return _json({"status": "ready" if is_ready else "not ready"}, HTTPStatus.OK if is_ready else 503)

    routes = [
        Route(USAGE, with_key(desk, USAGE, Scope.USAGE_WRITE, push_usage), methods=["POST"]),
        Route(USAGE_BACK, with_key(desk, USAGE_BACK, Scope.USAGE_READ, read_usage), methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
    ]
    handlers = {HTTPException: _refused, Problem: _problem, Exception: _failed}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


async def healthz(_request: Request) -> Response:
    """Whether the process answers at all."""
    return _json({"status": "ok"})


async def push_usage(call: Call) -> Response:
    """Store one event or a batch of them."""
    content = await _content(call.request)
    try:
        body = await run_in_threadpool(_decoded, content, call.service.code)
    except strict_json.NotStrict as error:
        raise Problem(400, str(error)) from None
    except Invalid as error:
        raise Problem(422, str(error), pointer=error.pointer) from None
    facts = [each for each in body.events if not isinstance(each, Invalid)]
    stored = await call.store(facts, lambda results: _status(body, _all(body, results)))
    results = _all(body, stored)
    answers = [_answer(*each) for each in zip(body.keys, results, body.events, strict=True)]
    return _json(_batch(results, answers) if body.is_batch else answers[0], _status(body, results))


def _decoded(content: bytes, service: str) -> Body:
    return usage_body.body(strict_json.read(content), service)


async def _content(request: Request) -> bytes:
    """The body; raises `Problem` for another kind than JSON, and as soon as it is too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "Send application/json.")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST_BYTES:
            raise Problem(413, f"The body is larger than {MOST_BYTES} bytes: send smaller batches.")
    return bytes(content)


def _all(body: Body, stored: list[Result]) -> list[Result]:
    """The result of each event, those among them that could not be read."""
    of_facts = iter(stored)
    return [rejected(Code.INVALID, str(each)) if isinstance(each, Invalid) else next(of_facts) for each in body.events]


def _status(body: Body, results: list[Result]) -> int:
    return HTTPStatus.OK if body.is_batch else _STATUSES.get(results[0].outcome, HTTPStatus.OK)


def _batch(results: list[Result], answers: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {str(each): sum(result.outcome is each for result in results) for each in Outcome}
    return {"results": answers, **counts}


def _answer(key: str | None, result: Result, event: object) -> dict[str, Any]:
    answer: dict[str, Any] = {"idempotency_key": key, "status": result.outcome}
    if result.code is None:
        return {**answer, "is_late": result.is_late}
    pointer = {"pointer": event.pointer} if isinstance(event, Invalid) else {}
    return {**answer, "code": result.code, "reason": result.reason, **pointer}


def _json(content: dict[str, Any], status: int = HTTPStatus.OK) -> Response:
    return Response(json.dumps(content), status_code=status, media_type="application/json")


async def _refused(_request: Request, error: Exception) -> Response:
    """No such route or method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    status = HTTPStatus(error.status_code)
    return Problem(status, f"{status.phrase}.", allow=(error.headers or {}).get("Allow", "")).response()


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return error.response()


async def _failed(_request: Request, _error: Exception) -> Response:
    """A defect of ours: told as such, and nothing of it shown."""
    return Problem(500, "The server failed; nothing was stored unless it says so when the same is sent again.").response()
