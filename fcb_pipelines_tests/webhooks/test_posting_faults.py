"""The one POST against receivers that fail or mean harm: each fault ends in time, has its name, and costs nobody else."""

import asyncio
import socket
import time
from ipaddress import ip_address
from statistics import quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcb_pipelines.webhooks.answers import Kind, Limits, Posted
from fcb_pipelines.webhooks.names import Unresolved
from fcb_pipelines.webhooks.posting import Poster
from fcb_pipelines.webhooks.wire import connected
from fcb_pipelines_tests.webhooks.receivers import (
    LOCAL,
    LOOPBACK,
    NAME,
    OK,
    PATIENT,
    QUICK,
    Does,
    Names,
    Visit,
    answering,
    receiving,
    silent,
)

LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


def posted(does: Does, limits: Limits = PATIENT) -> Posted:
    async def run() -> Posted:
        async with receiving(does) as receiver, Poster(LOCAL, limits=limits) as poster:
            return await poster.post(receiver.url, {}, b"{}")

    return asyncio.run(run())


async def resets(visit: Visit) -> None:
    await visit.request()
    opened = visit.writer.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


async def drips_headers(visit: Visit) -> None:
    await visit.request()
    await visit.drip(OK)


async def drips_body(visit: Visit) -> None:
    await visit.request()
    await visit.say(LONG)
    await visit.drip(b"x" * 60)


async def continues_for_ever(visit: Visit) -> None:
    await visit.request()
    while True:
        await visit.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


async def never_reads(visit: Visit) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("does", "status", "said"),
    [
        (silent, None, "timeout: given up after 0.6 s, waiting for the answer"),
        (never_reads, None, "timeout: given up after 0.6 s, waiting for the answer"),
        (drips_headers, None, "timeout: given up after 0.6 s, waiting for the answer"),
        (continues_for_ever, None, "timeout: given up after 0.6 s, waiting for the answer"),
        (drips_body, 200, "timeout: given up after 0.6 s, reading the answer"),
        (resets, None, "protocol: the connection was closed without an answer"),
        (answering(b"HTTP/1.1 200 OK\r\n", closes=True), None,
         "protocol: the connection was closed before the end of its headers"),
        (answering(LONG, closes=True), 200, "protocol: the connection was closed before the end of its answer"),
        (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", closes=True), 200,
         "protocol: the connection was closed before the end of its answer"),
        (answering(b"\x00\xff garbage\r\n\r\n"), None, "protocol: the answer is not HTTP/1.1 as it should be"),
        (answering(b"SSH-2.0-OpenSSH_9.6\r\n"), None, "timeout: given up after 0.6 s, waiting for the answer"),
        (answering(b"HTTP/1.1 2000 OK\r\n\r\n"), None, "protocol: the answer is not HTTP/1.1 as it should be"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), None,
         "protocol: the answer is not HTTP/1.1 as it should be"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), None,
         "protocol: the answer is not HTTP/1.1 as it should be"),
        (answering(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), None,
         "protocol: the answer is not HTTP/1.1 as it should be"),
        (answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), 200,
         "protocol: the answer is not HTTP/1.1 as it should be"),
        (answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000), None,
         "protocol: its headers go on and on, beyond 16,384 bytes"),
        (answering(b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000), None,
         "protocol: its headers go on and on, beyond 1,024 bytes"),
    ],
)  # fmt: skip
def test_a_fault_ends_in_time_and_has_its_name(does: Does, status: int | None, said: str) -> None:
    found = posted(does, QUICK if said.startswith("timeout") else PATIENT)
    assert (found.status, str(found.failure), found.is_taken) == (status, said, False)
    assert found.address == LOOPBACK
    assert found.seconds < 5


@pytest.mark.parametrize(
    "answer",
    [LONG + b"x" * 1_000_000,
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 90,
     b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 1_000_000],
    ids=["long", "chunks", "until the end"],
)  # fmt: skip
def test_a_long_answer_is_cut_and_still_an_answer(answer: bytes) -> None:
    found = posted(answering(answer), PATIENT)
    assert (found.status, found.is_cut, found.failure, found.is_taken) == (200, True, None, True)
    assert set(found.content) == {ord("x")}
    assert 63_000 < len(found.content) <= 64_000
    assert found.seconds < 10


@pytest.mark.parametrize("closes", [True, False])
def test_an_answer_in_countless_parts_is_cut_early(closes: bool) -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 201
    found = posted(answering(chunks, closes=closes))
    assert (found.status, found.is_cut, found.is_taken) == (200, True, True)
    assert 200 <= len(found.content) <= 201
    found = posted(answering(chunks.replace(b"x", b"x", 1)[: -6 * 2] + b"0\r\n\r\n"))
    assert (found.is_cut, len(found.content)) == (False, 199)


def test_an_answer_of_just_the_size_is_whole() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 63957\r\n\r\n"
    size = 64_000 - len(head)
    found = posted(answering(head.replace(b"63957", str(size).encode()) + b"x" * size), PATIENT)
    assert (len(found.content), found.is_cut) == (size, False)


def test_a_port_where_nobody_listens_is_said() -> None:
    async def run() -> Posted:
        with socket.create_server((LOOPBACK, 0)) as taken:
            port = taken.getsockname()[1]
        async with Poster(LOCAL) as poster:
            return await poster.post(f"http://127.0.0.1:{port}/", {}, b"{}")

    found = asyncio.run(run())
    assert found.failure is not None
    assert found.failure.kind is Kind.CONNECT
    assert found.failure.reason.endswith("cannot be reached: Connection refused")
    assert found.address == LOOPBACK


def through(names: Names, *attempts: float, limits: Limits = PATIENT, connect: object = connected) -> list[Posted]:
    """Posts by name over plain http to this machine, so many as there are pauses."""

    async def run() -> list[Posted]:
        async with receiving(answering(OK), hosts=(LOOPBACK, "127.0.0.2")) as receiver:
            poster = Poster(LOCAL, resolver=names, limits=limits, connect=connect)  # type: ignore[arg-type]  # of a test's own
            async with poster:
                found = []
                for pause in attempts or (0.0,):
                    found.append(await poster.post(f"http://{NAME}:{receiver.port}/", {}, b"{}"))
                    await asyncio.sleep(pause)
        addressed = [each for each in found if each.is_taken]
        assert len(receiver.seen) == len(addressed), "what was not taken never arrived"
        return found

    return asyncio.run(run())


def test_the_name_stays_in_the_host_header_and_is_looked_up_once_an_attempt() -> None:
    async def run() -> tuple[Names, bytes]:
        names = Names()
        async with receiving(answering(OK)) as receiver, Poster(LOCAL, resolver=names) as poster:
            for _ in range(3):
                assert (await poster.post(f"http://{NAME}:{receiver.port}/", {}, b"{}")).is_taken
            return names, receiver.seen[0]

    names, seen = asyncio.run(run())
    assert names.asked == [NAME] * 3
    assert f"Host: {NAME}:".encode() in seen


@pytest.mark.parametrize("later", [("10.0.0.1",), ("169.254.169.254",), (LOOPBACK, "8.8.8.8"), ("::ffff:10.0.0.1",), ()])
def test_a_name_that_moves_between_two_attempts_is_judged_anew(later: tuple[str, ...]) -> None:
    first, second, third = through(Names((LOOPBACK,), later, (LOOPBACK,)), 0, 0, 0)
    assert (first.is_taken, second.is_taken, third.is_taken) == (True, False, True)
    assert second.failure is not None
    assert second.failure.kind is Kind.DENIED


def test_a_kept_connection_is_for_its_address_alone() -> None:
    found = through(Names((LOOPBACK,), ("127.0.0.2",), ("127.0.0.2", LOOPBACK)), 0, 0, 0)
    assert [each.address for each in found] == [LOOPBACK, "127.0.0.2", "127.0.0.2"]


def test_an_ipv4_mapped_answer_is_judged_by_what_is_inside_and_connected_to() -> None:
    (found,) = through(Names(("::ffff:127.0.0.1",)))
    assert (found.is_taken, found.address) == (True, str(ip_address("::ffff:127.0.0.1")))


def test_an_address_that_does_not_answer_leaves_time_for_the_next() -> None:
    async def connect(address: str, port: int) -> socket.socket:
        if address == "127.0.0.9":
            await asyncio.sleep(60)
        return await connected(address, port)

    limits = Limits(connect_seconds=3)
    (found,) = through(Names(("127.0.0.9", "127.0.0.8", LOOPBACK)), connect=connect, limits=limits)
    assert (found.is_taken, found.address) == (True, LOOPBACK)
    assert 1 <= found.seconds < 2.9, "a third of the time is the first one's"


def test_connecting_has_a_limit_of_its_own() -> None:
    async def connect(address: str, port: int) -> socket.socket:
        await asyncio.sleep(60)
        raise AssertionError

    (found,) = through(Names(), connect=connect, limits=Limits(connect_seconds=0.3))
    assert str(found.failure) == "connect timeout: 127.0.0.1 did not connect in time"
    assert 0.3 <= found.seconds < 5


def test_a_connection_that_leads_elsewhere_is_dropped_before_a_word_is_said() -> None:
    tried = []

    async def connect(address: str, port: int) -> socket.socket:
        tried.append(address)
        return await connected("127.0.0.2", port)

    (found,) = through(Names((LOOPBACK, "127.0.0.3")), connect=connect)
    assert tried == [LOOPBACK], "after that no other address is tried"
    assert str(found.failure) == "denied: connected to 127.0.0.2, not to 127.0.0.1, which had passed"


def test_a_name_that_cannot_be_looked_up_is_said() -> None:
    (found,) = through(Names(Unresolved(reason="hooks.example cannot be looked up: no")))
    assert str(found.failure) == "dns: hooks.example cannot be looked up: no"


def test_the_total_counts_from_the_start_whatever_takes_the_time() -> None:
    class Slow(Names):
        async def addresses(self, host: str) -> tuple[str, ...] | Unresolved:
            await asyncio.sleep(60)
            return ()

    (found,) = through(Slow(), limits=QUICK)
    assert str(found.failure) == "timeout: given up after 0.6 s, looking up the name"


@given(
    st.lists(
        st.binary(max_size=200) | st.sampled_from([OK, b"HTTP/1.1 ", b"\r\n\r\n", b"Transfer-Encoding: chunked"]), max_size=6
    )
)
@settings(max_examples=40, deadline=None)
def test_whatever_comes_back_nothing_raises(pieces: list[bytes]) -> None:
    found = posted(answering(b"".join(pieces), closes=True))
    assert (found.failure is None) or found.failure.kind is Kind.PROTOCOL


async def floods(visit: Visit) -> None:
    await visit.request()
    # More than is read of an answer; the receiver is in this very process, so it must not go on for ever.
    await visit.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20_000)
    await visit.reader.read(-1)


@pytest.mark.parametrize("hostile", [silent, drips_body, resets, never_reads, floods])
def test_a_hostile_endpoint_does_not_delay_the_others(hostile: Does) -> None:
    async def paces(poster: Poster, url: str) -> float:
        taken = []
        for _ in range(60):
            began = time.perf_counter()
            assert (await poster.post(url, {}, b"{}")).is_taken
            taken.append(time.perf_counter() - began)
        return quantiles(taken, n=20)[-1]

    async def run() -> tuple[float, float]:
        async with receiving(answering(OK)) as good, receiving(hostile) as bad, Poster(LOCAL) as poster:
            alone = await paces(poster, good.url)
            attacked = [asyncio.create_task(poster.post(bad.url, {}, b"{}")) for _ in range(40)]
            beside = await paces(poster, good.url)
            for each in attacked:
                each.cancel()
            await asyncio.gather(*attacked, return_exceptions=True)
            return alone, beside

    alone, beside = asyncio.run(run())
    # Whoever waits for a hostile endpoint waits 15 s; the margin is for what else this machine does.
    assert beside < alone + 0.5
