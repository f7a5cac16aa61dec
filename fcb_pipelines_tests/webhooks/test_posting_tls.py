"""The one POST over TLS: the name is asked for and certified though the address is connected to, and faults have names."""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from fcb_pipelines.webhooks.answers import Kind, Limits, Posted
from fcb_pipelines.webhooks.posting import Poster
from fcb_pipelines_tests.webhooks.receivers import (
    LOOPBACK,
    NAME,
    OK,
    PATIENT,
    QUICK,
    Does,
    Names,
    Receiver,
    Visit,
    answering,
    authority,
    inside,
    receiving,
)


def posted(
    does: Does,
    *,
    server: ssl.SSLContext | None,
    trusted: ssl.SSLContext,
    host: str = NAME,
    times: int = 1,
    limits: Limits = QUICK,
) -> tuple[list[Posted], Receiver]:
    async def run() -> tuple[list[Posted], Receiver]:
        async with receiving(does, tls=server) as receiver:
            async with Poster(inside(receiver.port), resolver=Names(), tls=trusted, limits=limits) as poster:
                return [await poster.post(f"https://{host}:{receiver.port}/", {}, b"{}") for _ in range(times)], receiver

    return asyncio.run(run())


def test_the_name_is_asked_for_and_certified(tmp_path: Path) -> None:
    ours, asked = authority(tmp_path, NAME), []
    server = ours.server()
    server.set_alpn_protocols(["h2", "http/1.1"])
    server.sni_callback = lambda connection, name, context: asked.append(name)
    found, receiver = posted(answering(OK), server=server, trusted=ours.trusting(), times=3)
    assert [each.is_taken for each in found] == [True] * 3
    assert (asked, receiver.connections) == ([NAME], 1)
    assert f"Host: {NAME}:{receiver.port}\r\n".encode() in receiver.seen[0]


def test_an_address_is_certified_as_one(tmp_path: Path) -> None:
    ours = authority(tmp_path, LOOPBACK)
    (found,), _ = posted(answering(OK), server=ours.server(), trusted=ours.trusting(), host=LOOPBACK)
    assert found.is_taken


@pytest.mark.parametrize(
    ("certified", "is_trusted", "reason"),
    [
        (("other.example",), True, "the certificate of hooks.example is not trusted: Hostname mismatch"),
        ((LOOPBACK,), True, "the certificate of hooks.example is not trusted: Hostname mismatch"),
        ((NAME,), False, "the certificate of hooks.example is not trusted: self-signed certificate"),
    ],
)
def test_a_certificate_that_does_not_do_is_said(
    tmp_path: Path, certified: Sequence[str], is_trusted: bool, reason: str
) -> None:
    ours = authority(tmp_path, *certified)
    trusted = ours.trusting() if is_trusted else ssl.create_default_context()
    (found,), receiver = posted(answering(OK), server=ours.server(), trusted=trusted)
    assert found.failure is not None
    assert found.failure.kind is Kind.TLS
    assert found.failure.reason.startswith(reason)
    assert receiver.seen == [], "nothing is sent to whom nobody vouches for"


async def stalls(visit: Visit) -> None:
    await asyncio.sleep(60)


async def drips(visit: Visit) -> None:
    await visit.drip(b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"\x00" * 100)


async def hangs_up(visit: Visit) -> None:
    await visit.reader.read(10)


@pytest.mark.parametrize(
    ("does", "kind", "reason"),
    [
        (answering(OK), Kind.CONNECT_TIMEOUT, "127.0.0.1 did not connect in time"),
        (stalls, Kind.CONNECT_TIMEOUT, "127.0.0.1 did not connect in time"),
        (drips, Kind.CONNECT_TIMEOUT, "127.0.0.1 did not connect in time"),
        (hangs_up, Kind.CONNECT, "cannot be reached: "),
    ],
)
def test_who_does_not_speak_tls_is_left_in_time(tmp_path: Path, does: Does, kind: Kind, reason: str) -> None:
    limits = QUICK if kind is Kind.CONNECT_TIMEOUT else PATIENT
    (found,), _ = posted(does, server=None, trusted=ssl.create_default_context(), limits=limits)
    assert found.failure is not None
    assert found.failure.kind is kind
    assert reason in found.failure.reason
    assert found.seconds < 5


def test_plain_http_on_the_port_of_tls_is_said(tmp_path: Path) -> None:
    async def speaks_first(visit: Visit) -> None:
        await visit.say(b"HTTP/1.1 400 Plain\r\n\r\n")
        await visit.reader.read(1000)
        await asyncio.sleep(0.05)

    (found,), _ = posted(speaks_first, server=None, trusted=ssl.create_default_context())
    assert found.failure is not None
    assert found.failure.kind is Kind.TLS
    assert found.failure.reason.startswith("hooks.example does not speak TLS as it should (")


def test_an_old_version_of_tls_is_refused(tmp_path: Path) -> None:
    ours = authority(tmp_path, NAME)
    trusted = ours.trusting()
    assert trusted.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert trusted.check_hostname
    assert trusted.verify_mode is ssl.CERT_REQUIRED


def test_a_kept_connection_is_judged_by_the_name_s_address_of_now(tmp_path: Path) -> None:
    ours = authority(tmp_path, NAME)

    async def run() -> tuple[list[Posted], int]:
        names = Names((LOOPBACK,), (LOOPBACK, "169.254.169.254"))
        async with receiving(answering(OK), tls=ours.server()) as receiver:
            async with Poster(inside(receiver.port), resolver=names, tls=ours.trusting()) as poster:
                return [await poster.post(receiver.secure_url, {}, b"{}") for _ in range(2)], len(receiver.seen)

    (first, second), seen = asyncio.run(run())
    assert (first.is_taken, seen) == (True, 1)
    assert str(second.failure).startswith("denied: hooks.example is at 169.254.169.254, which is the metadata service")
