"""The HTTP interface that a host calls: usage in, and whether we are there.

Owns: how the parts are put together, and what is answered where there is no route. Does not own: which routes there are
(routes), who may call (calls), storing (writer).
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path

from fcb_pipelines.acts.access import KeyRing
from fcb_pipelines.api.bodies import MOST_SECONDS
from fcb_pipelines.api.calls import Desk, with_key
from fcb_pipelines.api.counted import Counted
from fcb_pipelines.api.documents import DOCUMENTS
from fcb_pipelines.api.health import OpenHandler
from fcb_pipelines.api.idempotency import Running
from fcb_pipelines.api.limits import Limits
from fcb_pipelines.api.metrics import Metrics
from fcb_pipelines.api.openapi.document import DOCS
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.report_links import LINK, opening
from fcb_pipelines.api.routes import KEYED, OPEN
from fcb_pipelines.api.writer import Writer
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database


def create_app(
    settings: Settings, db: Database, clock: Callable[[], datetime], *, body_seconds: float = MOST_SECONDS
) -> Starlette:
    """The application; it writes over one session of its own, opened with the first request."""
    metrics = Metrics()
    desk = Desk(
        settings=settings,
        writer=Writer(db, clock, metrics),
        ring=KeyRing(db),
        limits=Limits(settings.api_requests_per_second, time.monotonic),
        running=Running(),
        metrics=metrics,
        db=db,
        clock=clock,
        body_seconds=body_seconds,
    )
    metrics.watch(sorted(settings.services), desk.writer.waiting)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        desk.writer.start()
        yield
        # After the last request was answered: nothing that was answered is lost, and nobody waits for what is not stored.
        await run_in_threadpool(desk.writer.stop)

    app = Starlette(
        routes=_routes(desk),
        lifespan=lifespan,
        middleware=[Middleware(Counted, metrics=metrics)],
        exception_handlers={HTTPException: _refused, Problem: _problem, Exception: _failed},
    )
    # What is not a route is not found, with or without a slash at its end.
    app.router.redirect_slashes = False
    return app


def _routes(desk: Desk) -> list[Route]:
    keyed = [_route(each.path, with_key(desk, each), each.method) for each in KEYED]
    without_key = [_route(each.path, _without_key(desk, each.handler), "GET") for each in (*OPEN, *DOCUMENTS)]
    return [*keyed, *without_key, _route(LINK, opening(desk), "GET")]


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]], method: str) -> Route:
    """A route under its template; ids of subscriptions and rows hold what the service's own do, slashes too (sent as %2F)."""
    route = Route(path, endpoint, methods=[method])
    taking_slashes = path.replace("{external_id}", "{external_id:path}").replace("{row_id}", "{row_id:path}")
    route.path_regex, _, route.param_convertors = compile_path(taking_slashes)
    return route


def _without_key(desk: Desk, handler: OpenHandler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_request: Request) -> Response:
        return await handler(desk)

    return endpoint


_REFUSED = {
    HTTPStatus.NOT_FOUND: f"There is no such route: {DOCS} shows every one. Paths have no slash at their end, and none twice.",
    HTTPStatus.METHOD_NOT_ALLOWED: f"The route has other methods, which the header Allow names: {DOCS} shows what each does.",
}


async def _refused(request: Request, error: Exception) -> Response:
    """No such route or method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    status = HTTPStatus(error.status_code)
    headers = {"Allow": _allowed(request)} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return Problem(status, _REFUSED.get(status, f"{status.phrase}."), headers={**(error.headers or {}), **headers}).response()


def _allowed(request: Request) -> str:
    """Every method of a path, which may have a route for each."""
    path = request.scope["route"].path
    routes = (each for each in request.app.routes if isinstance(each, Route) and each.path == path)
    return ", ".join(sorted({method for each in routes for method in each.methods or ()}))


async def _problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - what it is registered for
    return error.response()


async def _failed(_request: Request, _error: Exception) -> Response:
    """A defect of ours: told as such, and nothing of it shown."""
    return Problem(500, "The server failed; nothing was stored unless it says so when the same is sent again.").response()
