"""Examples of what is sent and answered; the tests send them, and hold the answers against them.

They are of the demo: SUB-1001 is a subscription there, and their times are before those at which its clock stands.

Owns: the examples. Does not own: the schemas that they follow.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.access import Reason, Refusal, Scope
from fcb_pipelines.settings import DEMO_NOW

NOW = DEMO_NOW
"""At which the demo's clock stands."""
SUBSCRIPTION = "SUB-1001"
STARTED = datetime(2024, 9, 2, 10, 15, tzinfo=ZoneInfo("America/Toronto"))
"""When the demo's source tells that it began."""
EVENT = {
    "external_subscription_id": SUBSCRIPTION,
    "metric": "cpu_seconds",
    "idempotency_key": "2026-05-20T11:00Z",
    "quantity": "300.25",
    "started_at": "2026-05-20T11:00:00Z",
    "ended_at": "2026-05-20T11:05:00Z",
}
IDENTITY = {name: EVENT[name] for name in ("external_subscription_id", "metric")}
VOID = {**IDENTITY, "idempotency_key": "void of 2026-05-20T11:00Z", "voids": EVENT["idempotency_key"]}
WRONG = {**IDENTITY, "idempotency_key": "2026-05-20T11:05Z", "quantity": "-1", "started_at": "2026-05-20T11:05:00Z"}
STORED = {"idempotency_key": EVENT["idempotency_key"], "status": "accepted", "is_late": False}
REJECTED = {
    "idempotency_key": WRONG["idempotency_key"],
    "status": "rejected",
    "code": "invalid",
    "reason": "quantity must be 0 or more, with at most 18 digits before and 12 after the point",
    "pointer": "/events/1/quantity",
}
CONFLICT = {
    "idempotency_key": EVENT["idempotency_key"],
    "status": "conflict",
    "code": "conflict",
    "reason": "an event with other content is stored under this idempotency key, and stands",
}
USAGE_REQUESTS = {"one event": EVENT, "a batch": {"events": [EVENT, WRONG]}, "a void": VOID}
USAGE_ANSWERS = {
    "one event": STORED,
    "a batch": {"results": [STORED, REJECTED], "accepted": 1, "duplicate": 0, "conflict": 0, "rejected": 1},
}


def _row(booked_in: str, quantity: str, events: int) -> dict[str, Any]:
    """A month's pushed seconds, as the bill of `booked_in` has them."""
    metric = {"metric": "cpu_seconds", "aggregation": "sum", "feed": "pushed"}
    return {**metric, "booked_in": booked_in, "quantity": quantity, "events": events}


USAGE = {
    "external_subscription_id": SUBSCRIPTION,
    "period": "2026-05",
    "start": "2026-05-01T00:00:00-04:00",
    "end": "2026-06-01T00:00:00-04:00",
    "is_closed": False,
    "usage": [_row("2026-05", "300.25", 1)],
}
LATE_USAGE = {
    "external_subscription_id": SUBSCRIPTION,
    "period": "2026-04",
    "start": "2026-04-01T00:00:00-04:00",
    "end": "2026-05-01T00:00:00-04:00",
    "is_closed": True,
    "usage": [_row("2026-04", "100", 2), _row("2026-05", "130", 3)],
}
"""April after one event of 30 came late, once April was closed; 130 is all of April, and May's bill adjusts 30 of it."""
TERMINATION_REQUEST = {"ended_at": "2026-06-01T18:30:00Z", "reason": "cancelled by the customer"}
TERMINATION = {
    "external_subscription_id": SUBSCRIPTION,
    "ended_at": "2026-06-01T14:30:00-04:00",
    "reason": "cancelled by the customer",
    "recorded_at": NOW,
}
_SIDES = {
    "expected": {"net": "50.00", "tax": "6.50", "gross": "56.50"},
    "actual": {"net": "50.25", "tax": "6.53", "gross": "56.78"},
}
_DECIDED = {"difference": "-0.25", "status": "delta", "verdict": "unexplained", "causes": [], "remedy": "none"}
_MISSING = "a contract price of the subscription that holds at the start of the range (evidence contract_price)"
_EXPLAINED = {
    "findings": [],
    "waterfall": [],
    "missing": [_MISSING],
    "suggestions": [],
    "is_in_total": False,
    "successor": None,
    "open_remedy": "none",
    "settled_by": None,
}
RECONCILIATION: dict[str, Any] = {
    "service": "nexacloud",
    "period": "2026-05",
    "revision": 2,
    "made_at": NOW,
    "coverage": {"money": {"CAD": "0.0000"}, "proved_money": {"CAD": "0.0000"}, "subscriptions": "0.0000"},
    "counts": {"match": 0, "delta": 1, "only_expected": 0, "only_actual": 0, "nothing_due": 0},
    "totals": {"CAD": {"expected_net": "50.00", "actual_net": "50.25", "difference": "-0.25"}},
    "rows": [
        {
            "row_id": "nexacloud/2026-05/subscription/SUB-1001",
            "service": "nexacloud",
            "period": "2026-05",
            "subscription": SUBSCRIPTION,
            "partner": "u1",
            "currency": "CAD",
            "line_key": None,
            "external_invoice_ids": ["i1"],
            **_SIDES,
            **_DECIDED,
            "abs_difference": "0.25",
            "is_due": True,
            "sentence": f"Billed 50.25 CAD, 50.00 CAD expected (flat): no record says why. It would take: {_MISSING}.",
            "instances": [
                {
                    "charge": "flat",
                    "service_from": "2026-05-01T00:00:00-04:00",
                    "service_to": "2026-06-01T00:00:00-04:00",
                    "due_at": "2026-05-01T00:00:00-04:00",
                    **_SIDES,
                    **_DECIDED,
                    **_EXPLAINED,
                    "notes": [],
                }
            ],
            "evidence": [{"kind": "invoice_line", "reference": "i1/1"}],
            "notes": [],
        }
    ],
    "next": None,
}
METRICS = """# HELP fcb_usage_events_total Events by what became of them.
# TYPE fcb_usage_events_total counter
fcb_usage_events_total{outcome="accepted",service="nexacloud"} 1.0
"""


def refused(reason: Reason, scope: Scope) -> str:
    """What a key that is refused is told."""
    return Refusal(reason=reason, scope=scope).detail
