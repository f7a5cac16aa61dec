"""A way to a sandbox on which the answer of one call in so many is lost: it was carried out, and nobody hears of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fcb_pipelines_tests.odoo.on_the_way import again, body_of, unheard
from fcb_pipelines_tests.odoo.server import serving

CHANGES = frozenset({"write", "load", "action_confirm", "action_unlock", "action_cancel", "action_draft", "action_post"})
"""What is lost: reads may be asked again by the port itself."""


class Losing:
    """Counts the calls that change something, and loses the answer of the one that it is told to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen = 0
        self.lose: int | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await body_of(receive)
        self.seen += _changes(body)
        is_lost = _changes(body) and self.seen == self.lose
        await self._app(scope, again(body), unheard if is_lost else send)
        if is_lost:
            await Response("lost", status_code=502)(scope, again(b""), send)


def _changes(body: bytes) -> bool:
    arguments = json.loads(body or b"{}").get("params", {}).get("args") or ()
    return any(isinstance(each, str) and each in CHANGES for each in arguments)


@contextmanager
def losing(app: ASGIApp) -> Iterator[tuple[str, Losing]]:
    """The address of the way to the application, and the way."""
    way = Losing(app)
    with serving(way) as url:
        yield url, way
