"""Whether we are there, and how we are doing.

Owns: `/healthz` and `/readyz`, which need no key, and `/metrics`, which does.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fcb_pipelines.api.answers import told
from fcb_pipelines.api.calls import Call, Desk
from fcb_pipelines.api.metrics import MEDIA_TYPE
from fcb_pipelines.domain.errors import RemoteError
from fcb_pipelines.store.schema import is_current

HEALTHZ, READYZ, METRICS = "/healthz", "/readyz", "/metrics"
OpenHandler = Callable[[Desk], Awaitable[Response]]


async def healthz(_desk: Desk) -> Response:
    """Whether the process answers at all."""
    return told(lambda: {"status": "ok"}).response()


async def readyz(desk: Desk) -> Response:
    """Whether our database answers and has the tables of this version."""
    if await _is_ready(desk):
        return told(lambda: {"status": "ready"}).response()
    return told(lambda: {"status": "not ready"}, HTTPStatus.SERVICE_UNAVAILABLE).response()


async def read_metrics(call: Call) -> Response:
    """The server's own figures; those of another server on the same database are its own."""
    is_ready = await _is_ready(call.desk)
    return Response(call.desk.metrics.text(is_ready=is_ready), media_type=MEDIA_TYPE)


async def _is_ready(desk: Desk) -> bool:
    try:
        return await run_in_threadpool(is_current, desk.db)
    except RemoteError:
        return False
