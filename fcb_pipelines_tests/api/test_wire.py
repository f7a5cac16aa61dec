"""Requests as bytes on a connection, made as no client library makes them: each is answered with a refusal or ended, soon."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from fcb_pipelines.api.app import create_app
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.api.conftest import NOW, Host, event
from fcb_pipelines_tests.odoo.server import serving

BODY = json.dumps(event()).encode()
BODY_SECONDS = 0.5
SOON_SECONDS = 5.0
LENGTH = b"Content-Length: %d\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


@dataclass(frozen=True)
class Wire:
    """A server that does not wait long for a body, and the key to it."""

    address: tuple[str, int]
    db: Database
    key: str

    def head(self, target: bytes, headers: bytes = b"", method: bytes = b"POST") -> bytes:
        """The head of a request after which the connection ends."""
        common = b"Host: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        return b"%b %b HTTP/1.1\r\n%bAuthorization: Bearer %b\r\n%b\r\n" % (method, target, common, self.key.encode(), headers)

    def told(self, sent: bytes, *, then_close: bool = False) -> bytes:
        """All that is answered until the server ends the connection, which it must do by itself."""
        with socket.create_connection(self.address, timeout=SOON_SECONDS) as connection:
            connection.sendall(sent)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def counts(self) -> tuple[list[int], int]:
        with self.db.transaction() as conn:
            statuses = [row[0] for row in conn.execute("SELECT status FROM access_log ORDER BY position")]
            (events,) = conn.execute("SELECT count(*) FROM usage_event").fetchone() or (0,)
        return statuses, events


@pytest.fixture
def wire(store: Database, keys: dict[str, str], api_settings: Settings) -> Iterator[Wire]:
    with serving(create_app(api_settings, store, lambda: NOW, body_seconds=BODY_SECONDS)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        yield Wire((host, int(port)), store, keys["writer"])


def status(answer: bytes) -> int:
    """Of the one answer there is."""
    assert answer.count(b"HTTP/1.1 ") == 1, answer[:300]
    return int(answer.split()[1])


def problem(answer: bytes) -> str:
    """Why we refused."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head, answer[:300]
    told = json.loads(body)
    assert told["status"] == status(answer)
    return str(told["detail"])


REFUSED: dict[str, tuple[bytes, bytes, int, str]] = {
    "compressed": (b"Content-Encoding: gzip\r\n", gzip.compress(BODY), 415, "without Content-Encoding"),
    "compressed twice": (b"Content-Encoding: identity\r\nContent-Encoding: br\r\n", BODY, 415, "without Content-Encoding"),
    "of two kinds": (b"Content-Type: text/plain\r\n", BODY, 415, "Content-Type: application/json, once"),
    "in UTF-16": (b"", json.dumps(event()).encode("utf-16"), 400, "not UTF-8"),
    "with a byte order mark": (b"", b"\xef\xbb\xbf" + BODY, 400, "not JSON"),
    "empty": (b"", b"", 400, "not JSON"),
}


def test_a_body_of_another_kind_is_told_what_to_send(wire: Wire) -> None:
    for name, (headers, body, expected, said) in REFUSED.items():
        answer = wire.told(wire.head(b"/v1/usage", headers + LENGTH % len(body)) + body)
        assert status(answer) == expected, name
        assert said in problem(answer), name
        assert (b"accept-encoding: identity" in answer) == ("without Content-Encoding" in said), name
    assert wire.counts() == ([expected for _, _, expected, _ in REFUSED.values()], 0)


def test_a_body_as_it_is_may_say_so(wire: Wire) -> None:
    sent = wire.head(b"/v1/usage", b"Content-Encoding: Identity\r\n" + CHUNKED) + CHUNKS
    assert status(wire.told(sent)) == 200
    assert wire.counts() == ([200], 1)


NEVER_ENDS = {
    "shorter than it says": (LENGTH % 500, BODY),
    "nothing of it": (LENGTH % 500, b""),
    "a chunk that is shorter than it says": (CHUNKED, b"fff\r\n" + CHUNKS),
    "no last chunk": (CHUNKED, b"%x\r\n%b\r\n" % (len(BODY), BODY)),
    "waiting to be asked": (LENGTH % 500 + b"Expect: 100-continue\r\n", b""),
}


def test_who_does_not_end_a_body_is_told_so_and_the_connection_ends(wire: Wire) -> None:
    def told(name: str) -> bytes:
        headers, body = NEVER_ENDS[name]
        return wire.told(wire.head(b"/v1/usage", headers).replace(b"Connection: close\r\n", b"") + body)

    begun = time.monotonic()
    with ThreadPoolExecutor(len(NEVER_ENDS)) as pool:
        answers = [each.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n") for each in pool.map(told, NEVER_ENDS)]
    assert [status(each) for each in answers] == [408] * len(NEVER_ENDS)
    assert time.monotonic() - begun < SOON_SECONDS - 1, "sooner than a server ends a connection that is idle"
    assert all(b"connection: close\r\n" in each.lower() for each in answers)
    assert {problem(each).partition(":")[0] for each in answers} == {"The body did not end within 0.5 seconds"}
    assert wire.counts() == ([408] * len(NEVER_ENDS), 0)


def test_drops_do_not_gain_time(wire: Wire) -> None:
    with socket.create_connection(wire.address, timeout=SOON_SECONDS) as connection:
        connection.sendall(wire.head(b"/v1/usage", LENGTH % 500))
        begun = time.monotonic()
        connection.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() - begun < SOON_SECONDS:
            connection.sendall(b" ")
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
    assert status(answer) == 408


def test_who_hangs_up_within_a_body_is_no_failure_of_ours(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(wire.address) as connection:
        connection.sendall(wire.head(b"/v1/usage", LENGTH % 500) + BODY)
    begun = time.monotonic()
    while not wire.counts()[0] and time.monotonic() - begun < SOON_SECONDS:
        time.sleep(0.02)
    assert wire.counts() == ([400], 0)
    assert not caplog.records


def test_what_says_that_it_is_too_large_is_not_waited_for(wire: Wire) -> None:
    answer = wire.told(wire.head(b"/v1/usage", LENGTH % (1 << 62)) + BODY)
    assert status(answer) == 413
    assert "smaller batches" in problem(answer)


MALFORMED = {
    "a chunk's size is no number": (b"/v1/usage", CHUNKED, b"zz\r\n" + CHUNKS),
    "a chunk's size is beyond measure": (b"/v1/usage", CHUNKED, b"f" * 40 + b"\r\n" + CHUNKS),
    "a chunk is longer than it says": (b"/v1/usage", CHUNKED, b"5\r\n" + CHUNKS),
    "chunks and a length": (b"/v1/usage", CHUNKED + LENGTH % 5, CHUNKS),
    "two lengths": (b"/v1/usage", LENGTH % 5 + LENGTH % len(BODY), BODY),
    "a length below zero": (b"/v1/usage", b"Content-Length: -5\r\n", BODY),
    "a length with a sign": (b"/v1/usage", b"Content-Length: +5\r\n", BODY),
    "chunked and something else": (b"/v1/usage", b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    "something else than chunked": (b"/v1/usage", b"Transfer-Encoding: identity\r\n", BODY),
    "NUL in a header": (b"/v1/usage", b"X: a\0b\r\n" + LENGTH % len(BODY), BODY),
    "a header without a colon": (b"/v1/usage", b"X\r\n" + LENGTH % len(BODY), BODY),
    "a header that goes on": (b"/v1/usage", b"X: a\r\n b\r\n" + LENGTH % len(BODY), BODY),
    "no target": (b"", LENGTH % len(BODY), BODY),
    "a bare word": (b"usage", LENGTH % len(BODY), BODY),
    "bytes": (b"/v1/usage/\xff", LENGTH % len(BODY), BODY),
    "a host beyond measure": (b"http://x:99999999/v1/usage", LENGTH % len(BODY), BODY),
}


def test_what_is_no_http_is_refused_and_nothing_is_stored(wire: Wire) -> None:
    for name, (target, headers, body) in MALFORMED.items():
        assert status(wire.told(wire.head(target, headers) + body)) == 400, name
    assert wire.counts()[1] == 0


def test_bytes_that_are_no_request_at_all_are_refused(wire: Wire) -> None:
    for sent in (
        b"\x16\x03\x01\x02\x00\x01" + bytes(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/3.7\r\n\r\n",
        b"\r\n\r\nx y\r\n",
    ):
        assert status(wire.told(sent)) == 400
    assert wire.counts() == ([], 0)


NO_ROUTES = (
    b"/v1/usage/",
    b"//v1/usage",
    b"/v1//usage",
    b"/v1/./usage",
    b"/V1/usage",
    b"/v1/usage%00",
    b"/v1/usage%2F",
    b"/%",
    b"/v1",
    b"*",
)


def test_what_is_nearly_a_route_is_none_and_is_told_where_they_are(wire: Wire) -> None:
    for target in NO_ROUTES:
        method = b"OPTIONS" if target == b"*" else b"POST"
        answer = wire.told(wire.head(target, LENGTH % len(BODY), method) + BODY)
        assert status(answer) == 404, target
        assert "/docs shows every one" in problem(answer)
    assert wire.counts() == ([], 0)


def test_a_route_by_another_spelling_is_the_same(wire: Wire) -> None:
    for target in (b"http://elsewhere/v1/usage", b"/v1/us%61ge", b"/v1/usage#x"):
        assert status(wire.told(wire.head(target, LENGTH % len(BODY)) + BODY)) == 200
    assert wire.counts() == ([200] * 3, 1)


def test_another_method_is_told_which_there_is(wire: Wire) -> None:
    for method in (b"OPTIONS", b"TRACE", b"PUT", b"PATCH", b"DELETE", b"CONNECT", b"HEAD"):
        answer = wire.told(wire.head(b"/v1/usage", b"", method))
        assert status(answer) == 405, method
        assert b"allow: POST\r\n" in answer
        assert method == b"HEAD" or "Allow names" in problem(answer)


def test_headers_and_targets_of_any_length_are_answered(wire: Wire) -> None:
    for target, headers, expected in (
        (b"/v1/usage", b"X: " + b"a" * 200_000 + b"\r\n", 200),
        (b"/v1/usage", b"X: a\r\n" * 5_000, 200),
        (b"/v1/usage", b"Authorization: Bearer " + b"a" * 60_000 + b"\r\n", 401),
        (b"/v1/usage", b"Idempotency-Key: " + b"a" * 60_000 + b"\r\n", 400),
        (b"/v1/usage?" + b"a&" * 20_000, b"", 422),
        (b"/v1/subscriptions/" + b"a" * 60_000 + b"/terminate", b"", 403),
    ):
        assert status(wire.told(wire.head(target, headers + LENGTH % len(BODY)) + BODY)) == expected, target[:30]


def test_requests_that_come_at_once_are_answered_in_order(wire: Wire) -> None:
    kept = wire.head(b"/v1/usage", LENGTH % len(BODY)).replace(b"Connection: close\r\n", b"") + BODY
    last = wire.head(b"/v1/usage?dry_run=1", LENGTH % len(BODY)) + BODY
    answers = wire.told(kept * 4 + last).split(b"HTTP/1.1 ")[1:]
    assert [int(each.split()[0]) for each in answers] == [200] * 4 + [422]
    assert [b'"accepted"' in each for each in answers] == [True] + [False] * 4
    assert wire.counts() == ([200] * 4 + [422], 1)


def test_a_query_that_does_nothing_is_refused(host: Host) -> None:
    for method, path, key in (
        ("POST", "/v1/usage?dry_run=true", "writer"),
        ("POST", "/v1/subscriptions/s-1/terminate?force", "terminator"),
        ("GET", "/metrics?name=x", "scraper"),
    ):
        answer = host.client.request(method, path, json=event() if method == "POST" else None, headers=host.bearer(key))
        assert (answer.status_code, "it takes none" in answer.json()["detail"]) == (422, True)
    assert host.count() == 0
