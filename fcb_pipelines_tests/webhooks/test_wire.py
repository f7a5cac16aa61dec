"""One connection: it takes in no more than it must, and lets others have their turn."""

import asyncio
from collections.abc import Awaitable, Callable

from fcb_pipelines.webhooks.wire import PIECE_BYTES, Wire, connected, wire_to
from fcb_pipelines_tests.webhooks.receivers import LOOPBACK, Visit, receiving

MUCH = 1_000_000_000


def with_a_flood(reads: Callable[[Wire, list[int]], Awaitable[None]]) -> None:
    """A connection whose other side sends without end; `sent` holds what got out."""

    async def run() -> None:
        sent: list[int] = []

        async def floods(visit: Visit) -> None:
            while True:
                await visit.say(b"x" * 100_000)
                sent.append(100_000)

        async with receiving(floods) as receiver:
            wire = await wire_to(LOOPBACK, receiver.port, connect=connected, tls=None, name=LOOPBACK)
            wire.begin(MUCH)
            wire.begin_body()
            await reads(wire, sent)
            await wire.aclose()

    asyncio.run(run())


def test_what_nobody_reads_stays_with_the_sender_and_comes_when_it_is_read() -> None:
    async def reads(wire: Wire, sent: list[int]) -> None:
        assert await wire.read(PIECE_BYTES)
        before = -1
        while len(sent) != before:
            assert sum(sent) < 100_000_000, "buffers of the system are smaller"
            before = len(sent)
            await asyncio.sleep(0.2)
        read = 0
        while read < 1_000_000:
            piece = await wire.read(PIECE_BYTES)
            assert piece
            read += len(piece)
        assert wire.read_bytes > read

    with_a_flood(reads)


def test_between_two_pieces_others_have_their_turn() -> None:
    async def reads(wire: Wire, sent: list[int]) -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        await asyncio.sleep(0.1)
        task = asyncio.create_task(other())
        for _ in range(30):
            assert len(await wire.read(MUCH)) <= PIECE_BYTES
        task.cancel()
        assert turns >= 29

    with_a_flood(reads)
