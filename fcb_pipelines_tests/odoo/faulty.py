"""A tiny server that answers each request with the next thing it was told, for faults no healthy Odoo shows.

It speaks JSON-RPC and JSON-2: an answer looks at the address it was asked at.
"""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fcb_pipelines.odoo.sandbox.json2 import STATUSES

COMMUNITY_19 = (19, 0, 0, "final", 0, "")
USER = "user"
JSON2 = "/json/2/"
SLOW_SECONDS = 0.2

Answer = Callable[[BaseHTTPRequestHandler], None]


class Faulty:
    """What to answer to calls after login, in order; the last answer is repeated. `calls` are the methods asked for.

    `on_login` is answered to a login over JSON-2; `later_version` servers say their version at the later address only.
    """

    def __init__(self, answers: Sequence[Answer], version: Sequence[Any], on_login: Answer | None, later_version: bool) -> None:
        self._answers = list(answers)
        self._version = list(version)
        self._later_version = later_version
        self.on_login = on_login
        self.calls: list[str] = []
        self.bodies: list[str] = []
        self.paths: list[str] = []
        self.authorizations: set[str] = set()
        self.databases: set[str] = set()
        self.connections = 0
        self._ended = threading.Semaphore(0)
        self.url = ""

    def respond(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode()
        self.bodies.append(body)
        self.paths.append(request.path)
        self.authorizations.add(request.headers.get("Authorization", ""))
        self.databases.add(request.headers.get("X-Odoo-Database", ""))
        name = f"{self._version[0]}.0"
        if request.path == "/web/version":
            return text(json.dumps({"version": name, "version_info": self._version}))(request)
        if request.path == "/web/webclient/version_info" and self._later_version:
            return text("<html>Not Found</html>", status=404, kind="text/html")(request)
        if request.path == "/web/webclient/version_info":
            return result({"server_version": name, "server_version_info": self._version})(request)
        if request.path.startswith(JSON2):
            return self._json2(request)
        return self._jsonrpc(request, json.loads(body)["params"])

    def _json2(self, request: BaseHTTPRequestHandler) -> None:
        model, method = request.path.removeprefix(JSON2).split("/")
        if model != "res.users":
            self.calls.append(method)
            return self._next()(request)
        login = result({"uid": 2} if method == "context_get" else [{"id": 2, "login": USER}])
        return (self.on_login or login)(request)

    def _jsonrpc(self, request: BaseHTTPRequestHandler, params: Any) -> None:
        if params["service"] == "common":
            return result(2)(request)
        method = params["args"][4]
        if method == "context_get":
            return result({"lang": "en_US"})(request)
        self.calls.append(method)
        return self._next()(request)

    def end(self) -> None:
        """One connection is over."""
        self._ended.release()

    def wait_for_end(self) -> bool:
        """Whether another connection came to its end in time."""
        return self._ended.acquire(timeout=5)

    def _next(self) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextmanager
def faulty(
    *answers: Answer,
    version: Sequence[Any] = COMMUNITY_19,
    tls: ssl.SSLContext | None = None,
    on_login: Answer | None = None,
    later_version: bool = False,
    keeps_alive: bool = False,
) -> Iterator[Faulty]:
    """Such a server until the block ends."""
    told = Faulty(answers, version, on_login, later_version)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keeps_alive else "HTTP/1.0"

        def setup(self) -> None:
            told.connections += 1
            super().setup()

        def do_POST(self) -> None:
            told.respond(self)

        do_GET = do_POST  # noqa: N815 (named by the class above)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def shutdown_request(self, request: Any) -> None:
            super().shutdown_request(request)
            told.end()

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that breaks off, as a refused certificate makes it, is what is tested."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        told.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        yield told
        server.shutdown()


def text(body: str, *, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    """Any body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body.encode())), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body.encode())

    return answer


def result(value: Any) -> Answer:
    """A good answer."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        envelope = {"jsonrpc": "2.0", "id": 1, "result": value}
        text(json.dumps(value if request.path.startswith(JSON2) else envelope))(request)

    return answer


def error(name: str, message: str = "said by the server") -> Answer:
    """An error as Odoo tells it: with HTTP 200 over JSON-RPC, with a status of its own over JSON-2."""
    data = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": "Traceback"}
    envelope = {"jsonrpc": "2.0", "id": 1, "error": {"code": 0, "message": "Odoo Server Error", "data": data}}

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path.startswith(JSON2):
            return text(json.dumps(data), status=STATUSES.get(name, 500))(request)
        return text(json.dumps(envelope))(request)

    return answer


def silence(until: threading.Event) -> Answer:
    """Nothing, until the event."""

    def answer(_request: BaseHTTPRequestHandler) -> None:
        until.wait(10)

    return answer


def drip(until: threading.Event) -> Answer:
    """An answer that comes a byte at a time and never to an end, until the event."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not until.wait(0.02):
            request.wfile.write(b" ")

    return answer


def slow_but_whole(request: BaseHTTPRequestHandler) -> None:
    """A good answer, `[7]`, of which headers, middle and end come `SLOW_SECONDS` after each other."""
    body = b"[7]" if request.path.startswith(JSON2) else b'{"jsonrpc": "2.0", "id": 1, "result": [7]}'
    time.sleep(SLOW_SECONDS)
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    for part in (body[:1], body[1:]):
        time.sleep(SLOW_SECONDS)
        request.wfile.write(part)


def then_gone(answer: Answer) -> Answer:
    """An answer after which the connection is closed although it was to be kept."""

    def answer_and_close(request: BaseHTTPRequestHandler) -> None:
        answer(request)
        request.close_connection = True

    return answer_and_close


def first_only(answer: Answer) -> Answer:
    """An answer to the first request of each connection; the next one finds it closed, without a word."""

    def answer_once(request: BaseHTTPRequestHandler) -> None:
        if vars(request).setdefault("is_used", False):
            return hang_up(request)
        vars(request)["is_used"] = True
        return answer(request)

    return answer_once


def half(request: BaseHTTPRequestHandler) -> None:
    """The first half of an answer, and the end of the connection."""
    request.send_response(200)
    request.send_header("Content-Length", "100")
    request.end_headers()
    request.wfile.write(b"[7")
    request.close_connection = True


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word, as a killed worker does."""
    request.close_connection = True
