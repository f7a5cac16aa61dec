"""Transport: one POST of a batch over HTTP, bounded in time and size.

Owns: the connection, the key's header, every timeout. Does not own: what an answer means (answers), when to ask again (sender).
No proxy of the environment, no redirect, no decompression; nothing of it raises, and the key leaves it only in the header.
"""

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

import httpx

from fcb_host import answers
from fcb_host.answers import Answer, KeyRefused, Unanswered
from fcb_host.settings import Key, Settings

PATH = "/v1/usage"
MOST_ANSWER_BYTES = 4 * 1024 * 1024

_ELSEWHERE = f"FCB_HOST_URL is what stands before {PATH}: scheme://host:port, and a path only where a proxy puts one before it"
_MOVED = "a redirect is not followed: let FCB_HOST_URL name where it leads"
_ADVICE = {
    200: _ELSEWHERE,
    **dict.fromkeys((301, 302, 303, 307, 308), _MOVED),
    401: "check FCB_HOST_KEY, or ask the central side for a new key",
    403: "ask the central side for a key with the scope usage:write",
    **dict.fromkeys((404, 405, 501), _ELSEWHERE),
}
"""What to check, by the status of an answer that tells nothing of the events."""
_SENT_AGAIN = "the same is sent again, which counts nothing twice"
_CANNOT_BE_REACHED = "check FCB_HOST_URL, that the central side runs and that the network lets this machine there"


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


class _UnusableCertificates(Exception):
    """The file of certificates to trust cannot be read or holds none."""


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
        except _UnusableCertificates as fault:
            return Unanswered(reason=str(fault))
        except (httpx.HTTPError, httpx.StreamError, OSError) as fault:
            self.close()
            return Unanswered(reason=_reason(fault, self._origin))

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
            try:
                answered = _content(response, deadline)
            except (httpx.HTTPError, httpx.StreamError, OSError) as fault:
                self.close()
                return self._located(answers.broken_off(response.status_code, _kind(fault)), response.status_code)
            if answered is None:
                self.close()
                return Unanswered(reason=f"{self._origin} gave an answer that was too long or took too long")
            answer = answers.read(response.status_code, response.headers, answered, keys=keys, now=self._clock())
            return answers.without(self._settings.key.revealed(), self._located(answer, response.status_code))

    @property
    def _origin(self) -> str:
        """Where the central side shall be, without the path: of a URL no more is shown."""
        parts = urlsplit(self._settings.url)
        return f"{parts.scheme}://{parts.netloc}"

    def _located(self, answer: Answer, status: int) -> Answer:
        """The answer with where it came from and what to check, where it tells nothing of the events."""
        if not isinstance(answer, Unanswered | KeyRefused):
            return answer
        is_broken_off = isinstance(answer, Unanswered) and answer.is_broken_off
        told = _SENT_AGAIN if is_broken_off else _ADVICE.get(status)
        advice = f": {told}" if told else ""
        said = answer.reason.rstrip(".") if advice else answer.reason
        return replace(answer, reason=f"{self._origin} answered {said}{advice}")

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


def _reason(fault: Exception, origin: str) -> str:
    """What went wrong and what to check; never the text of others, which may repeat what was sent."""
    for cause in _causes(fault):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {origin} is not trusted: {cause.verify_message} (FCB_HOST_URL, FCB_HOST_CA_FILE)"
        if isinstance(cause, ssl.SSLError):
            return f"{origin} does not speak TLS as it should ({cause.reason}): check whether FCB_HOST_URL is https or http"
    return f"{origin} cannot be reached ({_kind(fault)}): {_CANNOT_BE_REACHED}"


def _kind(fault: Exception) -> str:
    for cause in _causes(fault):
        if isinstance(cause, socket.gaierror):
            return "no address is known for its name"
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
    return "no answer in time" if isinstance(fault, httpx.TimeoutException) else type(fault).__name__


def _causes(fault: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = fault
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _verified(settings: Settings) -> ssl.SSLContext | bool:
    if settings.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as fault:
        said = "it holds no certificate" if isinstance(fault, ssl.SSLError) else fault.strerror
        raise _UnusableCertificates(f"FCB_HOST_CA_FILE: {settings.ca_file} cannot be used ({said})") from None


def _version() -> str:
    try:
        return version("fcb-host")
    except PackageNotFoundError:
        return "unknown"
