"""A tiny server that answers each request with the next thing it was told, for faults no healthy Odoo shows."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMUNITY_19 = (19, 0, 0, "final", 0, "")

Answer = Callable[[BaseHTTPRequestHandler], None]


class Faulty:
    """What to answer to calls after login, in order; the last answer is repeated. `calls` are the methods asked for."""

    def __init__(self, answers: Sequence[Answer], version: Sequence[Any]) -> None:
        self._answers = list(answers)
        self._version = {"server_version": "19.0", "server_version_info": list(version)}
        self.calls: list[str] = []
        self.bodies: list[str] = []
        self.url = ""

    def respond(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        self.bodies.append(body)
        params = json.loads(body)["params"]
        if request.path == "/web/webclient/version_info":
            return result(self._version)(request)
        if params["service"] == "common":
            return result(2)(request)
        method = params["args"][4]
        if method == "context_get":
            return result({"lang": "en_US"})(request)
        self.calls.append(method)
        return self._next()(request)

    def _next(self) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextmanager
def faulty(*answers: Answer, version: Sequence[Any] = COMMUNITY_19, tls: ssl.SSLContext | None = None) -> Iterator[Faulty]:
    """Such a server until the block ends."""
    told = Faulty(answers, version)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.respond(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

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
    return text(json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}))


def error(name: str, message: str = "said by the server") -> Answer:
    """An error as Odoo tells it, with HTTP 200."""
    data = {"name": name, "message": message, "arguments": [message], "context": {}, "debug": "Traceback"}
    return text(json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": 0, "message": "Odoo Server Error", "data": data}}))


def silence(until: threading.Event) -> Answer:
    """Nothing, until the event."""

    def answer(_request: BaseHTTPRequestHandler) -> None:
        until.wait(10)

    return answer


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word, as a killed worker does."""
    request.close_connection = True
