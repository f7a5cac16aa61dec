"""What each keyed route takes and answers, as OpenAPI writes it.

Owns: the operation of each route. Does not own: what any keyed route answers (answers), schemas and examples.
"""

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fcb_pipelines.acts.terminations import BeforeStart
from fcb_pipelines.api import idempotency, queries
from fcb_pipelines.api.answers import JSON
from fcb_pipelines.api.health import METRICS
from fcb_pipelines.api.metrics import MEDIA_TYPE as PROMETHEUS
from fcb_pipelines.api.openapi import examples
from fcb_pipelines.api.openapi.answers import answered, either, not_found, of_body, problem, replayable
from fcb_pipelines.api.openapi.report_signing import SIGNING_PAGES
from fcb_pipelines.api.openapi.reports import PAGES
from fcb_pipelines.api.openapi.schemas import PERIOD, STORABLE, Schema, ref
from fcb_pipelines.api.openapi.webhooks import WEBHOOK_OPERATIONS
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.reconciliation import MOST_ROWS, NO_LIMIT, RECONCILED, USUAL_ROWS, never, no_row
from fcb_pipelines.api.reconciliation import NO_PERIOD as NO_PERIOD_IN_PATH
from fcb_pipelines.api.subscriptions import NO_PERIOD, USAGE_BACK, no_such_subscription
from fcb_pipelines.api.termination import TERMINATE, ended_before_start, ended_otherwise
from fcb_pipelines.api.usage import USAGE
from fcb_pipelines.domain.period import KEY

KEY_PARAMETER: Schema = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": (
        "Such as `2026-05-20-batch-17`, bare or in double quotes (RFC 8941). The same request under the same key of the same "
        "service has no second effect and is answered the same"
        f" for {idempotency.KEPT.total_seconds() / 3600:.0f} hours; another request under it gets 422."
    ),
    "schema": {"type": "string", "pattern": f"^{idempotency.KEY}$"},
}
EXTERNAL_ID: Schema = {
    "name": "external_id",
    "in": "path",
    "required": True,
    "description": "The service's own id of the subscription; a slash in it is sent as `%2F`.",
    "schema": {"type": "string", "minLength": 1, "pattern": STORABLE},
    "example": examples.SUBSCRIPTION,
}


def push_usage() -> Schema:
    """`POST /v1/usage`."""
    told = examples.USAGE_ANSWERS
    taken = problem(
        "Another request had the Idempotency-Key, the body is neither an event nor a batch, or there is a query.",
        idempotency.other_request(),
        Problem(422, "events must be a list of at least one event", pointer="/events"),
        queries.unknown("dry_run", ()),
    )
    return {
        "operationId": "pushUsage",
        "summary": "Push one usage event, or a batch.",
        "description": (
            "An event that is `accepted` is durable before the answer leaves, and counts once for ever. A batch is never half "
            "stored: its good events are stored together, and the answer has a result for each event in order. An event by "
            "itself is answered by its result alone."
        ),
        "parameters": [KEY_PARAMETER],
        "requestBody": _body(ref("UsageRequest"), examples.USAGE_REQUESTS),
        "responses": of_body()
        | {
            "200": replayable(answered("What became of each event.", {"oneOf": [ref("Stored"), ref("UsageResults")]}, told)),
            "409": replayable(
                either(
                    answered(
                        "Other content is stored under the event's identity.", ref("NotStored"), {"conflict": examples.CONFLICT}
                    ),
                    problem("The same request is under way.", idempotency.under_way()),
                )
            ),
            "422": replayable(
                either(
                    answered(
                        "The event cannot be stored.",
                        ref("NotStored"),
                        {"rejected": examples.REJECTED | {"pointer": "/quantity"}},
                    ),
                    taken,
                )
            ),
        },
    }


def read_usage() -> Schema:
    """`GET /v1/subscriptions/{external_id}/usage`."""
    period = {"name": "period", "in": "query", "required": True, "schema": PERIOD, "example": "2026-05"}
    wrong = (Problem(422, NO_PERIOD), queries.unknown("month", ("period",)), queries.twice("period"))
    told = {"a month": examples.USAGE, "a month with late usage": examples.LATE_USAGE}
    return {
        "operationId": "readUsage",
        "summary": "Read back what is stored of a subscription's month.",
        "description": (
            "For each metric and feed one row for each bill that the month is on. A row is all of the month, as the bill of "
            "`booked_in` counts it: **rows of one metric and feed are never added up, the last one is what is known now.**\n\n"
            "A month that nothing came late for has one row, its own bill's. In the second example April's bill has 100; an "
            "event of 30 came once April was closed, so May's bill counts April as 130 and adjusts the difference, 30."
        ),
        "parameters": [EXTERNAL_ID, period],
        "responses": {
            "200": _linked(answered("What is stored now.", ref("Usage"), told), _TERMINATE),
            "404": _no_subscription(),
            "422": problem("The query is not one month.", *wrong),
        },
    }


def terminate_subscription() -> Schema:
    """`POST /v1/subscriptions/{external_id}/terminate`."""
    body = _body(ref("TerminationRequest"), {"ended before now": examples.TERMINATION_REQUEST, "ended now": {}})
    other_end = problem(
        "Another end is recorded, or the same request is under way.",
        ended_otherwise(examples.TERMINATION),
        idempotency.under_way(),
        schema={"oneOf": [ref("Problem"), ref("TerminationProblem")]},
    )
    return {
        "operationId": "terminateSubscription",
        "summary": "Say that a subscription has ended.",
        "description": (
            "Kept once, in the audit log too. Said again, the answer is what was said first; another end is refused. Where the "
            "end was wrong, an operator puts it right with `fcb terminations correct`, or takes it back with "
            "`fcb terminations withdraw`. Nothing is sent to anybody yet. Usage of the subscription is still accepted, because "
            "it may come late."
        ),
        "parameters": [EXTERNAL_ID, KEY_PARAMETER],
        "requestBody": body,
        "responses": of_body()
        | {
            "200": replayable(
                _linked(answered("What is recorded.", ref("Termination"), {"recorded": examples.TERMINATION}), _USAGE)
            ),
            "404": replayable(_no_subscription()),
            "409": replayable(other_end),
            "422": replayable(
                problem("A field is wrong, another request had the Idempotency-Key, or there is a query.", *_no_termination())
            ),
        },
    }


def read_reconciliation() -> Schema:
    """`GET /v1/periods/{period}/reconciliation`."""
    wrong = (Problem(422, NO_PERIOD_IN_PATH), Problem(422, NO_LIMIT), no_row("nexacloud/2026-05/"), queries.twice("limit"))
    limit = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": USUAL_ROWS}
    after = {"type": "string", "pattern": f"^[^/\\u0000]+/{KEY}/[^\\u0000]+$"}
    return {
        "operationId": "readReconciliation",
        "summary": "Read how a month was reconciled.",
        "description": (
            "The newest revision, in parts of `limit` rows by `row_id`. Where `revision` differs between two parts, the month "
            "was reconciled again meanwhile: begin anew. A side is `null` where it is absent, and has zeros where it is zero."
        ),
        "parameters": [
            {"name": "period", "in": "path", "required": True, "schema": PERIOD, "example": "2026-05"},
            {"name": "limit", "in": "query", "description": "Rows of this part.", "schema": limit, "example": 100},
            {
                "name": "after",
                "in": "query",
                "description": "`next` of the part before; the first part has none.",
                "schema": after,
                "example": "nexacloud/2026-05/subscription/SUB-1001",
            },
        ],
        "responses": {
            "200": _linked(answered("A part of the rows.", ref("Reconciliation"), {"a month": examples.RECONCILIATION}), _NEXT),
            "404": problem("The month was never reconciled.", never("nexacloud", "2026-02")),
            "422": problem("A parameter is wrong.", *wrong),
        },
    }


def read_metrics() -> Schema:
    """`GET /metrics`."""
    content = {PROMETHEUS: {"schema": {"type": "string"}, "examples": {"figures": {"value": examples.METRICS}}}}
    return {
        "operationId": "readMetrics",
        "summary": "Read the server's own figures.",
        "description": "For Prometheus. They are of this server alone and begin at zero when it starts.",
        "responses": {"200": {"description": "The figures.", "content": content}},
    }


OPERATIONS: Mapping[tuple[str, str], Callable[[], Schema]] = {
    ("POST", USAGE): push_usage,
    ("GET", USAGE_BACK): read_usage,
    ("POST", TERMINATE): terminate_subscription,
    ("GET", RECONCILED): read_reconciliation,
    ("GET", METRICS): read_metrics,
    **PAGES,
    **SIGNING_PAGES,
    **WEBHOOK_OPERATIONS,
}
"""By the route's path."""

_TERMINATE: Schema = {
    "terminate": {
        "operationId": "terminateSubscription",
        "parameters": {"external_id": "$response.body#/external_subscription_id"},
    }
}
_USAGE: Schema = {
    "usage": {"operationId": "readUsage", "parameters": {"external_id": "$response.body#/external_subscription_id"}}
}
_NEXT: Schema = {
    "next": {
        "operationId": "readReconciliation",
        "parameters": {"path.period": "$response.body#/period", "after": "$response.body#/next"},
    },
}


def _no_termination() -> tuple[Problem, ...]:
    toronto = ZoneInfo("America/Toronto")
    early = BeforeStart(ended_at=examples.STARTED.replace(month=2), started_at=examples.STARTED)
    return (
        Problem(422, "reason must be a text of 1 to 500 characters", pointer="/reason"),
        ended_before_start(early, toronto),
        idempotency.other_request(),
        queries.unknown("force", ()),
    )


def _linked(answer: Schema, links: Schema) -> Schema:
    return {**answer, "links": links}


def _body(schema: Schema, given: dict[str, Any]) -> Schema:
    named = {name: {"value": each} for name, each in given.items()}
    return {"required": True, "content": {JSON: {"schema": schema, "examples": named}}}


def _no_subscription() -> Schema:
    return not_found(no_such_subscription("nexacloud").detail)
