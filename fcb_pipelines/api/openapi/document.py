"""The OpenAPI document: every route, what it takes and what it may answer.

Owns: how its parts are put together. Does not own: the routes (routes), what each does (operations).
"""

import json
from functools import cache
from importlib.metadata import version
from typing import Any

from fcb_pipelines.acts.readiness import Part
from fcb_pipelines.api.calls import KeyedRoute
from fcb_pipelines.api.health import HEALTHZ, READYZ
from fcb_pipelines.api.openapi.answers import answered, of_keyed
from fcb_pipelines.api.openapi.operations import OPERATIONS
from fcb_pipelines.api.openapi.reports import WITHOUT_KEY
from fcb_pipelines.api.openapi.schemas import Schema, ref, schemas
from fcb_pipelines.api.routes import KEYED
from fcb_pipelines.domain.access import Scope

OPENAPI, DOCS = "/openapi.json", "/docs"
SECURITY = "apiKey"
_NOT_READY = {"status": "not ready", "part": Part.DATABASE.value, "detail": "our own database does not answer"}
_DESCRIPTION = """Usage that a host pushes, and what became of it.

Times are RFC 3339 with their zone. Amounts and quantities in answers are text, never numbers. A subscription of another service
is answered like one that does not exist. A refusal of a whole request is `application/problem+json` (RFC 9457). After 429 and
503, and without any answer, the same may be sent again: what was stored is a duplicate then. A query parameter that a route
does not have is refused.

The examples are of the demo (`fcb demo`), whose clock stands at 2026-06-02: there they work as they are written. Elsewhere put
a subscription of your own in place of `SUB-1001`, and times of the last 35 days."""


@cache
def document() -> dict[str, Any]:
    """The document, in OpenAPI 3.1."""
    paths: dict[str, Schema] = {}
    for route in KEYED:
        paths.setdefault(route.path, {})[route.method.lower()] = _keyed(route)
    scopes = "\n".join(f"- `{scope}`: {scope.sentence}" for scope in Scope)
    scheme = {
        "type": "http",
        "scheme": "bearer",
        "description": f"An API key, `fcb_…`. A key has the scopes it was given:\n\n{scopes}",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "fcb_pipelines", "version": version("fcb_pipelines"), "description": _DESCRIPTION},
        "paths": paths | {path: {"get": operation} for path, operation in _open().items()},
        "components": {"schemas": schemas(), "securitySchemes": {SECURITY: scheme}},
        "security": [{SECURITY: []}],
    }


@cache
def as_json() -> bytes:
    """The document as it is sent."""
    return json.dumps(document(), ensure_ascii=False).encode()


def _keyed(route: KeyedRoute) -> Schema:
    operation = OPERATIONS[route.method, route.path]()
    responses = dict(sorted((of_keyed(route.scope) | operation["responses"]).items()))
    needs = f"{operation['description']}\n\nNeeds the scope `{route.scope}`."
    return operation | {"description": needs, "responses": responses, "security": [{SECURITY: [str(route.scope)]}]}


def _open() -> dict[str, Schema]:
    """The routes that need no key."""
    not_ready = answered("Not now.", ref("Health"), {"its database is away": _NOT_READY})
    return {
        HEALTHZ: _without_key("health", "Whether the process answers.", {"200": _health("ok")}),
        READYZ: _without_key(
            "readiness", "Whether its database answers and is of this version.", {"200": _health("ready"), "503": not_ready}
        ),
        OPENAPI: _without_key(
            "openapi",
            "This document.",
            {"200": answered("OpenAPI 3.1.", {"type": "object"}, {"its beginning": {"openapi": "3.1.0"}})},
        ),
        DOCS: _without_key("docs", "This document for people.", {"200": _page()}),
        **{path: operation() for path, operation in WITHOUT_KEY.items()},
    }


def _health(status: str) -> Schema:
    return answered("It does.", ref("Health"), {status: {"status": status}})


def _page() -> Schema:
    content = {"schema": {"type": "string"}, "examples": {"its beginning": {"value": "<!doctype html>"}}}
    return {"description": "A page.", "content": {"text/html; charset=utf-8": content}}


def _without_key(name: str, summary: str, responses: Schema) -> Schema:
    return {"operationId": name, "summary": summary, "responses": responses, "security": []}
