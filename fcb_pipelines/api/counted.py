"""Counting requests, whatever becomes of them.

Owns: how a request is labelled: by the route's template, never by its path. Does not own: the figures (metrics).
"""

import time
from http import HTTPMethod, HTTPStatus

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fcb_pipelines.api.metrics import Metrics

NO_ROUTE = "none"
OTHER_METHOD = "other"
_METHODS = frozenset(HTTPMethod)


class Counted:
    """Passes requests on and counts their answers."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """`app` has the routes."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # What fails before it answers is answered with 500 further out.
        status, begun = int(HTTPStatus.INTERNAL_SERVER_ERROR), time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            route, method = scope.get("route"), scope["method"]
            self._metrics.answered(
                route.path if isinstance(route, Route) else NO_ROUTE,
                method if method in _METHODS else OTHER_METHOD,
                status,
                time.perf_counter() - begun,
            )
