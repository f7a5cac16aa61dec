"""The one HTTP POST that deliveries use.

Owns: one attempt from the URL to the answer (resolve once, vet, connect to a vetted address, send, read within limits), and
what each fault is called. Does not own: the rules of the guard (egress), signatures, whether to try again.
No proxy of the environment, no redirect, no cookie, no decompression. A fault of the other side is a value, never an exception.
"""

import asyncio
import os
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Self

import httpcore

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.webhooks.answers import Failure, Kind, Limits, Posted
from fcb_pipelines.webhooks.egress import Denied, Egress, Target, Vetted, target_of, vet
from fcb_pipelines.webhooks.lines import Endpoint, Line, Lines
from fcb_pipelines.webhooks.names import Unresolved
from fcb_pipelines.webhooks.resolving import Resolver, SystemResolver
from fcb_pipelines.webhooks.trust import trusting
from fcb_pipelines.webhooks.wire import Connect, OtherPeer, TooMuch, connected, wire_to

OURS = frozenset(
    {"host", "user-agent", "accept-encoding", "content-length", "transfer-encoding", "connection", "expect", "cookie"}
)
"""Headers that only we set, or nobody."""
MOST_PARTS = 200
"""Of one answer: parts cost as much as whole answers, and a hostile one has parts of one byte."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")
_MOST_RETRY_AFTER = 64
_WAITING = "waiting for a connection"


class _Failed(Exception):
    """Ends an attempt."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.failure = Failure(kind=kind, reason=reason)


class _Unheard(Exception):
    """A kept connection was closed before any of the answer came, as servers do with idle ones."""


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """What is known so far."""

    started: float
    doing: str = "looking up the name"
    address: str | None = None
    status: int | None = None
    retry_after: str | None = None
    parts: list[bytes] = field(default_factory=list)
    is_cut: bool = False

    def ended(self, failure: Failure | None) -> Posted:
        return Posted(
            status=self.status,
            content=b"".join(self.parts),
            is_cut=self.is_cut,
            retry_after=self.retry_after,
            address=self.address,
            failure=failure,
            seconds=time.monotonic() - self.started,
        )


class Poster:
    """Posts to endpoints of others; use it as an async context manager, in one event loop."""

    def __init__(
        self,
        policy: Egress,
        *,
        resolver: Resolver | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        connect: Connect = connected,
    ) -> None:
        """Certificates are checked as `tls` says (trust), else against those of the public authorities."""
        self._policy = policy
        self._limits = limits or Limits()
        self._resolver = resolver or SystemResolver(timeout_seconds=self._limits.look_up_seconds)
        self._tls = tls or trusting(None)
        self._tls.set_alpn_protocols(["http/1.1"])
        self._connect = connect
        self._lines = Lines(per_endpoint=self._limits.connections, most_idle=self._limits.idle_connections)
        self._usual = [(b"User-Agent", f"fcb-pipelines/{_version()}".encode()), (b"Accept-Encoding", b"identity")]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        await self._lines.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Send a body once and read the answer; takes at most the total time, whatever the other side does.

        It may go out twice if a connection that was kept turns out to be closed: receivers know a message by its id.
        Raises InvalidInput for a header that cannot be sent or is ours, and nothing else.
        """
        given = [_header(name, value) for name, value in headers.items()]
        attempt = _Attempt(started=time.monotonic())
        try:
            async with asyncio.timeout(self._limits.total_seconds):
                await self._lines.sweep()
                await self._deliver(attempt, url, given, body)
        except _Failed as failed:
            return attempt.ended(failed.failure)
        except TimeoutError:
            return attempt.ended(self._late(attempt))
        return attempt.ended(None)

    async def _deliver(self, attempt: _Attempt, url: str, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        vetted = await self._vetted(url)
        request = self._request(vetted.target, headers, body)
        attempt.doing = _WAITING
        async with self._lines.place(vetted.target) as endpoint:
            kept = await self._lines.take(endpoint, vetted.addresses)
            if kept is not None:
                try:
                    return await self._exchange(attempt, endpoint, kept, request)
                except _Unheard:
                    # A server may close an idle connection at the very moment; another one says whether it is well.
                    attempt.doing = "connecting again"
            line = await self._dialled(attempt, vetted)
            try:
                await self._exchange(attempt, endpoint, line, request)
            except _Unheard:
                raise _Failed(Kind.PROTOCOL, "the connection was closed without an answer") from None

    async def _vetted(self, url: str) -> Vetted:
        asked = target_of(url, self._policy)
        if isinstance(asked, Denied):
            raise _Failed(Kind.DENIED, asked.reason)
        found = (asked.host,) if asked.is_address else await self._resolver.addresses(asked.host)
        if isinstance(found, Unresolved):
            raise _Failed(Kind.DNS, found.reason)
        vetted = vet(asked, found, self._policy)
        if isinstance(vetted, Denied):
            raise _Failed(Kind.DENIED, vetted.reason)
        return vetted

    def _request(self, target: Target, headers: list[tuple[bytes, bytes]], body: bytes) -> httpcore.Request:
        scheme, host, path = target.scheme.encode(), target.host.encode(), target.path.encode()
        ours = [(b"Host", target.authority.encode()), *self._usual, (b"Content-Length", str(len(body)).encode())]
        url = httpcore.URL(scheme=scheme, host=host, port=target.port, target=path)
        return httpcore.Request(b"POST", url, headers=ours + headers, content=body)

    async def _dialled(self, attempt: _Attempt, vetted: Vetted) -> Line:
        """A connection to the first address that takes one; each has an equal share of the time."""
        addresses = vetted.addresses[: self._limits.addresses]
        attempt.doing = "connecting"
        failed = _Failed(Kind.DENIED, f"{vetted.target.host} has no address")
        for address in addresses:
            attempt.address = address
            try:
                with _connecting(vetted.target):
                    async with asyncio.timeout(self._limits.connect_seconds / len(addresses)) as limit:
                        return await self._line(vetted.target, address)
            except _Failed as fault:
                failed = _late(address) if limit.expired() else fault
                if failed.failure.kind is Kind.DENIED:
                    break
        raise failed

    async def _line(self, target: Target, address: str) -> Line:
        tls = self._tls if target.is_secure else None
        wire = await wire_to(address, target.port, connect=self._connect, tls=tls, name=target.host)
        origin = httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port)
        http = httpcore.AsyncHTTP11Connection(origin, wire, keepalive_expiry=self._limits.idle_seconds)
        return Line(address=address, wire=wire, http=http)

    async def _exchange(self, attempt: _Attempt, endpoint: Endpoint, line: Line, request: httpcore.Request) -> None:
        attempt.doing, attempt.address = "waiting for the answer", line.address
        line.wire.begin(self._limits.answer_bytes)
        try:
            await self._read(attempt, line, request)
        except TooMuch:
            attempt.is_cut = True
            if attempt.status is None:
                raise _Failed(Kind.PROTOCOL, f"its headers go on and on, beyond {line.wire.read_bytes:,} bytes") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ConnectionNotAvailable):
            raise _broken(attempt, line) from None
        finally:
            await self._lines.give_back(endpoint, line)

    async def _read(self, attempt: _Attempt, line: Line, request: httpcore.Request) -> None:
        response = await line.http.handle_async_request(request)
        if not line.wire.read_bytes:
            # It lay there before it was asked for, behind the answer before: whatever it is, it answers nothing of ours.
            raise _Unheard
        attempt.status, attempt.doing = response.status, "reading the answer"
        attempt.retry_after = _retry_after(response.headers)
        line.wire.begin_body()
        async for part in response.aiter_stream():
            attempt.parts.append(part)
            if len(attempt.parts) == MOST_PARTS:
                line.wire.stop()
        await response.aclose()

    def _late(self, attempt: _Attempt) -> Failure:
        after = f"after {self._limits.total_seconds:g} s"
        if attempt.doing == _WAITING:
            return Failure(kind=Kind.BUSY, reason=f"all {self._limits.connections} connections to it were in use {after}")
        return Failure(kind=Kind.TIMEOUT, reason=f"given up {after}, {attempt.doing}")


@contextmanager
def _connecting(target: Target) -> Iterator[None]:
    """Says what a fault on the way to a connection is."""
    try:
        yield
    except OtherPeer as fault:
        raise _Failed(Kind.DENIED, str(fault)) from None
    except ssl.SSLCertVerificationError as fault:
        raise _Failed(Kind.TLS, f"the certificate of {target.host} is not trusted: {fault.verify_message}") from None
    except ssl.SSLError as fault:
        raise _Failed(Kind.TLS, f"{target.host} does not speak TLS as it should ({fault.reason})") from None
    except OSError as fault:
        said = os.strerror(fault.errno) if fault.errno else "the connection was closed"
        raise _Failed(Kind.CONNECT, f"{target.authority} cannot be reached: {said}") from None


def _late(address: str) -> _Failed:
    return _Failed(Kind.CONNECT_TIMEOUT, f"{address} did not connect in time")


def _broken(attempt: _Attempt, line: Line) -> Exception:
    """What a fault in the middle of an exchange is."""
    if not line.wire.read_bytes:
        return _Unheard()
    if not line.wire.is_ended:
        return _Failed(Kind.PROTOCOL, "the answer is not HTTP/1.1 as it should be")
    where = "its headers" if attempt.status is None else "its answer"
    return _Failed(Kind.PROTOCOL, f"the connection was closed before the end of {where}")


def _header(name: str, value: str) -> tuple[bytes, bytes]:
    if name.lower() in OURS:
        raise InvalidInput(f"the header {name} is not for others to set")
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise InvalidInput(f"the header {name!r} cannot be sent: a name is a token, a value is printable ASCII (RFC 9110, 5.5)")
    return name.encode(), value.encode()


def _retry_after(headers: list[tuple[bytes, bytes]]) -> str | None:
    found = (value for name, value in headers if name.lower() == b"retry-after")
    return next((value.decode("latin-1").strip()[:_MOST_RETRY_AFTER] for value in found), None)


def _version() -> str:
    try:
        return version("fcb_pipelines")
    except PackageNotFoundError:
        return "unknown"
