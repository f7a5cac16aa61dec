"""How we speak HTTP to Odoo: straight, verified, never redirected, and never without end.

Owns: what an address may look like, which certificates count, and the opener that odoorpc uses. Does not own: the connections
of JSON-2 (`exchange`), nor what is said over either.
"""

import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
)

from fcb_pipelines.domain.errors import InvalidSettings

Slot = Callable[[], AbstractContextManager[Any]]
"""Is entered around every single HTTP request, and never held during a pause between two of them."""

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an Odoo listens."""

    host: str
    port: int
    is_secure: bool


def address(url: str) -> Address:
    """The address in a URL such as `https://odoo.example.com`; raises InvalidSettings for one with a user or a path."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidSettings(f"FCB_ODOO_URL is not a URL ({error}); write it like https://odoo.example.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise InvalidSettings("FCB_ODOO_URL must be like https://odoo.example.com, with http or https, without a user")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise InvalidSettings("FCB_ODOO_URL must end after the host and port: Odoo answers its RPC at the root only")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_secure = parts.scheme == "https"
    return Address(host=host, port=port or (443 if is_secure else 80), is_secure=is_secure)


def verified() -> ssl.SSLContext:
    """Certificates are verified against the system's store, or the file that `SSL_CERT_FILE` names."""
    return ssl.create_default_context()


class Readable(Protocol):
    """A body as it comes in."""

    def read1(self, amount: int, /) -> bytes:
        """What is there, at most so much; nothing at the end."""


def read_until(body: Readable, deadline: float) -> bytes:
    """All of a body; raises TimeoutError when it goes on past the deadline, however steadily it drips (`time.monotonic`).

    What turns out to be complete is never thrown away, however late its end came.
    """
    chunks: list[bytes] = []
    while True:
        is_late = time.monotonic() > deadline
        chunk = body.read1(CHUNK_BYTES)
        if not chunk:
            return b"".join(chunks)
        if is_late:
            raise TimeoutError("the answer goes on and on")
        chunks.append(chunk)


class _NoRedirect(HTTPRedirectHandler):
    """Makes a redirect an error: following one would resend the key to a place nobody configured."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Answers that there is nowhere to go on to."""


class DirectOpener:
    """An opener without the environment's proxies; each request, with its answer, takes one slot."""

    def __init__(self, slot: Slot, *, is_secure: bool) -> None:
        self._opener = OpenerDirector()
        straight = HTTPSHandler(context=verified()) if is_secure else HTTPHandler()
        for each in (straight, _NoRedirect(), HTTPErrorProcessor(), HTTPDefaultErrorHandler()):
            self._opener.add_handler(each)
        self._slot = slot

    def open(self, request: Request, timeout: float) -> BytesIO:
        """Send and read to the end; `timeout` in seconds bounds each wait for the server, and the reading once it answers."""
        with self._slot(), self._opener.open(request, timeout=timeout) as answer:
            return BytesIO(read_until(answer, time.monotonic() + timeout))
