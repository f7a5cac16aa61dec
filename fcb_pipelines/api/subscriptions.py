"""Routes of one subscription: its usage of a month, read back.

Owns: what is answered of a subscription. Does not own: who may ask (calls), what is stored (acts/running).
"""

import json
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fcb_pipelines.acts.running import UsageBack, usage_back
from fcb_pipelines.api import strict_json
from fcb_pipelines.api.calls import Call, unavailable
from fcb_pipelines.api.problems import Problem
from fcb_pipelines.domain.errors import InvalidInput, RemoteError
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period

USAGE_BACK = "/v1/subscriptions/{external_id}/usage"
NO_PERIOD = "Give the month in the query, as in ?period=2026-05."


async def read_usage(call: Call) -> Response:
    """What is stored of a month, each feed by itself."""
    period, subscription = _period(call), subscription_of(call)
    try:
        found = await run_in_threadpool(usage_back, call.desk.db, call.service.code, subscription, period)
    except RemoteError:
        raise unavailable() from None
    if found is None:
        raise no_such_subscription(call.service.code)
    return Response(json.dumps(_answer(subscription, period, found)), media_type="application/json")


def subscription_of(call: Call) -> str:
    """The subscription that a path names; raises `Problem` for a name that no subscription can have."""
    subscription: str = call.request.path_params["external_id"]
    if not strict_json.is_clean(subscription):
        raise no_such_subscription(call.service.code)
    return subscription


def no_such_subscription(service: str) -> Problem:
    """What is told of one that does not exist, and alike of another service's."""
    return Problem(HTTPStatus.NOT_FOUND, f"{service} has no such subscription.")


def _period(call: Call) -> Period:
    try:
        return Period(call.request.query_params.get("period", ""), call.service.zone)
    except InvalidInput:
        raise Problem(422, NO_PERIOD) from None


def _answer(subscription: str, period: Period, found: UsageBack) -> dict[str, Any]:
    return {
        "external_subscription_id": subscription,
        "period": period.key,
        "start": period.start.isoformat(),
        "end": period.end.isoformat(),
        "is_closed": found.is_closed,
        "usage": [
            {
                "metric": each.metric,
                "aggregation": each.aggregation,
                "feed": each.feed,
                "booked_in": each.booked_in,
                "quantity": plain(each.quantity),
                "events": each.events,
            }
            for each in found.totals
        ],
    }
