"""Receivers in a process of their own: as little HTTP as a message needs, so that the sender is what is measured.

`/ok/<n>` answers 204 at once, `/drip` a byte of its answer each second, for ever.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
DRIP = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


class Receiver(asyncio.Protocol):
    """Reads requests by their Content-Length and answers each."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._read = transport, b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (found := self._request()) is not None:
            if found.startswith(b"POST /drip"):
                self._drip(DRIP)
            else:
                self._transport.write(OK)  # type: ignore[attr-defined]

    def _request(self) -> bytes | None:
        head, ended, rest = self._read.partition(b"\r\n\r\n")
        if not ended:
            return None
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        if len(rest) < length:
            return None
        self._read = rest[length:]
        return head

    def _drip(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)  # type: ignore[attr-defined]
            asyncio.get_running_loop().call_later(1, self._drip, b".")


def _serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def receivers() -> Iterator[str]:
    """Where they listen."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{ours.recv()}"
    process.kill()
