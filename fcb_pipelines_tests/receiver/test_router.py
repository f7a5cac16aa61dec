"""The route: what it reads of a request, and that nobody waits for anybody else."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from fcb_host.receiver.receiving import MOST_BYTES, OFF, TOO_LARGE, UNAVAILABLE, UNSIGNED, Receiver
from fcb_host.receiver.router import route
from fcb_host.receiver.storage import Storage
from fcb_host.receiver.storage_sqlite import SqliteStorage
from fcb_pipelines_tests.receiver.asgi import post, posted
from fcb_pipelines_tests.receiver.said import SECRET, Clock, request


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    return Receiver(storage=SqliteStorage(tmp_path / "receiver.sqlite"), secrets=[SECRET])


def app(receiver: Receiver, **others: Any) -> Starlette:
    return Starlette(routes=[route(receiver, clock=Clock(), **others)])


def test_a_message_in_pieces_is_taken(receiver: Receiver) -> None:
    came = request()
    assert posted(app(receiver), came.headers, came.body[:7], b"", came.body[7:]).status == 202
    assert posted(app(receiver), came.headers, came.body).body == b'{"outcome": "duplicate"}'


def test_it_can_be_mounted_and_is_post_alone(receiver: Receiver) -> None:
    came = request()
    mounted = Starlette(routes=[Mount("/host", routes=[route(receiver, clock=Clock(), path="/hooks")])])
    assert posted(mounted, came.headers, came.body, path="/host/hooks").status == 202
    assert route(receiver).methods == {"POST"}


def test_off_reads_nothing(receiver: Receiver) -> None:
    answer = posted(app(replace(receiver, is_enabled=False)), request().headers, b"x" * 99_999)
    assert (answer.status, answer.body, answer.read) == (404, OFF.body, 0)


@pytest.mark.parametrize("length", [str(MOST_BYTES + 1), "9" * 4000, "9" * 18])
def test_a_body_that_says_it_is_too_large_is_not_read(receiver: Receiver, length: str) -> None:
    answer = posted(app(receiver), {"content-length": length}, b"x" * 10)
    assert (answer.status, answer.body, answer.read) == (413, TOO_LARGE.body, 0)


@pytest.mark.parametrize("length", [{}, {"content-length": "10"}, {"content-length": "-1"}, {"content-length": "²"}])
def test_a_body_that_is_too_large_is_read_up_to_the_limit(receiver: Receiver, length: dict[str, str]) -> None:
    answer = posted(app(receiver), length, *[b"x" * 10_000] * 100)
    assert (answer.status, answer.read) == (413, 7)


def test_a_header_that_came_twice_is_believed_neither_time(receiver: Receiver) -> None:
    came = request()
    for name in came.headers:
        assert posted(app(receiver), [*came.headers.items(), (name, "x")], came.body).body == UNSIGNED.body
        assert posted(app(receiver), [*came.headers.items(), (name, came.headers[name])], came.body).status == 401


def test_a_storage_that_is_down_is_503(receiver: Receiver, tmp_path: Path) -> None:
    down = replace(receiver, storage=SqliteStorage(tmp_path / "no" / "file"))
    answer = posted(app(down), request().headers, request().body)
    assert (answer.status, answer.body) == (503, UNAVAILABLE.body)


def test_who_drips_is_not_waited_for(receiver: Receiver) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.02)
            yield b"x"

    answer = asyncio.run(post(app(receiver, body_seconds=0.2), request().headers, dripping()))
    assert answer.status == 408


def test_a_slow_storage_holds_up_no_other_request(receiver: Receiver) -> None:
    class Slow:
        @contextmanager
        def transaction(self) -> Any:
            time.sleep(0.4)
            with receiver.storage.transaction() as tx:
                yield tx

    slow: Storage = Slow()

    async def together() -> float:
        came = request()
        both = app(replace(receiver, storage=slow))
        waiting = asyncio.create_task(post(both, came.headers, _one(came.body)))
        await asyncio.sleep(0.05)
        begun = asyncio.get_running_loop().time()
        assert (await post(both, {}, _one(b"x"))).status == 401
        seconds = asyncio.get_running_loop().time() - begun
        assert (await waiting).status == 202
        return seconds

    assert asyncio.run(together()) < 0.2


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body
