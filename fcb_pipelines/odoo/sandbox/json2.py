"""`/json/2/<model>/<method>` of the sandbox: addresses, statuses and bodies of JSON-2 around `service`, as measured on 19.0.

Owns: HTTP and JSON of JSON-2, and what it checks before a method is called. What methods do is in `methods`.
"""

import json
import logging
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import psycopg
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fcb_pipelines.odoo.sandbox.errors import OdooError, told
from fcb_pipelines.odoo.sandbox.service import Service

LARGEST_BODY = 128 * 1024 * 1024
BEARER = re.compile(r"bearer\s+(.+)", re.IGNORECASE)
NO_KEY = "User not authenticated, use an API Key with a Bearer Authorization header."

STATUSES: Mapping[str, int] = {
    "werkzeug.exceptions.BadRequest": 400,
    "werkzeug.exceptions.Unauthorized": 401,
    "odoo.exceptions.AccessDenied": 403,
    "odoo.exceptions.AccessError": 403,
    "werkzeug.exceptions.NotFound": 404,
    "odoo.exceptions.MissingError": 404,
    "werkzeug.exceptions.RequestEntityTooLarge": 413,
    "werkzeug.exceptions.UnprocessableEntity": 422,
    "odoo.exceptions.UserError": 422,
    "odoo.exceptions.ValidationError": 422,
}
"""Name of an error → its status; every other one is 500."""

logger = logging.getLogger(__name__)


def json2_routes(service: Service) -> list[Route]:
    """The addresses of JSON-2."""

    async def call(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_answered, service, request, body)

    async def nowhere(_request: Request) -> Response:
        return _refused(OdooError("werkzeug.exceptions.NotFound", "Did you mean POST /json/2/<model>/<method>?"))

    every = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    return [
        Route("/json/2/{model}/{method}", call, methods=["POST"]),
        Route("/json/2", nowhere, methods=every),
        Route("/json/2/{path:path}", nowhere, methods=every),
    ]


def _answered(service: Service, request: Request, body: bytes) -> Response:
    if body and not request.headers.get("Content-Type", "").startswith("application/json"):
        return Response("<title>415 Unsupported Media Type</title>", status_code=415, media_type="text/html")
    if not service.has_database(request.headers.get("X-Odoo-Database")):
        return Response("<title>404 Not Found</title>", status_code=404, media_type="text/html")
    try:
        return _json(_called(service, request, body))
    except OdooError as error:
        return _refused(error)
    except (psycopg.Error, KeyError, TypeError, ValueError) as fault:
        # A hole in the sandbox, or a call no client of Odoo makes: its own log has the rest.
        logger.exception("the sandbox could not answer")
        return _refused(OdooError(f"builtins.{type(fault).__name__}", str(fault)))


def _called(service: Service, request: Request, body: bytes) -> Any:
    bearer = BEARER.fullmatch(request.headers.get("Authorization", ""))
    if bearer is None:
        raise OdooError("werkzeug.exceptions.Unauthorized", NO_KEY)
    model, method = request.path_params["model"], request.path_params["method"]
    return service.answer_key(bearer[1], model, method, lambda: _arguments(body))


def _arguments(body: bytes) -> dict[str, Any]:
    """The flat object that a body must be; anything else that is JSON is no arguments at all."""
    if len(body) > LARGEST_BODY:
        name, text = "werkzeug.exceptions.RequestEntityTooLarge", "413 Request Entity Too Large"
        raise OdooError(name, text)
    try:
        given = json.loads(body or b"{}", parse_float=Decimal)
    except ValueError as error:
        text = f"could not parse the body as json: {error}"
        raise OdooError("werkzeug.exceptions.BadRequest", text) from None
    return dict(given) if isinstance(given, dict) else {}


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    kind = "application/json; charset=utf-8"
    return Response(json.dumps(value), status_code=status, headers=dict(headers or {}), media_type=kind)


def _refused(error: OdooError) -> Response:
    status = STATUSES.get(error.name, 500)
    return _json(told(error), status, {"WWW-Authenticate": "Bearer"} if status == 401 else None)  # noqa: PLR2004
