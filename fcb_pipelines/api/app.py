"""The HTTP interface that a host calls: usage in, and whether we are there.

Owns: which routes there are, and what is answered where there is none. Does not own: who may call (calls), what a route does
(usage, subscriptions), storing (writer).
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
from fcb_pipelines.api.calls import Desk, with_key
from fcb_pipelines.api.idempotency import Running
from fcb_pipelines.api.limits import Limits
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.reconciliation import RECONCILED, read_reconciliation
from fcb_pipelines.api.subscriptions import USAGE_BACK, read_usage
from fcb_pipelines.api.termination import TERMINATE, terminate_subscription
from fcb_pipelines.api.usage import USAGE, push_usage
from fcb_pipelines.api.writer import Writer
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import is_current


def create_app(settings: Settings, db: Database, clock: Callable[[], datetime]) -> Starlette:
    """The application; it writes over one session of its own, opened with the first request."""
    desk = Desk(
        settings=settings,
        writer=Writer(db, clock),
        ring=KeyRing(db),
        limits=Limits(settings.api_requests_per_second, time.monotonic),
        running=Running(),
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
        Route(TERMINATE, with_key(desk, TERMINATE, Scope.SUBSCRIPTIONS_TERMINATE, terminate_subscription), methods=["POST"]),
        Route(RECONCILED, with_key(desk, RECONCILED, Scope.RECONCILIATION_READ, read_reconciliation), methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
    ]
    handlers = {HTTPException: _refused, Problem: _problem, Exception: _failed}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


async def healthz(_request: Request) -> Response:
    """Whether the process answers at all."""
    return _json({"status": "ok"})


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
