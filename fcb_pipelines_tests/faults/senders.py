"""Senders in processes of their own, which die, stop or lose their database where and when they are told to."""

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from multiprocessing.process import BaseProcess
from signal import SIGKILL, Signals

from fcb_pipelines.acts.delivery import LIMITS, Point, Sending, deliver
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhooks.egress import Egress
from fcb_pipelines.webhooks.posting import Poster
from fcb_pipelines.webhooks.sealing import Sealing
from fcb_pipelines_tests.forks import FORKS, needs
from fcb_pipelines_tests.webhooks.outgoing import SERVICE

LEASE = timedelta(seconds=1)
"""Shorter than in earnest, so that what a dead sender held is soon another's."""
needs(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """What befalls a sender: at the so-manyth time that it passes a point it gets a signal."""

    point: Point
    count: int
    signal: Signals = SIGKILL


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """What a sender is like."""

    service: str = SERVICE
    ahead: timedelta = timedelta(0)
    """By how much its clock is."""
    lease: timedelta = LEASE


USUAL = Like()


def send(url: str, keys: str, strike: Strike | None = None, like: Like = USUAL) -> None:
    """Send all that is due, unless something befalls the sender."""
    asyncio.run(_send(url, keys, strike, like))


async def _send(url: str, keys: str, strike: Strike | None, like: Like) -> None:
    left = strike.count if strike is not None else 0

    def passed(point: Point) -> None:
        nonlocal left
        if strike is not None and point is strike.point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), strike.signal)

    async with Poster(Egress(allows_http_local=True), limits=LIMITS) as poster:
        sending = Sending(
            db=Database(url),
            service=like.service,
            sealing=Sealing(keys),
            post=poster.post,
            clock=lambda: datetime.now(UTC) + like.ahead,
            jitter=lambda: Fraction(0),
            lease=like.lease,
            passed=passed,
        )
        try:
            await deliver(sending)
        except RemoteError:
            return  # The database went away under it: what it held is another's once the lease is over.


def started(url: str, keys: str, strike: Strike | None = None, like: Like = USUAL) -> BaseProcess:
    """A sender in a process of its own, which ends with this one."""
    process = FORKS.Process(target=send, args=(url, keys, strike, like), daemon=True)
    process.start()
    return process


def until_stopped(process: BaseProcess) -> None:
    """Wait until a process stands still."""
    for _ in range(1000):
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "T":
                return
        time.sleep(0.01)
    raise AssertionError("it was never stopped")
