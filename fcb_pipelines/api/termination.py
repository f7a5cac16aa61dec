"""`POST /v1/subscriptions/{external_id}/terminate`: a host says that a subscription has ended.

Owns: the body, its bounds, and what is answered. Does not own: what is kept (acts/terminations).
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from fcb_pipelines.acts.terminations import BeforeStart, Said, terminate
from fcb_pipelines.api.answers import Answer, told, told_problem
from fcb_pipelines.api.calls import Call
from fcb_pipelines.api.fields import Invalid, pointer_to, time_of
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.api.subscriptions import no_such_subscription, subscription_of
from fcb_pipelines.domain.intake import MOST_AHEAD
from fcb_pipelines.store.terminations import Termination

TERMINATE = "/v1/subscriptions/{external_id}/terminate"
LONGEST_REASON = 500
FIELDS = ("ended_at", "reason")


async def terminate_subscription(call: Call) -> Response:
    """Keep that a subscription has ended: durable, in the audit log, and once; an operator alone may correct it.

    Every endpoint of the service hears of it. Nothing changes in Odoo, and usage of it is still accepted, for it may come late.
    """
    said = await call.body(lambda value: _said(value, call))
    answer = await call.store(lambda conn, _results: _answer(said, terminate(conn, said), call.service.zone))
    return answer.response()


def _said(value: Any, call: Call) -> Said:
    if not isinstance(value, dict):
        raise Invalid("", 'the body must be an object, such as {"ended_at": "2026-04-20T12:00:00Z"} or {}')
    for name in value:
        if name not in FIELDS:
            raise Invalid(pointer_to(name), f"a termination has {' and '.join(FIELDS)}, and nothing else")
    ended_at = time_of(value, "ended_at") if value.get("ended_at") is not None else None
    if ended_at is not None and ended_at > call.at + MOST_AHEAD:
        raise Invalid("/ended_at", "ended_at is more than 5 minutes in the future: tell it when the subscription has ended")
    return Said(
        service=call.service.code,
        external_subscription_id=subscription_of(call),
        ended_at=ended_at,
        reason=_reason(value),
        key_id=call.key_id,
        at=call.at,
    )


def _reason(row: Mapping[str, Any]) -> str | None:
    reason = row.get("reason")
    if reason is not None and not (isinstance(reason, str) and 1 <= len(reason) <= LONGEST_REASON):
        raise Invalid("/reason", f"reason must be a text of 1 to {LONGEST_REASON} characters")
    return reason


def _answer(said: Said, standing: Termination | BeforeStart | None, zone: ZoneInfo) -> Answer:
    if standing is None:
        return told_problem(no_such_subscription(said.service))
    if isinstance(standing, BeforeStart):
        return told_problem(ended_before_start(standing, zone))
    stands = _shown(standing, zone)
    if said.ended_at in (None, standing.ended_at):
        return told(lambda: stands)
    return told_problem(ended_otherwise(stands))


def ended_otherwise(stands: Mapping[str, Any]) -> Problem:
    """The refusal of another end than the one that was said first."""
    detail = (
        f"It is recorded that the subscription ended at {stands['ended_at']}, and that stands. "
        "Where it is wrong, ask an operator to put it right (fcb terminations correct)."
    )
    return Problem(HTTPStatus.CONFLICT, detail, pointer="/ended_at", more={"standing": stands})


def ended_before_start(found: BeforeStart, zone: ZoneInfo) -> Problem:
    """The refusal of an end before the subscription began."""
    ended, began = (at.astimezone(zone).isoformat() for at in (found.ended_at, found.started_at))
    detail = f"ended_at is {ended}, before the subscription began at {began} as its service tells: give the time when it ended."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, pointer="/ended_at")


def _shown(termination: Termination, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "external_subscription_id": termination.external_subscription_id,
        "ended_at": termination.ended_at.astimezone(zone).isoformat(),
        "reason": termination.reason,
        "recorded_at": termination.recorded_at.astimezone(zone).isoformat(),
    }
