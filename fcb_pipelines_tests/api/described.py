"""What Schemathesis is told of us: some ids that exist, and when a valid request may be refused.

Owns: its hooks, which it imports by this module's name. Does not own: the run (test_described).
"""

import zlib
from typing import Any

import schemathesis

from fcb_pipelines.api.idempotency import HEADER, other_request
from fcb_pipelines.domain.intake import Code

Case = schemathesis.Case[Any]
KNOWN: dict[str, Any] = {"external_subscription_id": "s-1", "metric": "cpu_seconds", "started_at": "2026-04-20T11:00:00Z"}
STATE = frozenset(Code) - {Code.INVALID, Code.CONFLICT}
"""Why a valid event is refused that nobody could send better."""


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Make most valid events such as can be stored, of what exists, and most requests such as have a key of their own."""
    del context, kwargs
    if is_valid(case) and HEADER in case.headers and is_chosen(case.body):
        case.headers[HEADER] = f"r-{zlib.crc32(repr(case.body).encode(errors='replace'))}"
    events = case.body.get("events", [case.body]) if is_valid(case) and isinstance(case.body, dict) else []
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and KNOWN.keys() <= event.keys() and is_chosen(event.get("idempotency_key")):
            event.update(KNOWN | ({"ended_at": None} if "ended_at" in event else {}))


def is_chosen(key: object) -> bool:
    """Three of four, the same ones each time that a request is made again."""
    return zlib.crc32(repr(key).encode(errors="replace")) % 4 > 0


@schemathesis.check
def valid_requests_are_refused_for_what_is_stored_alone(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """A schema cannot say which key was used before, which subscription or row there is, and that an end follows its start."""
    del ctx
    if response.status_code != 422 or not is_valid(case):
        return
    told = response.json()
    pointers = {told.get("pointer"), *(each["pointer"] for each in told.get("errors", []))}
    assert (
        told.get("detail") == other_request().detail
        or str(told.get("detail")).startswith("after must be ")
        or told.get("code") in STATE
        or "/ended_at" in pointers
        or (told.get("code") == Code.INVALID and told["reason"].startswith("metric "))
    ), told


def is_valid(case: Case) -> bool:
    """Whether a request was made to follow the document."""
    return case.meta is not None and case.meta.generation.mode.is_positive
