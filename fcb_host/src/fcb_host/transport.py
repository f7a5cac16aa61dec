"""Transport: one POST of a batch over HTTP, bounded in time and size.

Owns: the connection, the key's header, every timeout. Does not own: what an answer means (answers), when to ask again (sender).
No proxy of the environment, no redirect, no decompression; nothing of it raises, and the key leaves it only in the header.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx

from fcb_host import answers
from fcb_host.answers import Answer, Unanswered
from fcb_host.settings import Key, Settings

PATH = "/v1/usage"
MOST_ANSWER_BYTES = 4 * 1024 * 1024


class Bearer(httpx.Auth):
    """Writes the key into the header of a request, and is all that a traceback shows of it."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Bearer(…)"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._key.revealed()}"
        yield request


class Transport:
    """Posts batches one at a time. Connects when first used and keeps the connection."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._client: httpx.Client | None = None
        self._stream: Any = None

    def __repr__(self) -> str:
        return f"Transport({self._settings.url!r})"

    def post(self, bodies: Sequence[str]) -> Answer:
        """Send events and say what the answer means. Takes at most the total time and, where names are slow, that of DNS."""
        try:
            return self._posted(bodies)
        except (httpx.HTTPError, httpx.StreamError, OSError) as fault:
            self.close()
            return Unanswered(reason=_reason(fault))

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._client is not None:
            self._client.close()
        self._client, self._stream = None, None

    def after_fork(self) -> None:
        """Leave the parent's connection alone."""
        self._client, self._stream = None, None

    def _posted(self, bodies: Sequence[str]) -> Answer:
        content = f'{{"events":[{",".join(bodies)}]}}'.encode()
        keys = [json.loads(body)["idempotency_key"] for body in bodies]
        deadline = time.monotonic() + self._settings.total_seconds
        with (
            self._cut_after(self._settings.total_seconds),
            self._connected().stream("POST", PATH, content=content, extensions={"trace": self._trace}) as response,
        ):
            answered = _content(response, deadline)
            if answered is None:
                self.close()
                return Unanswered(reason="an answer that was too long or took too long")
            answer = answers.read(response.status_code, response.headers, answered, keys=keys, now=self._clock())
            return answers.without(self._settings.key.revealed(), answer)

    def _connected(self) -> httpx.Client:
        if self._client is None:
            settings = self._settings
            self._client = httpx.Client(
                base_url=settings.url,
                auth=Bearer(settings.key),
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": f"fcb-host/{_version()}",
                },
                timeout=httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds),
                verify=_verified(settings),
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            )
        return self._client

    @contextmanager
    def _cut_after(self, seconds: float) -> Iterator[None]:
        """End the connection from outside after so long: single timeouts never end what drips byte by byte."""
        watch = threading.Timer(seconds, self._cut)
        watch.daemon = True
        watch.name = "fcb_host deadline"
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _cut(self) -> None:
        stream = self._stream
        connected = stream.get_extra_info("socket") if stream is not None else None
        if connected is not None:
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]


def _content(response: httpx.Response, deadline: float) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size > MOST_ANSWER_BYTES or time.monotonic() > deadline:
            return None
    return b"".join(parts)


def _reason(fault: Exception) -> str:
    """The kind of a fault, and what is wrong with a certificate; never the text of others, which may repeat what was sent."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not trusted: {cause.verify_message} (FCB_HOST_URL, FCB_HOST_CA_FILE)"
        cause = cause.__cause__ or cause.__context__
    return type(fault).__name__


def _verified(settings: Settings) -> ssl.SSLContext | bool:
    return True if settings.ca_file is None else ssl.create_default_context(cafile=settings.ca_file)


def _version() -> str:
    try:
        return version("fcb-host")
    except PackageNotFoundError:
        return "unknown"
