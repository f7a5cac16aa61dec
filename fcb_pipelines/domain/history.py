"""History and billing state: what the source records about changes, and about who bills a subscription now.

Owns: the two records. Does not own: what they explain or allow.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """From `valid_from` on, a field of a subject had this value."""

    subject_kind: str
    subject_id: str
    field: str
    value: str | None
    valid_from: datetime
    said_at: datetime | None = None
    """When it was first on record; None where it was there as long as anything was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingState:
    """Who bills a subscription, and until when it is billed."""

    external_subscription_id: str
    biller: str
    auto_renew: bool
    paid_through: datetime | None
    """The end of the last range that is billed; absent is unknown, not unpaid."""
    cancel_at: datetime | None
    provider_id: str | None
