"""Connections that are kept: how many an endpoint may have, and which of them may be used again.

Owns: the places of an endpoint, its idle connections, their end. Does not own: how one is made (wire), what is sent (posting).
A connection is used again only for the same scheme, host and port, and only if its address is in the answer vetted just now.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpcore

from fcb_pipelines.webhooks.egress import Target
from fcb_pipelines.webhooks.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One connection to one address of an endpoint, with the HTTP on it."""

    address: str
    wire: Wire
    http: httpcore.AsyncHTTP11Connection


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """What we have of one scheme, host and port."""

    places: asyncio.Semaphore
    idle: list[Line] = field(default_factory=list)
    users: int = 0


class Lines:
    """All endpoints of one poster, in one event loop."""

    def __init__(self, *, per_endpoint: int, most_idle: int) -> None:
        self._per_endpoint = per_endpoint
        self._most_idle = most_idle
        self._endpoints: dict[tuple[str, str, int], Endpoint] = {}
        self._idle = 0
        self._swept = time.monotonic()

    @asynccontextmanager
    async def place(self, target: Target) -> AsyncIterator[Endpoint]:
        """Wait for one of the places that the endpoint has: it is slow at its own expense alone."""
        key = (target.scheme, target.host, target.port)
        endpoint = self._endpoints.setdefault(key, Endpoint(places=asyncio.Semaphore(self._per_endpoint)))
        endpoint.users += 1
        try:
            async with endpoint.places:
                yield endpoint
        finally:
            endpoint.users -= 1
            if not endpoint.users and not endpoint.idle:
                self._endpoints.pop(key, None)

    async def take(self, endpoint: Endpoint, addresses: Sequence[str]) -> Line | None:
        """An idle connection to one of these addresses, the last used first; closes those that have ended or lead elsewhere."""
        while endpoint.idle:
            line = endpoint.idle.pop()
            self._idle -= 1
            if line.address in addresses and not line.http.has_expired():
                return line
            await line.http.aclose()
        return None

    async def give_back(self, endpoint: Endpoint, line: Line) -> None:
        """Keep a connection if it can be used again and there is room, else close it."""
        if line.http.is_idle() and self._idle < self._most_idle:
            endpoint.idle.append(line)
            self._idle += 1
        else:
            await line.http.aclose()

    async def sweep(self, *, every_seconds: float = 1.0) -> None:
        """Close what was idle for too long or was ended by the other side; does nothing if it was done just now."""
        now = time.monotonic()
        if now - self._swept < every_seconds:
            return
        self._swept = now
        for key, endpoint in list(self._endpoints.items()):
            await self._close(endpoint, [line for line in endpoint.idle if line.http.has_expired()])
            if not endpoint.users and not endpoint.idle:
                del self._endpoints[key]

    async def aclose(self) -> None:
        """Close every idle connection."""
        for endpoint in self._endpoints.values():
            await self._close(endpoint, list(endpoint.idle))
        # Transports say goodbye to their protocols in the next two rounds of the loop.
        for _ in range(2):
            await asyncio.sleep(0)

    async def _close(self, endpoint: Endpoint, lines: Sequence[Line]) -> None:
        for line in lines:
            endpoint.idle.remove(line)
            self._idle -= 1
            await line.http.aclose()
