"""The one POST against receivers that behave: what goes out, what every answer becomes, which connections are kept."""

import asyncio
import gzip
import re
from importlib.metadata import version

import pytest

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.webhooks.answers import Kind, Limits, Posted
from fcb_pipelines.webhooks.posting import OURS, Poster
from fcb_pipelines_tests.webhooks.receivers import LOCAL, OK, PATIENT, Does, Receiver, Visit, answering, receiving

BODY = b'{"id": "msg_1"}\x00\xff'
HEADERS = {"content-type": "application/json", "webhook-id": "msg_1"}


def posted(does: Does, *, times: int = 1, limits: Limits = PATIENT, pause: float = 0) -> tuple[list[Posted], Receiver]:
    """What becomes of posts one after the other to a receiver that does so."""

    async def run() -> tuple[list[Posted], Receiver]:
        async with receiving(does) as receiver, Poster(LOCAL, limits=limits) as poster:
            found = []
            for _ in range(times):
                found.append(await poster.post(receiver.url, HEADERS, BODY))
                await asyncio.sleep(pause)
            return found, receiver

    return asyncio.run(run())


def test_the_limits_are_the_contract_s() -> None:
    assert Limits() == Limits(
        look_up_seconds=5.0,
        connect_seconds=5.0,
        total_seconds=15.0,
        answer_bytes=64_000,
        connections=8,
        idle_connections=256,
        idle_seconds=15.0,
        addresses=3,
    )


def test_exactly_these_bytes_go_out() -> None:
    (found,), receiver = posted(answering(OK))
    assert (found.status, found.content, found.failure, found.is_taken) == (200, b"ok", None, True)
    assert (found.address, found.is_cut, found.retry_after) == ("127.0.0.1", False, None)
    assert 0 < found.seconds < 5
    lines = [
        "POST /hook HTTP/1.1",
        f"Host: 127.0.0.1:{receiver.port}",
        f"User-Agent: fcb-pipelines/{version('fcb_pipelines')}",
        "Accept-Encoding: identity",
        f"Content-Length: {len(BODY)}",
        "content-type: application/json",
        "webhook-id: msg_1",
    ]
    assert receiver.seen == ["\r\n".join([*lines, "", ""]).encode() + BODY]


@pytest.mark.parametrize(
    ("answer", "status", "content", "is_taken"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 299 Fine\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n", 299, b"yes", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n" + OK, 200, b"ok", True),
        (b"HTTP/1.0 200 OK\r\n\r\nall of it", 200, b"all of it", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it", 200, b"all of it", True),
        (b"HTTP/1.1 300 Choose\r\nContent-Length: 0\r\n\r\n", 300, b"", False),
        (b"HTTP/1.1 304 Same\r\n\r\n", 304, b"", False),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno", 400, b"no", False),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 410, b"", False),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 500, b"", False),
    ],
)
def test_every_whole_answer_is_an_answer(answer: bytes, status: int, content: bytes, is_taken: bool) -> None:
    (found,), _ = posted(answering(answer, closes=True))
    assert (found.status, found.content, found.failure, found.is_taken) == (status, content, None, is_taken)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    async def run() -> tuple[Posted, int]:
        async with receiving(answering(OK)) as inside:
            moved = f"HTTP/1.1 {status} Moved\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
            async with receiving(answering(moved)) as receiver, Poster(LOCAL, limits=PATIENT) as poster:
                return await poster.post(receiver.url, HEADERS, BODY), inside.connections

    found, connections = asyncio.run(run())
    assert (found.status, found.is_taken, connections) == (status, False, 0)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"Retry-After: 120", "120"),
        (b"retry-after:  Wed, 21 Oct 2026 07:28:00 GMT ", "Wed, 21 Oct 2026 07:28:00 GMT"),
        (b"Retry-After: \xff\xfe", "ÿþ"),
        (b"Retry-After: " + b"9" * 500, "9" * 64),
        (b"Retry-After: 1\r\nRetry-After: 2", "1"),
        (b"X: y", None),
    ],
)
def test_retry_after_is_handed_on_as_text(header: bytes, said: str | None) -> None:
    (found,), _ = posted(answering(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n" + header + b"\r\n\r\n"))
    assert found.retry_after == said


def test_nothing_is_unpacked_and_no_cookie_is_kept() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < 64_000
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\nContent-Length: {len(bomb)}\r\n\r\n"
    found, receiver = posted(answering(head.encode() + bomb), times=2)
    assert [each.content for each in found] == [bomb, bomb]
    assert not re.search(rb"(?i)cookie", receiver.seen[1])


def test_the_environment_s_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> tuple[Posted, int]:
        async with receiving(answering(OK)) as receiver, receiving(answering(OK)) as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            async with Poster(LOCAL, limits=PATIENT) as poster:
                return await poster.post(receiver.url, HEADERS, BODY), proxy.connections

    found, connections = asyncio.run(run())
    assert found.is_taken
    assert connections == 0


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_own_headers_are_not_for_others_to_set(name: str) -> None:
    with pytest.raises(InvalidInput, match="is not for others to set"):
        asyncio.run(Poster(LOCAL).post("http://127.0.0.1:1/", {name.title(): "x"}, BODY))


@pytest.mark.parametrize(
    ("name", "value"),
    [("a b", "x"), ("", "x"), ("a:", "x"), ("é", "x"), ("x", "a\r\nb: c"), ("x", "é"), ("x", "\x00"), ("x", " a"), ("x", "a ")],
)
def test_a_header_that_would_be_read_as_something_else_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be sent"):
        asyncio.run(Poster(LOCAL).post("http://127.0.0.1:1/", {name: value}, BODY))


def test_a_connection_is_used_again() -> None:
    found, receiver = posted(answering(OK), times=5)
    assert [each.is_taken for each in found] == [True] * 5
    assert (receiver.connections, len(receiver.seen)) == (1, 5)


def test_a_connection_that_was_idle_for_too_long_is_not() -> None:
    limits = Limits(idle_seconds=0.02)
    found, receiver = posted(answering(OK), times=2, limits=limits, pause=0.05)
    assert [each.is_taken for each in found] == [True] * 2
    assert receiver.connections == 2


def test_a_connection_that_the_receiver_closed_is_not() -> None:
    found, receiver = posted(answering(OK, closes=True), times=3, pause=0.02)
    assert [each.is_taken for each in found] == [True] * 3
    assert receiver.connections == 3


def test_a_kept_connection_that_closes_under_the_request_costs_no_attempt() -> None:
    async def does(visit: Visit) -> None:
        await visit.request()
        await visit.say(OK)
        if visit.number == 1:
            await visit.reader.read(1)
            return
        await visit.request()

    found, receiver = posted(does, times=2)
    assert [each.is_taken for each in found] == [True, True]
    assert receiver.connections == 2


def test_a_new_connection_that_closes_is_not_tried_again() -> None:
    async def does(visit: Visit) -> None:
        await visit.request()

    (found,), receiver = posted(does)
    assert (str(found.failure), found.status) == ("protocol: the connection was closed without an answer", None)
    assert receiver.connections == 1


def test_an_answer_that_comes_before_it_is_asked_for_is_not_taken_for_the_next() -> None:
    found, receiver = posted(answering(OK + b"HTTP/1.1 500 Smuggled\r\nContent-Length: 0\r\n\r\n"), times=2, pause=0.02)
    assert [each.status for each in found] == [200, 200]
    assert receiver.connections == 2


def test_an_endpoint_has_so_many_connections_and_no_more() -> None:
    async def slow(visit: Visit) -> None:
        while True:
            await visit.request()
            await asyncio.sleep(0.05)
            await visit.say(OK)

    async def run() -> tuple[list[Posted], Receiver]:
        limits = Limits(connections=2)
        async with receiving(slow) as receiver, Poster(LOCAL, limits=limits) as poster:
            return await asyncio.gather(*(poster.post(receiver.url, HEADERS, BODY) for _ in range(8))), receiver

    found, receiver = asyncio.run(run())
    assert all(each.is_taken for each in found)
    assert (receiver.most_open, receiver.connections) == (2, 2)


def test_who_waits_for_a_connection_in_vain_is_told_so() -> None:
    async def dumb(visit: Visit) -> None:
        await visit.reader.read(-1)

    async def run() -> list[Posted]:
        limits = Limits(connections=1, total_seconds=1)
        async with receiving(dumb) as receiver, Poster(LOCAL, limits=limits) as poster:
            return await asyncio.gather(*(poster.post(receiver.url, HEADERS, BODY) for _ in range(2)))

    first, second = asyncio.run(run())
    assert str(first.failure) == "timeout: given up after 1 s, waiting for the answer"
    assert str(second.failure) == "busy: all 1 connections to it were in use after 1 s"


def test_a_cancelled_post_leaves_its_place_and_no_connection() -> None:
    async def first_silent(visit: Visit) -> None:
        await visit.request()
        if visit.number == 1:
            await visit.reader.read(-1)
        await visit.say(OK)

    async def run() -> tuple[Posted, int]:
        limits = Limits(connections=1)
        async with receiving(first_silent) as receiver, Poster(LOCAL, limits=limits) as poster:
            task = asyncio.create_task(poster.post(receiver.url, HEADERS, BODY))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await poster.post(receiver.url, HEADERS, BODY), receiver.connections

    found, connections = asyncio.run(run())
    assert found.is_taken
    assert connections == 2


def test_idle_connections_are_bounded_and_closed_at_the_end() -> None:
    async def run() -> tuple[int, int]:
        async with receiving(answering(OK)) as one, receiving(answering(OK)) as two:
            async with Poster(LOCAL, limits=Limits(idle_connections=1)) as poster:
                for receiver in (one, two):
                    assert (await poster.post(receiver.url, HEADERS, BODY)).is_taken
                await asyncio.sleep(0.05)
                kept = one.open_now + two.open_now
            await asyncio.sleep(0.05)
            return kept, one.open_now + two.open_now

    assert asyncio.run(run()) == (1, 0)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1/", "denied: 127.0.0.1 is loopback (RFC 1122)"),
        ("http://8.8.8.8/", "denied: 8.8.8.8 is not this machine, and plain http goes nowhere else"),
        ("nonsense", "denied: it is not a URL such as https://example.com/hook"),
    ],
)
def test_what_the_guard_denies_is_not_connected_to(url: str, said: str) -> None:
    async def connect(address: str, port: int) -> object:
        raise AssertionError("nobody connects")

    async def run() -> Posted:
        async with Poster(LOCAL, connect=connect) as poster:  # type: ignore[arg-type]  # it never answers
            return await poster.post(url, HEADERS, BODY)

    found = asyncio.run(run())
    assert str(found.failure) == said
    assert found.failure is not None
    assert (found.failure.kind, found.address, found.status) == (Kind.DENIED, None, None)
