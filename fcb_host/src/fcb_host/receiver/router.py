"""The route of the receiver, for a Starlette application; FastAPI, which is one, takes it too.

Owns: HTTP, so that nothing of a request is read that is not needed, for no longer than it should take. Does not own: the order
of the steps and the answers (receiving). Needs starlette, which comes with `fcb-host[receiver]`.
"""

from collections.abc import Callable
from datetime import datetime, timezone

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from fcb_host.receiver.receiving import SIGNED_BY, TOO_LARGE, Answer, Receiver

PATH = "/api/v1/billing/webhooks/central"
MOST_SECONDS = 15.0
"""As long as the sending side takes for a whole request: a body that drips longer is not waited for."""

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(timezone.utc)


def route(receiver: Receiver, *, path: str = PATH, clock: Clock = _now, body_seconds: float = MOST_SECONDS) -> Route:
    """POST `path` for this receiver. Storage is used in a thread of its own: the event loop is never blocked by it."""

    async def endpoint(request: Request) -> Response:
        try:
            with anyio.fail_after(body_seconds):
                body = await _body(request, receiver)
        except (TimeoutError, ClientDisconnect):
            return Response(status_code=408)
        return _response(await run_in_threadpool(receiver.take, _headers(request), body, clock()))

    return Route(path, endpoint, methods=["POST"])


async def _body(request: Request, receiver: Receiver) -> bytes:
    """What was sent, up to one byte more than a message may have; nothing where it is off or says that it is longer."""
    if not receiver.is_enabled:
        return b""
    beyond = bytes(receiver.most_bytes + 1)
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > receiver.most_bytes:
        return beyond
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > receiver.most_bytes:
            return beyond
    return bytes(body)


def _headers(request: Request) -> dict[str, str]:
    """The three headers; of one that came twice nobody can say which was meant: both together are what nobody signed."""
    came = {name: request.headers.getlist(name) for name in SIGNED_BY}
    return {name: ",".join(values) for name, values in came.items() if values}


def _response(answer: Answer) -> Response:
    # What is left of a body that is too large is not read: the connection ends with the answer.
    headers = {"connection": "close"} if answer is TOO_LARGE else None
    return Response(answer.body, answer.status, headers, media_type="application/json")
