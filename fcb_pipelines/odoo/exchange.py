"""One HTTP request and its answer, over connections that are kept alive where that is safe.

Owns: connections, time limits and headers of JSON-2. Does not own: what is sent, what a status means, what is tried again.
"""

import time
from dataclasses import dataclass
from io import BytesIO
from math import ceil

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.response import BaseHTTPResponse

from fcb_pipelines.odoo.faults import EXCHANGE_FAULTS, Target, meaning
from fcb_pipelines.odoo.web import Slot, address, read_until, verified

CONNECT_SECONDS = 10.0
"""How long to wait for a connection, for its certificate, and for each block of a request to leave."""

CONNECTIONS = 8
"""Connections kept for later; more threads than that wait for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back, whatever it means."""

    status: int
    location: str
    body: bytes


class Exchange:
    """Speaks to one address; nothing is sent before the first request. For any number of threads.

    A server closes a connection that lies idle, and a request on its way at that moment is lost without an answer, which nobody
    can tell from one that was carried out. So what may not be done twice goes over a new connection, where only what can happen
    to every first request can happen to it. What may be done twice goes over a kept one, which is replaced before anything is
    sent if it is seen to be closed, and is simply asked again if it is lost.
    """

    def __init__(self, target: Target, *, timeout_seconds: float, slot: Slot) -> None:
        self._target = target
        self._timeout_seconds = timeout_seconds
        self._slot = slot
        self._address = address(target.url)
        # Read once: it takes longer than a connection does.
        self._tls = None if not self._address.is_secure else verified()
        self._kept = self._pool(CONNECTIONS)

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes, *, is_repeatable: bool) -> Answered:
        """One request and all of its answer, in one slot. Raises `RolledBack`, `OutcomeUnknown` or `Refused` without one."""
        with self._slot():
            try:
                if is_repeatable:
                    return self._sent(self._kept, method, path, headers, body)
                with self._pool(1) as once:
                    return self._sent(once, method, path, {**headers, "Connection": "close"}, body)
            except EXCHANGE_FAULTS as fault:
                raise meaning(fault, self._target) from None

    def _sent(self, pool: HTTPConnectionPool, method: str, path: str, headers: dict[str, str], body: bytes) -> Answered:
        answer: BaseHTTPResponse = pool.urlopen(
            method,
            path,
            # In blocks, each of which has the time limit for itself: a large load over a slow line is no timeout.
            body=BytesIO(body),
            headers={**headers, "Content-Length": str(len(body))},
            retries=False,
            redirect=False,
            preload_content=False,
            pool_timeout=ceil(self._timeout_seconds),
        )
        try:
            # The time limit of the answer begins with it: a large load over a slow line may have taken longer to leave.
            content = read_until(answer, time.monotonic() + self._timeout_seconds)
        except BaseException:
            # What is left of this answer must never be taken for that of the next request.
            answer.close()
            raise
        finally:
            answer.release_conn()
        return Answered(status=answer.status, location=answer.headers.get("Location", ""), body=content)

    def _pool(self, size: int) -> HTTPConnectionPool:
        place = self._address
        limits = Timeout(connect=min(CONNECT_SECONDS, self._timeout_seconds), read=self._timeout_seconds)
        if self._tls is None:
            return HTTPConnectionPool(place.host, place.port, timeout=limits, maxsize=size, block=True, retries=False)
        return HTTPSConnectionPool(
            place.host, place.port, timeout=limits, maxsize=size, block=True, retries=False, ssl_context=self._tls
        )
