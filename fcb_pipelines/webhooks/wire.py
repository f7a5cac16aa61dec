"""One connection as httpcore reads and writes it: straight on asyncio's transport, with a bound on what is read.

Owns: buffering, back-pressure, the bound on one answer, the connection to a vetted address and the check of who is there.
Does not own: HTTP (httpcore), time limits and what a fault means (posting).
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import httpcore

from fcb_pipelines.webhooks.addresses import parsed

PIECE_BYTES = 1024
"""What is parsed in one go, a few ms at worst: others get their turn between two pieces, however fast a receiver floods us."""
MOST_HEAD_BYTES = 16_000
"""Headers are parsed at once when the last has come, so they must not be many."""
MOST_HEADS = 10
"""One for the answer, and informational ones (1xx) before it."""
MOST_HELD_BYTES = 64_000
HANDSHAKE_SECONDS = 10.0
"""When the loop itself gives up agreeing on TLS; whoever connects has less patience."""

Connect = Callable[[str, int], Awaitable[socket.socket]]
"""Connects to an address and a port; raises OSError."""


class TooMuch(Exception):
    """The answer goes on beyond what is read of one."""


class OtherPeer(Exception):
    """The connection does not lead to the address that was vetted."""


class Wire(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """A connection. What is written goes out, in one piece, when the answer is first asked for."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._held = bytearray()
        self._left = 0
        self._is_ended = self._is_dropped = self._is_paused = self._is_enough = False
        self._in_head = True
        self._heads = 0
        self._moved: asyncio.Future[None] | None = None
        self.read_bytes = 0
        """What was read of the answer at hand."""

    @property
    def is_ended(self) -> bool:
        """Whether the other side closed it or it broke."""
        return self._is_ended

    def begin(self, most_bytes: int) -> None:
        """A new request: at most so many bytes of its answer are read, headers and framing included."""
        self._left, self.read_bytes = most_bytes, 0
        self._in_head, self._heads, self._is_enough = True, 0, False

    def begin_body(self) -> None:
        """The headers have come."""
        self._in_head = False

    def stop(self) -> None:
        """Enough was read of this answer."""
        self._is_enough = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What is there, at most a piece; nothing at the end. Raises TooMuch beyond the bound."""
        self._send()
        if self._held:
            await asyncio.sleep(0)
        if self._is_enough:
            raise TooMuch
        while not self._held and not self._is_ended and not self._is_dropped:
            await self._movement()
        if self._held and self._is_beyond():
            raise TooMuch
        size = min(max_bytes, PIECE_BYTES, self._left, len(self._held))
        piece = bytes(self._held[:size])
        del self._held[:size]
        self._left -= size
        self.read_bytes += size
        self._heads += piece.count(b"\r\n\r\n")
        self._let_in()
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Note what is to be sent."""
        self._unsent.append(buffer)

    async def aclose(self) -> None:
        """Drop the connection: a farewell would let the other side keep us."""
        self._is_dropped = True
        if self._transport is not None:
            self._transport.abort()

    def get_extra_info(self, info: str) -> Any:
        """Whether something can be read, which between two requests is the end or what nobody asked for."""
        return (self._is_ended or bool(self._held)) if info == "is_readable" else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is told its transport."""
        self._transport = transport  # type: ignore[assignment]  # asyncio types all transports as their base

    def data_received(self, data: bytes) -> None:
        """Take what came; the transport pauses while too much is held."""
        self._held += data
        if len(self._held) > MOST_HELD_BYTES and self._transport is not None and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """The other side sends nothing more."""
        self._is_ended = self._is_ended or not self._is_dropped
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._is_ended = self._is_ended or not self._is_dropped
        self._wake()

    def _is_beyond(self) -> bool:
        return self._left <= 0 or (self._in_head and (self.read_bytes >= MOST_HEAD_BYTES or self._heads >= MOST_HEADS))

    def _send(self) -> None:
        unsent, self._unsent = b"".join(self._unsent), []
        if unsent and self._transport is not None and not self._transport.is_closing():
            self._transport.write(unsent)

    def _let_in(self) -> None:
        if self._is_paused and not self._held and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    async def _movement(self) -> None:
        self._moved = asyncio.get_running_loop().create_future()
        await self._moved

    def _wake(self) -> None:
        if self._moved is not None and not self._moved.done():
            self._moved.set_result(None)


async def connected(address: str, port: int) -> socket.socket:
    """A TCP connection to an address; raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as until_connected:
        opened = socket.socket(family, socket.SOCK_STREAM)
        until_connected.callback(opened.close)
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
        until_connected.pop_all()
    return opened


async def wire_to(address: str, port: int, *, connect: Connect, tls: ssl.SSLContext | None, name: str) -> Wire:
    """A connection to a vetted address, over TLS where a context is given: `name` is then asked for and must be certified.

    Raises OSError where it cannot be had (ssl.SSLError for TLS), and OtherPeer where it leads elsewhere.
    """
    opened = await connect(address, port)
    with ExitStack() as until_known:
        until_known.callback(opened.close)
        peer = str(opened.getpeername()[0])
        if parsed(peer) is None or parsed(peer) != parsed(address):
            raise OtherPeer(f"connected to {peer}, not to {address}, which had passed")
        until_known.pop_all()
    # From here on the loop closes it, whatever happens: closed under the loop, its number would be taken for another's.
    loop = asyncio.get_running_loop()
    if tls is None:
        _, wire = await loop.create_connection(Wire, sock=opened)
    else:
        seconds = HANDSHAKE_SECONDS
        _, wire = await loop.create_connection(Wire, sock=opened, ssl=tls, server_hostname=name, ssl_handshake_timeout=seconds)
    return wire
