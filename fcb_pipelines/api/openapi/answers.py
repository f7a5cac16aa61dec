"""Answers as OpenAPI writes them, those of every keyed route among them.

Owns: their form, and which problem any keyed route may answer with. Does not own: what a single route answers (operations).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fcb_pipelines.api import bodies, calls, idempotency, queries
from fcb_pipelines.api.answers import JSON, REPLAYED
from fcb_pipelines.api.openapi.examples import refused
from fcb_pipelines.api.openapi.schemas import Schema, ref
from fcb_pipelines.api.problems import MEDIA_TYPE as PROBLEM
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.domain.access import Reason, Scope

Answers = dict[str, Schema]
_HEADERS: dict[str, Schema] = {
    "Retry-After": {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
    "WWW-Authenticate": {"schema": {"type": "string"}},
    "Accept-Encoding": {"description": "How a body may be coded.", "schema": {"type": "string"}},
}
_REPLAYED: dict[str, Schema] = {
    REPLAYED: {
        "description": "There where the answer was given before, to the same request under its Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def answered(description: str, schema: Schema, examples: Mapping[str, Any]) -> Schema:
    """An answer in JSON."""
    content = {JSON: {"schema": schema, "examples": {name: {"value": each} for name, each in examples.items()}}}
    return {"description": description, "content": content}


def problem(description: str, *told: Problem, schema: Schema | None = None) -> Schema:
    """A refusal; each example is what the code says."""
    sent = [each.response().headers for each in told]
    headers = {
        name: {**header, "required": all(name in each for each in sent)}
        for name, header in _HEADERS.items()
        if any(name in each for each in sent)
    }
    examples = {each.detail.partition(":")[0].rstrip("."): {"value": each.content} for each in told}
    content = {PROBLEM: {"schema": schema or ref("Problem"), "examples": examples}}
    return {"description": description, **({"headers": headers} if headers else {}), "content": content}


def replayable(answer: Schema) -> Schema:
    """The same, which may be given again."""
    return {**answer, "headers": {**answer.get("headers", {}), **_REPLAYED}}


def either(one: Schema, other: Schema) -> Schema:
    """Two answers with one status, told apart by their media types; a header that one of them lacks may be missing."""
    headers = {name: {**each, "required": False} for name, each in (one.get("headers", {}) | other.get("headers", {})).items()}
    return {
        "description": f"{one['description']} {other['description']}",
        **({"headers": headers} if headers else {}),
        "content": one["content"] | other["content"],
    }


def of_keyed(scope: Scope) -> Answers:
    """What any route may answer that needs a key."""
    reasons = (Reason.MISSING, Reason.MALFORMED, Reason.UNKNOWN)
    return {
        "401": problem("There is no good key.", *(Problem(401, refused(each, scope)) for each in reasons)),
        "403": problem(
            "The key may not do this, or its service is not set up any more.", Problem(403, refused(Reason.WRONG_SCOPE, scope))
        ),
        "422": problem("There is a query.", queries.unknown("dry_run", ())),
        "429": problem("The key asks too often.", calls.too_often(1)),
        "500": problem("A defect of ours; nothing was stored.", Problem(500, calls.FAILED)),
        "503": problem("Our database cannot be reached, or too many wait: send the same again.", calls.unavailable()),
    }


def of_body() -> Answers:
    """What any route may answer that takes a body."""
    return {
        "400": problem(
            "The body is not strict JSON (no key twice, no NaN, NUL or half a surrogate pair), or the Idempotency-Key is none.",
            Problem(400, "the body is not JSON: Expecting value at line 1, column 1"),
            Problem(400, idempotency.FORM),
        ),
        "408": problem("The body takes too long.", bodies.too_slow(bodies.MOST_SECONDS)),
        "413": problem("The body is too large.", bodies.too_large()),
        "415": problem("The body is of another kind, or compressed.", bodies.not_json(), bodies.encoded()),
    }


def not_found(detail: str) -> Schema:
    """There is none."""
    return problem("There is none, or it is of another service.", Problem(HTTPStatus.NOT_FOUND, detail))
