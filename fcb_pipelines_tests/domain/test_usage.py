from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.usage import UsageEvent

EVENT = UsageEvent(
    service="nexacloud",
    feed="pulled",
    external_subscription_id="s-1",
    metric="cpu_seconds",
    idempotency_key="e-1",
    quantity=Decimal("1.5"),
    started_at=datetime(2026, 4, 1, 4, tzinfo=UTC),
    ended_at=datetime(2026, 4, 1, 5, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "change",
    [
        {"service": "other"},
        {"feed": "pushed"},
        {"external_subscription_id": "s-2"},
        {"metric": "gb_hours"},
        {"idempotency_key": "e-2"},
        {"quantity": Decimal("1.500001")},
        {"started_at": EVENT.started_at + timedelta(microseconds=1)},
        {"ended_at": None},
        {"external_subscription_id": "s-1cpu", "metric": "_seconds"},
    ],
)
def test_whatever_an_event_says_is_in_its_hash(change: dict[str, Any]) -> None:
    assert replace(EVENT, **change).content_hash != EVENT.content_hash


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal("1.50")},
        {"quantity": Decimal("15E-1")},
        {"started_at": EVENT.started_at.astimezone(timezone(timedelta(hours=-4)))},
    ],
)
def test_the_same_said_otherwise_has_the_same_hash(change: dict[str, Any]) -> None:
    assert replace(EVENT, **change).content_hash == EVENT.content_hash


def test_an_event_without_a_timezone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="e-1: started_at needs a timezone"):
        replace(EVENT, started_at=EVENT.started_at.replace(tzinfo=None))
