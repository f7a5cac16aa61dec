"""Builders of what goes out: an endpoint with its secret, news about a subscription, an attempt that was made."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from fcb_host.signing import Secret
from fcb_pipelines.acts import endpoints as acts
from fcb_pipelines.acts.endpoints import By
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.domain.delivery import Attempt, verdict
from fcb_pipelines.domain.endpoints import Endpoint
from fcb_pipelines.domain.messages import Message, MessageType, News
from fcb_pipelines.store import deliveries
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.deliveries import Made, Taken
from fcb_pipelines.webhooks.sealing import Sealing, new_key
from fcb_pipelines_tests.conftest import NOW

SERVICE = "shop"
BY = By(service=SERVICE, actor="ada", now=NOW)
KEYS = new_key()
SEALING = Sealing(KEYS)
LEASE = timedelta(seconds=60)


def an_endpoint(conn: Connection, url: str = "https://host.example/hooks", **changes: Any) -> tuple[Endpoint, Secret]:
    values: dict[str, Any] = {"url": url, "description": "the host", "types": ()}
    by, sealing = changes.pop("by", BY), changes.pop("sealing", SEALING)
    return acts.add(conn, by, sealing, **(values | changes))


def tell(conn: Connection, *subscriptions: str | None, **changes: Any) -> tuple[Message, ...]:
    """Put a failed payment of each of these subscriptions into the outbox."""
    values: dict[str, Any] = {"type": MessageType.PAYMENT_FAILED, "occurred_at": NOW, "data": {"amount": "1.00"}}
    only_to, service = changes.pop("only_to", None), changes.pop("service", SERVICE)
    news = [News(external_subscription_id=one, **(values | changes)) for one in subscriptions]
    return put(conn, service, news, NOW, only_to=only_to)


def taken(conn: Connection, **changes: Any) -> tuple[Taken, ...]:
    values: dict[str, Any] = {"service": SERVICE, "busy": (), "each": 8, "most": 100, "lasting": LEASE}
    return deliveries.take(conn, **(values | changes))


def made(one: Taken, status: int | None = 200, *, at: datetime | None = None) -> Made:
    attempt = Attempt(
        started_at=at or datetime.now(UTC),
        milliseconds=5,
        status=status,
        failure=None if status is not None else "connect: nobody listens there",
        retry_after=None,
        answer=b"thanks",
        address="192.0.2.7",
    )
    return Made(taken=one, attempt=attempt, verdict=verdict(attempt, one.number, Fraction(0)))
