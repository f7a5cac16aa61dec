"""The body of a request, as bytes: of the one kind that is taken, as it is, not too large and soon.

Owns: its bounds, and what is told beyond them. Does not own: what it holds (strict_json).
"""

import asyncio
from http import HTTPStatus

from starlette.requests import ClientDisconnect, Request

from fcb_pipelines.api.answers import JSON
from fcb_pipelines.api.problems import Problem

MOST_BYTES = 1 << 20
MOST_SECONDS = 30.0
"""From the end of the headers to the end of the body; whoever is slower holds a connection that others wait for."""
AS_IT_IS = "identity"
"""The content coding that changes nothing (RFC 9110, section 8.4.1)."""
CHUNKED = "chunked"


async def content(request: Request, most_seconds: float) -> bytes:
    """The whole body; raises `Problem` as soon as it is known that it will not be taken."""
    _require_plain_json(request)
    try:
        async with asyncio.timeout(most_seconds):
            return await _read(request)
    except TimeoutError:
        raise too_slow(most_seconds) from None
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "The connection ended before the body did.") from None


async def _read(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MOST_BYTES:
        raise too_large()
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > MOST_BYTES:
            raise too_large()
    return bytes(found)


def _require_plain_json(request: Request) -> None:
    kinds = [each.partition(";")[0].strip().lower() for each in request.headers.getlist("content-type")]
    if kinds != [JSON]:
        raise not_json()
    if any(each.strip().lower() not in ("", AS_IT_IS) for each in request.headers.getlist("content-encoding")):
        raise encoded()
    if any(each.strip().lower() != CHUNKED for each in request.headers.getlist("transfer-encoding")):
        raise Problem(HTTPStatus.BAD_REQUEST, f"Of transfer codings only {CHUNKED} is taken: send the body as it is.")


def not_json() -> Problem:
    """The answer to a body of another kind."""
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send JSON, with the header Content-Type: {JSON}, once.")


def encoded() -> Problem:
    """The answer to a body that was compressed, or coded otherwise."""
    detail = (
        "Send the body as it is, without Content-Encoding: no compression is taken. Where it is too large, send less at once."
    )
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": AS_IT_IS})


def too_large() -> Problem:
    """The answer to a body that is too large."""
    return Problem(413, f"The body is larger than {MOST_BYTES} bytes: send smaller batches.")


def too_slow(most_seconds: float) -> Problem:
    """The answer to a body that does not end; what may still come of it is not read."""
    detail = f"The body did not end within {most_seconds:g} seconds: send the same again, as long as Content-Length says."
    return Problem(HTTPStatus.REQUEST_TIMEOUT, detail, headers={"Connection": "close"})
