"""A door before a sandbox, where loads are counted and kept waiting, and some are refused or their answers lost."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fcb_pipelines_tests.odoo.on_the_way import again, body_of, unheard
from fcb_pipelines_tests.odoo.server import serving

LOST, REFUSED, BUSY = 502, 403, 429
"""What is answered to a load: it was carried out all the same, or the door let nothing through."""

WAIT_SECONDS = 0.03
"""How long a load is kept waiting before it begins."""


class Door:
    """Lets calls through to the application; says of loads how many went on at once, and what was in each."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._now = 0
        self.open()

    def open(self) -> None:
        """Forget what was seen, and let everything through."""
        self.wait_seconds = WAIT_SECONDS
        self.most = 0
        self.bodies: list[bytes] = []
        self.loads: list[bytes] = []
        self.ended = 0
        self.answers: dict[bytes, int] = {}
        """What is answered to loads that hold these bytes, as soon as a second load came in."""
        self.is_for_one = False
        """Whether a load is answered that the server is busy while another one goes on."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await body_of(receive)
        self.bodies.append(body + scope["path"].encode())
        if b'"load"' in body or scope["path"].endswith("/load"):
            await self._load(scope, body, send)
        else:
            await self._app(scope, again(body), send)

    async def _load(self, scope: Scope, body: bytes, send: Send) -> None:
        self.loads.append(body)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await self._answered(scope, body, send)
        finally:
            self._now -= 1
            self.ended += 1

    async def _answered(self, scope: Scope, body: bytes, send: Send) -> None:
        status = next((status for held, status in self.answers.items() if held in body), None)
        if self.is_for_one and self._now > 1:
            status = BUSY
        if status is None:
            await asyncio.sleep(self.wait_seconds)
        elif status != BUSY:
            await self._another()
        if status in {None, LOST}:
            await self._app(scope, again(body), send if status is None else unheard)
        if status is not None:
            await Response("told by the door", status_code=status)(scope, again(b""), send)

    async def _another(self) -> None:
        for _ in range(400):
            if len(self.loads) > 1:
                return
            await asyncio.sleep(0.005)


@contextmanager
def door_to(app: ASGIApp) -> Iterator[tuple[str, Door]]:
    """The address of a door to the application, and the door."""
    door = Door(app)
    with serving(door) as url:
        yield url, door
