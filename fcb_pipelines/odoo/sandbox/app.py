"""The sandbox as a web application: Odoo's addresses and envelopes around `service`.

Owns: HTTP and JSON. Errors come with HTTP 200, as Odoo's do.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fcb_pipelines.odoo.sandbox.connections import Connections
from fcb_pipelines.odoo.sandbox.edition import COMMUNITY_19
from fcb_pipelines.odoo.sandbox.env import Edition
from fcb_pipelines.odoo.sandbox.errors import OdooError
from fcb_pipelines.odoo.sandbox.installation import install
from fcb_pipelines.odoo.sandbox.service import Clock, Service

LARGEST_BODY = 128 * 1024 * 1024
logger = logging.getLogger(__name__)


def create_app(database_url: str, keys: Mapping[str, str], *, clock: Clock, edition: Edition = COMMUNITY_19) -> Starlette:
    """The application; it makes its tables and first records in the database if they are missing.

    Clients name the database as Postgres does. `keys` maps logins (`admin`, `importer`) to their keys. Raises
    psycopg.OperationalError when the database cannot be reached.
    """
    with psycopg.connect(database_url, row_factory=dict_row) as conn:
        install(conn, edition, clock())
    connections = Connections(database_url)
    database = str(conninfo_to_dict(database_url)["dbname"])
    service = Service(connections, database, keys, edition=edition, clock=clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        connections.close()

    async def version_info(request: Request) -> Response:
        body = await request.body()
        return _answered(body, lambda _params: service.version())

    async def jsonrpc(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_answered, body, lambda params: _called(service, params))

    routes = [
        Route("/web/webclient/version_info", version_info, methods=["GET", "POST"]),
        Route("/jsonrpc", jsonrpc, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _called(service: Service, params: Mapping[str, Any]) -> Any:
    return service.answer(params["service"], params["method"], params.get("args", ()))


def _answered(body: bytes, answer: Callable[[Mapping[str, Any]], Any]) -> Response:
    """The envelope around an answer or an error; a body that is no JSON is the one thing HTTP itself refuses."""
    try:
        request = json.loads(body or b"{}", parse_float=Decimal)
    except ValueError:
        return Response("Invalid JSON data", status_code=400, media_type="text/html")
    envelope: dict[str, Any] = {"jsonrpc": "2.0", "id": request.get("id")}
    try:
        _check_size(body)
        envelope["result"] = answer(request.get("params") or {})
    except OdooError as error:
        envelope["error"] = _told(error)
    except (psycopg.Error, KeyError, TypeError, ValueError) as fault:
        # A hole in the sandbox, or a call no client of Odoo makes: its own log has the rest.
        logger.exception("the sandbox could not answer")
        envelope["error"] = _told(OdooError(f"builtins.{type(fault).__name__}", str(fault)))
    return Response(json.dumps(envelope), media_type="application/json; charset=utf-8")


def _check_size(body: bytes) -> None:
    if len(body) > LARGEST_BODY:
        name, text = "werkzeug.exceptions.RequestEntityTooLarge", "413 Request Entity Too Large"
        raise OdooError(name, text)


def _told(error: OdooError) -> dict[str, Any]:
    details = {
        "name": error.name,
        "message": error.message,
        "arguments": [error.message],
        "context": {},
        "debug": f"{error.name}: {error.message}\n",
    }
    return {"code": 0, "message": "Odoo Server Error", "data": details}
