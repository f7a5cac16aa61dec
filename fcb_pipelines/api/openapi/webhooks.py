"""What the pages of messages to endpoints take and answer, as OpenAPI writes it.

Owns: their operations. Does not own: the pages (report/webhooks).
"""

from collections.abc import Callable, Mapping
from typing import Any

from fcb_pipelines.api.openapi.answers import problem
from fcb_pipelines.api.openapi.reports import shown
from fcb_pipelines.api.openapi.schemas import STORABLE, Schema
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.queries import unknown
from fcb_pipelines.api.reports import HTML
from fcb_pipelines.api.webhooks import (
    BOARD,
    MESSAGE,
    NO_MESSAGE,
    NO_PAGE,
    NO_STANDING,
    NO_SUBSCRIPTION,
    NO_TYPE,
    PARAMETERS,
)
from fcb_pipelines.domain.messages import MessageType
from fcb_pipelines.domain.standing import Standing

_READERS = (
    "A browser that opened a one-time link (`fcb messages link`) may read it too. Where a browser is refused it is told so as "
    "a page."
)


def read_board() -> Schema:
    """`GET /webhooks`."""
    number = {"type": "integer", "minimum": 1, "maximum": 9999, "default": 1}
    parameters = [
        _query("standing", "How a message stands at one endpoint at least.", {"type": "string", "enum": [*Standing]}, "dead"),
        _query("type", "What it tells.", {"type": "string", "enum": [*MessageType]}, MessageType.PAYMENT_FAILED.value),
        _query("subscription", "What it is about.", {"type": "string", "pattern": STORABLE}, "1042"),
        _query("page", "The part, from 1.", number, 1),
    ]
    refused = (*(Problem(422, each) for each in (NO_STANDING, NO_TYPE, NO_SUBSCRIPTION, NO_PAGE)), unknown("of", PARAMETERS))
    return _page("readWebhooks", "Read where messages go and how they stand.", parameters, refused)


def read_message() -> Schema:
    """`GET /webhooks/messages/{message_id}`."""
    named = {"type": "string", "minLength": 1, "pattern": "^[^/\\u0000]+$"}
    parameter = {"name": "message_id", "in": "path", "required": True, "schema": named}
    parameter["example"] = "msg_mfzwizlboruwc3tfonxw45dfna"
    operation = _page("readMessage", "Read a message and every attempt to deliver it.", [parameter], (unknown("of", ()),))
    return operation | {"responses": operation["responses"] | {"404": problem("It is not there.", Problem(404, NO_MESSAGE))}}


def _query(name: str, description: str, schema: Schema, example: object) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema, "example": example}


def _page(name: str, summary: str, parameters: list[Schema], refused: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "description": _READERS,
        "parameters": parameters,
        "responses": {
            "200": shown("A page.", f"{HTML}; charset=utf-8", "<!doctype html>"),
            "422": problem("A parameter is wrong.", *refused),
        },
    }


WEBHOOK_OPERATIONS: Mapping[tuple[str, str], Callable[[], Schema]] = {
    ("GET", BOARD): read_board,
    ("GET", MESSAGE): read_message,
}
