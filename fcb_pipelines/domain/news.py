"""What a host is told of ends, of reconciled months and of flips; docs/messages has the schemas.

Owns: what stands in `data` of these messages. Does not own: payments (payment_news), which facts there are (the acts of those
facts).
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from fcb_pipelines.domain.messages import MessageType, News


class EndedBy(StrEnum):
    """Who or what ended a subscription."""

    HOST = "host"
    """The host itself, with its key."""
    OPERATOR = "operator"
    """Who corrected when it ended."""
    ODOO_CANCELLED = "odoo_cancelled"
    """Its order was cancelled in Odoo."""
    ODOO_CLOSED = "odoo_closed"
    """Its subscription was closed in Odoo, by a person or because nobody paid."""


def termination_news(
    external_subscription_id: str,
    *,
    deployment_id: str | None,
    ended_at: datetime,
    ended_by: EndedBy,
    reason: str | None,
    now: datetime,
) -> News:
    """That a subscription ended: what it ran on may go, once the host's own grace and confirmation are through."""
    return News(
        type=MessageType.TERMINATED,
        external_subscription_id=external_subscription_id,
        occurred_at=now,
        data={
            "deployment_id": deployment_id,
            "status": "terminated",
            "ended_at": ended_at,
            "ended_by": ended_by.value,
            "reason": reason,
        },
    )


def reconciliation_news(
    period: str, *, revision: int, content_hash: str, coverage: Mapping[str, Any], is_complete: bool, now: datetime
) -> News:
    """That a month was reconciled anew; amounts and shares are text."""
    return News(
        type=MessageType.RECONCILED,
        external_subscription_id=None,
        occurred_at=now,
        data={
            "period": period,
            "revision": revision,
            "content_hash": content_hash,
            "coverage": coverage,
            "is_complete": is_complete,
        },
    )


class Direction(StrEnum):
    """Which way customers went."""

    TO_ODOO = "to_odoo"
    TO_SOURCE = "to_source"


def flip_news(
    flip_id: str, direction: Direction, *, subscriptions: int, totals: Mapping[str, str], not_before: str, now: datetime
) -> News:
    """That a flip is complete, or was taken back; who is in it stands in its journal."""
    return News(
        type=MessageType.FLIPPED,
        external_subscription_id=None,
        occurred_at=now,
        data={
            "flip_id": flip_id,
            "direction": direction.value,
            "subscriptions": subscriptions,
            "not_before": not_before,
            "first_invoices": totals,
        },
    )
