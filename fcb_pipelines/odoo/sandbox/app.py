"""The sandbox as a web application: Odoo's addresses and envelopes around `service`.

Owns: HTTP and JSON of JSON-RPC, whose errors come with HTTP 200, and which addresses an edition has. JSON-2 is in `json2`.
"""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
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
from fcb_pipelines.odoo.sandbox.errors import OdooError, told
from fcb_pipelines.odoo.sandbox.installation import install
from fcb_pipelines.odoo.sandbox.json2 import LARGEST_BODY, json2_routes
from fcb_pipelines.odoo.sandbox.service import Clock, Service

FIRST_WITH_JSON2 = 19
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

    routes = _version_routes(service, edition)
    has_json2 = edition.version_parts[0] >= FIRST_WITH_JSON2
    # From 19 on RPC of both kinds is a module, which an administrator may uninstall.
    if not has_json2 or "rpc" in edition.modules:
        routes += [
            Route("/jsonrpc", _jsonrpc(service, edition.wording.code), methods=["POST"]),
            *(json2_routes(service) if has_json2 else ()),
        ]
    return Starlette(routes=routes, lifespan=lifespan)


def _version_routes(service: Service, edition: Edition) -> list[Route]:
    async def version_info(request: Request) -> Response:
        body = await request.body()
        return _answered(body, lambda _params: service.version(), edition.wording.code)

    async def version(_request: Request) -> Response:
        said = {"version_info": list(edition.version_parts), "version": edition.version}
        return Response(json.dumps(said), media_type="application/json; charset=utf-8")

    later = [Route("/web/version", version, methods=["GET"])] if edition.version_parts[0] >= FIRST_WITH_JSON2 else []
    return [Route("/web/webclient/version_info", version_info, methods=["GET", "POST"]), *later]


def _jsonrpc(service: Service, code: int) -> Callable[[Request], Awaitable[Response]]:
    async def jsonrpc(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_answered, body, lambda params: _called(service, params), code)

    return jsonrpc


def _called(service: Service, params: Mapping[str, Any]) -> Any:
    return service.answer(params["service"], params["method"], params.get("args", ()))


def _answered(body: bytes, answer: Callable[[Mapping[str, Any]], Any], code: int) -> Response:
    """The envelope around an answer, or an error with the code; a body that is no JSON is the one thing HTTP itself refuses."""
    try:
        request = json.loads(body or b"{}", parse_float=Decimal)
    except ValueError:
        return Response("Invalid JSON data", status_code=400, media_type="text/html")
    envelope: dict[str, Any] = {"jsonrpc": "2.0", "id": request.get("id")}
    try:
        _check_size(body)
        envelope["result"] = answer(request.get("params") or {})
    except OdooError as error:
        envelope["error"] = _failure(error, code)
    except (psycopg.Error, KeyError, TypeError, ValueError) as fault:
        # A hole in the sandbox, or a call no client of Odoo makes: its own log has the rest.
        logger.exception("the sandbox could not answer")
        envelope["error"] = _failure(OdooError(f"builtins.{type(fault).__name__}", str(fault)), code)
    return Response(json.dumps(envelope), media_type="application/json; charset=utf-8")


def _check_size(body: bytes) -> None:
    if len(body) > LARGEST_BODY:
        name, text = "werkzeug.exceptions.RequestEntityTooLarge", "413 Request Entity Too Large"
        raise OdooError(name, text)


def _failure(error: OdooError, code: int) -> dict[str, Any]:
    return {"code": code, "message": "Odoo Server Error", "data": told(error)}
