"""A proxy between us and Odoo that does harm to calls it was told to; all others it passes on.

Owns: HTTP on both sides, and counting calls. Does not own: which call (`disturbance`), which harm (`harm`).
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from fcb_pipelines_tests.faults.disturbance import Disturbance

WRITES = frozenset({"create", "load", "unlink", "write"})
JSON2 = "/json/2/"
ABRUPT = struct.pack("ii", 1, 0)
"""Linger for no time: closing resets the connection."""
LONGEST_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of ours."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def asked(self) -> tuple[str, str, tuple[Any, ...]]:
        """Model, method and arguments, all empty where it is about no model."""
        if self.path.startswith(JSON2):
            model, _, method = self.path.removeprefix(JSON2).partition("/")
            return model, method, (json.loads(self.body),)
        params = json.loads(self.body or b"{}").get("params") or {}
        if params.get("service") != "object":
            return "", str(params.get("method", "")), ()
        return params["args"][3], params["args"][4], tuple(params["args"][5:])

    @property
    def is_write(self) -> bool:
        return self.asked[1] in WRITES

    @property
    def ids(self) -> list[int]:
        """The records it is about, as far as it says so."""
        args = self.asked[2]
        first = args[0].get("ids") if args and isinstance(args[0], dict) else args[0][0] if args and args[0] else []
        return [each for each in first if isinstance(each, int)] if isinstance(first, list) else []


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server, or somebody in its place, answered."""

    status: int
    kind: str
    body: bytes


class Exchange(BaseHTTPRequestHandler):
    """One connection of ours, and what can be done with the call that came over it."""

    protocol_version = "HTTP/1.1"
    proxy: "Proxy"
    call: Call

    def setup(self) -> None:
        super().setup()
        self.proxy.connected.add(self.connection)

    def finish(self) -> None:
        self.proxy.connected.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.call = Call(path=self.path, headers=dict(self.headers.items()), body=body)
        with suppress(OSError):
            self.proxy.meet(self)

    def pass_on(self) -> None:
        """As if nobody were between; a server that is not there is a broken connection."""
        try:
            answer = self.forward()
        except (OSError, HTTPException):
            self.drop()
            return
        self.reply(answer)

    def forward(self) -> Answer:
        """Ask the server; raises OSError or HTTPException where it does not answer."""
        return self.proxy.forward(self.call)

    def reply(self, answer: Answer) -> None:
        self._head(answer)
        self.wfile.write(answer.body)

    def cut(self, answer: Answer) -> None:
        """Half an answer, then nothing."""
        self._head(answer)
        self.wfile.write(answer.body[: len(answer.body) // 2])
        self.drop()

    def drop(self) -> None:
        self.close_connection = True

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
        self.connection.close()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()


Harm = Callable[[Exchange, Disturbance], None]


class Proxy:
    """Passes on, until it is armed; then it does one harm to the calls a disturbance names."""

    def __init__(self, upstream: str, key: str) -> None:
        self._upstream = urlsplit(upstream)
        self._key = key.encode()
        self._lock = threading.Lock()
        self._armed: tuple[Disturbance, Harm] | None = None
        self._counted = self._left = 0
        self._hurt: list[tuple[Any, ...]] = []
        self.connected: set[socket.socket] = set()
        self.url = ""
        self.is_key_wrong = False
        self.disturbed = self.retried = 0

    def arm(self, what: Disturbance, harm: Harm) -> None:
        """From now on count calls, and do this harm to those named."""
        with self._lock:
            self._armed, self._counted, self._left = (what, harm), 0, what.times
            self._hurt, self.disturbed, self.retried = [], 0, 0

    def disarm(self) -> None:
        with self._lock:
            self._armed, self.is_key_wrong = None, False

    def hear_no_more(self) -> None:
        """Take no further calls over connections that are kept; those that are under way go on."""
        for connection in tuple(self.connected):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)

    def meet(self, exchange: Exchange) -> None:
        """Harm a call or pass it on."""
        hit = self._hit(exchange.call)
        if hit is None:
            exchange.pass_on()
        else:
            hit[1](exchange, hit[0])

    def forward(self, call: Call) -> Answer:
        connection = HTTPConnection(str(self._upstream.hostname), self._upstream.port, timeout=LONGEST_SECONDS)
        try:
            connection.request("POST", call.path, self._spoiled(call.body), self._headers(call))
            answer = connection.getresponse()
            return Answer(status=answer.status, kind=answer.headers.get("Content-Type", ""), body=answer.read())
        finally:
            connection.close()

    def _hit(self, call: Call) -> tuple[Disturbance, Harm] | None:
        with self._lock:
            self.retried += call.asked in self._hurt
            if self._armed is None or self._left == 0:
                return None
            what = self._armed[0]
            is_counted = call.is_write or not what.is_at_write
            if self.disturbed == 0 and not (is_counted and self._counted == what.nth):
                self._counted += is_counted
                return None
            self._left -= 1
            self.disturbed += 1
            self._hurt.append(call.asked)
            return self._armed

    def _headers(self, call: Call) -> dict[str, str]:
        kept = {name: value for name, value in call.headers.items() if name.lower() not in {"content-length", "connection"}}
        return {name: self._spoiled(value.encode()).decode() for name, value in kept.items()}

    def _spoiled(self, sent: bytes) -> bytes:
        return sent.replace(self._key, b"a-key-of-yesterday") if self.is_key_wrong else sent


class _Server(ThreadingHTTPServer):
    # Its end waits for every harm that is still being done.
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever was killed, or killed the connection, is not there to be told."""


@contextmanager
def between(upstream: str, key: str) -> Iterator[Proxy]:
    """A proxy in front of a server, for whoever comes in with this key, until the block ends."""
    proxy = Proxy(upstream, key)
    with _Server(("127.0.0.1", 0), type("Exchange", (Exchange,), {"proxy": proxy})) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield proxy
        server.shutdown()
        proxy.hear_no_more()
