"""Senders as settings make them: what messages and notices are sent with, and the one way to send both.

Owns: how settings become something that sends, whether anything may be sent at all, how a sender outlives a database that
restarts. Does not own: delivering (delivery), telling an operator (notices), reading the clock (the entry points hand it in).
"""

import asyncio
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from fcb_pipelines.acts.delivery import LIMITS, Post, Sending, Sent, deliver
from fcb_pipelines.acts.notice_ways import ways
from fcb_pipelines.acts.notices import Outcome, tell
from fcb_pipelines.acts.readiness import NotReady, not_ready
from fcb_pipelines.domain.errors import InvalidSettings, RemoteError
from fcb_pipelines.store.database import Database
from fcb_pipelines.webhook_settings import EXAMPLE, WebhookSettings
from fcb_pipelines.webhooks.answers import Failure, Kind, Posted
from fcb_pipelines.webhooks.posting import Poster
from fcb_pipelines.webhooks.sealing import Sealing
from fcb_pipelines.webhooks.trust import trusting

OFF = "webhooks are off, so nothing is sent: set FCB_WEBHOOKS=true. Messages are recorded meanwhile, and go out then"
NO_KEYS = f"FCB_WEBHOOK_KEYS is not set, and secrets of endpoints are encrypted under it; a key is made by  {EXAMPLE}"
TELL_SECONDS = 5.0
"""Between two looks whether an operator is to be told something."""
AWAY_SECONDS = 1.0
"""Between two attempts to reach our database again."""
LOOK_SECONDS = 0.2
_STEPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """What a sender is given."""

    settings: WebhookSettings
    db: Database
    service: str | None
    """Whose messages are sent; None: everybody's. An operator is told everything."""
    clock: Callable[[], datetime]
    """The time of now: receivers hold it against their own."""


@dataclass(slots=True, kw_only=True)
class Work:
    """What senders did so far, for whoever watches."""

    sent: Sent = field(default_factory=Sent)
    told: int = 0
    problem: str | None = None
    """Why an operator could not be told the last time."""
    away: NotReady | None = None
    """Why our database cannot be worked with, while it cannot."""


def require_on(settings: WebhookSettings) -> None:
    """Raise `InvalidSettings` where nothing may be sent."""
    if not settings.is_on:
        raise InvalidSettings(OFF)


def sealing(settings: WebhookSettings) -> Sealing:
    """What secrets of endpoints are sealed with; raises `InvalidSettings` where there is no key."""
    if settings.keys is None:
        raise InvalidSettings(NO_KEYS)
    return Sealing(settings.keys.get_secret_value())


@asynccontextmanager
async def sending(senders: Senders, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Sending]:
    """What messages are delivered with; its connections end with the block. What is trusted is read where `tls` is not given.

    Raises `InvalidSettings` where it is off, or certificates of the operator's own cannot be read.
    """
    require_on(senders.settings)
    tls = tls or trusting(senders.settings.ca_file)
    async with Poster(senders.settings.policy, limits=LIMITS, tls=tls) as poster:
        yield Sending(
            db=senders.db,
            service=senders.service,
            sealing=sealing(senders.settings),
            post=poster.post,
            clock=senders.clock,
            jitter=lambda: Fraction(secrets.randbelow(2 * _STEPS + 1) - _STEPS, _STEPS),
        )


async def send_due(senders: Senders) -> Work:
    """Deliver what is due, where that is switched on, and tell an operator what is to be told; once.

    Raises `RemoteError` where our database is away, and as `sending` does, after an operator was told what waited.
    """
    work = Work()
    if not senders.settings.is_on:
        await _tell(senders, work)
        return work
    tls = await _trusted(senders, work)
    async with sending(senders, tls=tls) as given:
        await deliver(given, sent=work.sent)
    await _tell(senders, work, tls)
    return work


async def keep_sending(senders: Senders, work: Work, *, is_ending: Callable[[], bool]) -> None:
    """Deliver and tell until it is to end, whatever our database or the file of authorities does meanwhile.

    Raises as `sending` does, after an operator was told what waited.
    """
    tls = await _trusted(senders, work)
    async with sending(senders, tls=tls) as given:
        telling = asyncio.create_task(_keep_telling(senders, work, is_ending, tls))
        try:
            while not is_ending():
                try:
                    await deliver(given, go_on=lambda: not is_ending(), is_ending=is_ending, sent=work.sent)
                except RemoteError:
                    await _until_back(senders.db, work, is_ending)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)


async def send_until(senders: Senders, is_done: Callable[[], bool], seconds: float) -> bool:
    """Deliver until something is so, which our database is asked for, at most so long; whether it is."""
    until, done = asyncio.get_running_loop().time() + seconds, asyncio.Event()

    async def look() -> None:
        while asyncio.get_running_loop().time() < until and not await asyncio.to_thread(is_done):
            await asyncio.sleep(LOOK_SECONDS)
        done.set()

    async with sending(senders) as given:
        await asyncio.gather(look(), deliver(given, go_on=lambda: not done.is_set(), is_ending=done.is_set))
    return is_done()


async def tell_now(senders: Senders, tls: ssl.SSLContext | None = None) -> Outcome:
    """Tell an operator what is to be told; whether messages are sent is another matter.

    What is trusted is read where `tls` is not given. Where that cannot be, the POST alone is a problem: a mail needs it not.
    """
    try:
        trusted = tls or trusting(senders.settings.ca_file)
    except InvalidSettings as error:
        return await tell(senders.db, ways(senders.settings, _refusing(str(error)), senders.clock))
    async with Poster(senders.settings.policy, tls=trusted) as poster:
        return await tell(senders.db, ways(senders.settings, poster.post, senders.clock))


def _refusing(why: str) -> Post:
    """What fails every POST before anything is sent."""

    async def post(_url: str, _headers: Mapping[str, str], _body: bytes) -> Posted:
        failure = Failure(kind=Kind.TLS, reason=why)
        return Posted(status=None, content=b"", is_cut=False, retry_after=None, address=None, failure=failure, seconds=0)

    return post


async def _trusted(senders: Senders, work: Work) -> ssl.SSLContext:
    """What is trusted, read once for all that a sender does."""
    try:
        return trusting(senders.settings.ca_file)
    except InvalidSettings:
        # Nothing is sent to hosts, which is no reason to keep from an operator what waits for them.
        await _tell(senders, work)
        raise


async def _tell(senders: Senders, work: Work, tls: ssl.SSLContext | None = None) -> None:
    done = await tell_now(senders, tls)
    work.told += done.told
    if done.told or done.untold:
        work.problem = "; ".join(done.problems) or None


async def _keep_telling(senders: Senders, work: Work, is_ending: Callable[[], bool], tls: ssl.SSLContext) -> None:
    while not is_ending():
        try:
            await _tell(senders, work, tls)
        except RemoteError:
            # Whoever delivers meets it too, and waits for the end of it.
            await _paused(AWAY_SECONDS, is_ending)
        else:
            await _paused(TELL_SECONDS, is_ending)


async def _until_back(db: Database, work: Work, is_ending: Callable[[], bool]) -> None:
    """Wait until our database can be worked with again."""
    while not is_ending():
        await _paused(AWAY_SECONDS, is_ending)
        work.away = await asyncio.to_thread(not_ready, db)
        if work.away is None:
            return


async def _paused(seconds: float, is_ending: Callable[[], bool]) -> None:
    until = asyncio.get_running_loop().time() + seconds
    while not is_ending() and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.1)
