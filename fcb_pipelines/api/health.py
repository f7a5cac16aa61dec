"""Whether we are there, and how we are doing.

Owns: `/healthz` and `/readyz`, which need no key, and `/metrics`, which does.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fcb_pipelines.acts.readiness import not_ready
from fcb_pipelines.api.answers import told
from fcb_pipelines.api.calls import Call, Desk
from fcb_pipelines.api.metrics import MEDIA_TYPE
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.store import notices, standings
from fcb_pipelines.store.standings import Counts

HEALTHZ, READYZ, METRICS = "/healthz", "/readyz", "/metrics"
OpenHandler = Callable[[Desk], Awaitable[Response]]


async def healthz(_desk: Desk) -> Response:
    """Whether the process answers at all."""
    return told(lambda: {"status": "ok"}).response()


async def readyz(desk: Desk) -> Response:
    """Whether our database answers and has the tables of this version."""
    found = await run_in_threadpool(not_ready, desk.db)
    if found is None:
        return told(lambda: {"status": "ready"}).response()
    said = {"status": "not ready", "part": found.part.value, "detail": found.detail}
    return told(lambda: said, HTTPStatus.SERVICE_UNAVAILABLE).response()


async def read_metrics(call: Call) -> Response:
    """The server's own figures, and how messages to hosts stand; requests of another server are its own."""
    is_ready = await run_in_threadpool(not_ready, call.desk.db) is None
    if is_ready:
        await run_in_threadpool(_webhooks, call.desk)
    return Response(call.desk.metrics.text(is_ready=is_ready), media_type=MEDIA_TYPE)


def _webhooks(desk: Desk) -> None:
    """Look how messages stand; where our database goes just now, what was seen last stays."""
    with suppress(RemoteError), desk.db.transaction() as conn:
        found = standings.by_service(conn)
        for code in desk.settings.services:
            desk.metrics.stand(code, found.get(code, Counts()), notices.untold(conn, code).count)
