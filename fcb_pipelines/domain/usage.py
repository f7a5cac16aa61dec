"""Usage: single facts of use, stored once for ever, and their sum per subscription and metric.

Owns: the event's identity and content. Does not own: pricing (rating), storage (store/usage).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import plain

PULLED = "pulled"
"""The feed of usage read from the source's own database."""
PUSHED = "pushed"
"""The feed of usage that the host sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """One fact of use. Identity is (service, feed, subscription, metric, idempotency key), for ever."""

    service: str
    feed: str
    external_subscription_id: str
    metric: str
    idempotency_key: str
    quantity: Decimal
    """Units of the metric, exact; cpu_seconds are seconds of one core."""
    started_at: datetime
    """Decides the period: an event belongs to the one that its start lies in, unsplit."""
    ended_at: datetime | None = None
    value: str | None = None
    """What is counted where the metric counts distinct values; the quantity is 1 then."""

    def __post_init__(self) -> None:
        if self.started_at.tzinfo is None:
            raise InvalidInput(f"usage event {self.idempotency_key}: started_at needs a timezone")

    @property
    def content_hash(self) -> bytes:
        """SHA-256 of everything the event says; two events of one identity with different hashes are a conflict."""
        parts = (
            *(self.service, self.feed, self.external_subscription_id, self.metric, self.idempotency_key),
            plain(self.quantity),
            self.started_at.astimezone(UTC).isoformat(),
            "" if self.ended_at is None else self.ended_at.astimezone(UTC).isoformat(),
            *(() if self.value is None else (self.value,)),
        )
        # No text that Postgres can store holds a NUL, so two different events are never written alike.
        return hashlib.sha256("\0".join(parts).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """That an earlier event of the same feed, subscription and metric shall not count. It has an identity as events have."""

    service: str
    feed: str
    external_subscription_id: str
    metric: str
    idempotency_key: str
    voids: str
    """The idempotency key of the event that is taken back."""

    @property
    def content_hash(self) -> bytes:
        """SHA-256 of everything it says; never that of an event, which has a time where this has a word."""
        parts = (
            *(self.service, self.feed, self.external_subscription_id, self.metric, self.idempotency_key),
            *("void", self.voids),
        )
        return hashlib.sha256("\0".join(parts).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTotal:
    """Units of one subscription and metric in one period."""

    external_subscription_id: str
    metric: str
    quantity: Decimal
    events: int
