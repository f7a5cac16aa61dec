"""The application of the example: the receiver, a worker beside it, and the page.

Owns: how they are put together, as a host would. Does not own: any of them.
"""

import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from example_host import deployments, page
from example_host.deployments import Deployments, now_text
from example_host.page import MOST_MESSAGES, Shown
from fcb_host.errors import StorageUnavailable
from fcb_host.receiver import deployments as known
from fcb_host.receiver import inbox, opening, operating
from fcb_host.receiver.acting import Worker
from fcb_host.receiver.inbox import Standing
from fcb_host.receiver.router import route
from fcb_host.receiver.settings import WebhookSettings
from fcb_host.receiver.storage import Storage

Clock = Callable[[], datetime]
EVERY_SECONDS = 1.0
PERSON = "ended, and a person is to confirm that it goes"
"""What a program that looks at the deployments reads once the grace period of one is over."""
_LOG = logging.getLogger("example_host")
_HEADERS = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'", "cache-control": "no-store"}


def create_app(
    settings: WebhookSettings, names: Sequence[str], clock: Clock, *, every_seconds: float = EVERY_SECONDS
) -> Starlette:
    """The application, with these deployments; the worker looks for what waits every so many seconds."""
    storage = opening.storage(settings)
    worker = Worker(storage=storage, actions=Deployments(), terms=settings.terms, service=settings.service)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if not settings.is_enabled:
            yield
            return
        await run_in_threadpool(deployments.add, storage, names)
        stop = threading.Event()
        thread = threading.Thread(target=_work, args=(worker, clock, stop, every_seconds), name="receiver-worker")
        thread.start()
        yield
        stop.set()
        await run_in_threadpool(thread.join)

    async def shown(_request: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(_shown, settings, storage, clock()), headers=_HEADERS)

    async def machines(_request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_machines, settings, storage, clock()), headers=_HEADERS)

    receiver = opening.receiver(settings, storage)
    routes = [route(receiver, clock=clock), Route("/", shown), Route("/deployments", machines)]
    return Starlette(routes=routes, lifespan=lifespan)


def _work(worker: Worker, clock: Clock, stop: threading.Event, every_seconds: float) -> None:
    while not stop.wait(every_seconds):
        try:
            worker.run(clock())
        except StorageUnavailable as fault:
            _LOG.error("%s", fault)


def _machines(settings: WebhookSettings, storage: Storage, now: datetime) -> dict[str, object]:
    """The deployments as a program reads them, and how many messages are not acted on yet."""
    if not settings.is_enabled:
        return {"waiting": 0, "deployments": []}
    with storage.transaction() as tx:
        status = operating.status(tx, now=now)
        awaits = {each.deployment: _awaits(each, now) for each in status.ending}
        machines = [
            {
                "name": each.name,
                "state": each.state,
                "reason": each.reason,
                "awaits": "" if each.state == deployments.REMOVED else awaits.get(each.name, ""),
            }
            for each in deployments.listed(tx)
        ]
    return {"waiting": status.messages.get(Standing.WAITING.value, 0), "deployments": machines}


def _awaits(ending: operating.Ending, now: datetime) -> str:
    if ending.confirmed_by is not None:
        return f"to be removed: {ending.confirmed_by} confirmed it"
    return PERSON if ending.until <= now else f"ended, and kept until {now_text(ending.until)}"


def _shown(settings: WebhookSettings, storage: Storage, now: datetime) -> str:
    if not settings.is_enabled:
        return page.off("The receiver is off: set FCB_HOST_WEBHOOK_ENABLED=on and what else fcb_host's README names.")
    try:
        with storage.transaction() as tx:
            return page.page(
                Shown(
                    machines=deployments.listed(tx),
                    known={each.deployment_id: each for each in known.listed(tx)},
                    messages=inbox.latest(tx, most=MOST_MESSAGES),
                    status=operating.status(tx, now=now),
                )
            )
    except StorageUnavailable as fault:
        return page.off(str(fault))
