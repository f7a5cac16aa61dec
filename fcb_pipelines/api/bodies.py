"""The body of a request, as bytes: of the one kind that its route takes, as it is, not too large and soon.

Owns: its bounds, and what is told beyond them. Does not own: what it holds (strict_json, report_forms).
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
FORM = "application/x-www-form-urlencoded"
MOST_BYTES_OF_A_FORM = 1 << 18
"""Room for the longest text, every character of it escaped, and for the rows of one form."""


async def content(request: Request, most_seconds: float) -> bytes:
    """The whole body; raises `Problem` as soon as it is known that it will not be taken."""
    return await _content(request, most_seconds, MOST_BYTES, not_json() if _kinds(request) != [JSON] else None)


async def form(request: Request, most_seconds: float) -> bytes:
    """The whole body of a form, still escaped; raises `Problem` as soon as it is known that it will not be taken."""
    return await _content(request, most_seconds, MOST_BYTES_OF_A_FORM, not_a_form() if _kinds(request) != [FORM] else None)


async def _content(request: Request, most_seconds: float, most_bytes: int, wrong_kind: Problem | None) -> bytes:
    if wrong_kind is not None:
        raise wrong_kind
    _require_plain(request)
    try:
        async with asyncio.timeout(most_seconds):
            return await _read(request, most_bytes)
    except TimeoutError:
        raise too_slow(most_seconds) from None
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "The connection ended before the body did.") from None


async def _read(request: Request, most_bytes: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most_bytes:
        raise too_large(most_bytes)
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > most_bytes:
            raise too_large(most_bytes)
    return bytes(found)


def _kinds(request: Request) -> list[str]:
    return [each.partition(";")[0].strip().lower() for each in request.headers.getlist("content-type")]


def _require_plain(request: Request) -> None:
    if any(each.strip().lower() not in ("", AS_IT_IS) for each in request.headers.getlist("content-encoding")):
        raise encoded()
    if any(each.strip().lower() != CHUNKED for each in request.headers.getlist("transfer-encoding")):
        raise Problem(HTTPStatus.BAD_REQUEST, f"Of transfer codings only {CHUNKED} is taken: send the body as it is.")


def not_json() -> Problem:
    """The answer to a body of another kind."""
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send JSON, with the header Content-Type: {JSON}, once.")


def not_a_form() -> Problem:
    """The answer to a body that is no form."""
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send a form, with the header Content-Type: {FORM}, once.")


def encoded() -> Problem:
    """The answer to a body that was compressed, or coded otherwise."""
    detail = (
        "Send the body as it is, without Content-Encoding: no compression is taken. Where it is too large, send less at once."
    )
    return Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": AS_IT_IS})


def too_large(most_bytes: int = MOST_BYTES) -> Problem:
    """The answer to a body that is too large."""
    less = "send smaller batches" if most_bytes == MOST_BYTES else "sign for fewer rows at once"
    return Problem(413, f"The body is larger than {most_bytes} bytes: {less}.")


def too_slow(most_seconds: float) -> Problem:
    """The answer to a body that does not end; what may still come of it is not read."""
    detail = f"The body did not end within {most_seconds:g} seconds: send the same again, as long as Content-Length says."
    return Problem(HTTPStatus.REQUEST_TIMEOUT, detail, headers={"Connection": "close"})
