"""One request to an application, chunk by chunk, without a server between."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from fcb_host.receiver.router import PATH


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came back, and how many chunks of the body were asked for."""

    status: int
    body: bytes
    read: int


async def chunks(*given: bytes) -> AsyncIterator[bytes]:
    """A body in pieces."""
    for each in given:
        yield each


async def post(
    app: ASGIApp, headers: Mapping[str, str] | Sequence[tuple[str, str]], body: AsyncIterable[bytes], *, path: str = PATH
) -> Answered:
    """POST; a body that ends without its last chunk is a client that went away."""
    told: list[Any] = []
    coming, read = aiter(body), 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        try:
            return {"type": "http.request", "body": await anext(coming), "more_body": True}
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    pairs = headers.items() if isinstance(headers, Mapping) else headers
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
    }
    await app(scope, receive, send)
    body_sent = b"".join(each.get("body", b"") for each in told)
    return Answered(status=told[0]["status"], body=body_sent, read=read)


def posted(app: ASGIApp, headers: Mapping[str, str] | Sequence[tuple[str, str]], *given: bytes, path: str = PATH) -> Answered:
    """The same, waited for."""
    return asyncio.run(post(app, headers, chunks(*given), path=path))
