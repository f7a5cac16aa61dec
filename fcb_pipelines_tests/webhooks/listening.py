"""Receivers in this process, over real HTTP: each path is one, answers as it is told, and keeps what it was sent."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fcb_pipelines_tests.odoo.server import serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Receivers:
    """What they answer, by path, and what they heard."""

    url: str = ""
    statuses: dict[str, int] = field(default_factory=dict)
    """200 where none is given."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of every answer."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each is kept waiting."""
    heard: list[Heard] = field(default_factory=list)
    most_at_once: Counter[str] = field(default_factory=Counter)
    _now: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        path = request.url.path
        with self._lock:
            self._now[path] += 1
            self.most_at_once[path] = max(self.most_at_once[path], self._now[path])
        body = await request.body()
        await asyncio.sleep(self.seconds.get(path, 0))
        with self._lock:
            self._now[path] -= 1
            self.heard.append(Heard(path=path, headers=dict(request.headers), body=body))
        await Response("thanks", self.statuses.get(path, 200), headers=self.headers)(scope, receive, send)

    def ids(self, path: str) -> list[str]:
        """The ids that came, in order."""
        return [one.headers["webhook-id"] for one in self.heard if one.path == path]


@contextmanager
def receiving() -> Iterator[Receivers]:
    """Receivers that answer for as long as this is."""
    receivers = Receivers()
    with serving(receivers) as url:
        receivers.url = url
        yield receivers
