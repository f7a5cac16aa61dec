"""`POST /v1/usage`: one event or a batch of them, stored once or refused with a reason.

Owns: what is answered of each event. Does not own: fields of events (usage_body), storing (acts/intake).
"""

from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from fcb_pipelines.api import usage_body
from fcb_pipelines.api.answers import Answer, told
from fcb_pipelines.api.calls import Call
from fcb_pipelines.api.fields import Invalid
from fcb_pipelines.api.usage_body import Body
from fcb_pipelines.domain.intake import Code, Outcome, Result, rejected
from fcb_pipelines.store.database import Connection

USAGE = "/v1/usage"
_STATUSES = {Outcome.CONFLICT: HTTPStatus.CONFLICT, Outcome.REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY}


async def push_usage(call: Call) -> Response:
    """Store one event or a batch of them."""
    body = await call.body(lambda value: usage_body.body(value, call.service.code))
    facts = [each for each in body.events if not isinstance(each, Invalid)]
    results: list[Result] = []

    def effect(_conn: Connection, stored: list[Result]) -> Answer:
        results[:] = _all(body, stored)
        return _told(body, list(results))

    answer = await call.store(effect, facts)
    # None where the answer was given before: then nothing was carried out.
    call.desk.metrics.took(call.service.code, results)
    return answer.response()


def _told(body: Body, results: list[Result]) -> Answer:
    if body.is_batch:
        return told(lambda: _batch(body, results))
    return told(lambda: _answers(body, results)[0], _STATUSES.get(results[0].outcome, HTTPStatus.OK))


def _all(body: Body, stored: list[Result]) -> list[Result]:
    """The result of each event, those among them that could not be read."""
    of_facts = iter(stored)
    return [rejected(Code.INVALID, str(each)) if isinstance(each, Invalid) else next(of_facts) for each in body.events]


def _batch(body: Body, results: list[Result]) -> dict[str, Any]:
    counts = {str(each): sum(result.outcome is each for result in results) for each in Outcome}
    return {"results": _answers(body, results), **counts}


def _answers(body: Body, results: list[Result]) -> list[dict[str, Any]]:
    return [_answer(*each) for each in zip(body.keys, results, body.events, strict=True)]


def _answer(key: str | None, result: Result, event: object) -> dict[str, Any]:
    answer: dict[str, Any] = {"idempotency_key": key, "status": result.outcome}
    if result.code is None:
        return {**answer, "is_late": result.is_late}
    pointer = {"pointer": event.pointer} if isinstance(event, Invalid) else {}
    return {**answer, "code": result.code, "reason": result.reason, **pointer}
