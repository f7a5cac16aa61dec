"""Attestations: what only a person can know, said by a named person, for a time.

Owns: what can be attested, about what, and when an attestation holds. Does not own: storage (store/attestations), what it
clears (objections).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Statement(StrEnum):
    """What can be attested, and of what kind of subject."""

    SOURCE_STOPPED = "source_stopped"
    """Of a subscription: the source will not bill it again."""
    SOURCE_RESUMED = "source_resumed"
    """Of a subscription, after an unflip: the source bills it again from the next range on."""
    PAID_THROUGH = "paid_through"
    """Of `subscription/charge`: the first day that the source has not billed, as `value`."""
    PREVIEW = "preview"
    """Of `subscription/charge`: the first amount that Odoo will bill is right, as `value` such as `16.67 CAD`, net."""
    NO_TOKEN = "no_token"  # noqa: S105 (a statement, not a secret)
    """Of a customer: pays without a stored payment token."""
    BALANCE = "balance"
    """Of `customer/currency`: the opening balance in Odoo is right, as `value`, although the source's cannot be told."""
    NO_DISPUTE = "no_dispute"
    """Of a customer: nothing is disputed or past due that must keep them out."""
    FIXED_IN_SOURCE = "fixed_in_source"
    """Of a row: what the source billed wrong was given back or billed there."""
    FEED_ALIVE = "feed_alive"
    """Of the service, or of a subscription: it is idle; the usage feed works."""
    RECEIVER = "receiver"
    """Of the service: its receiver passed a signed test message."""
    REHEARSED = "rehearsed"
    """Of the service: flip and unflip were rehearsed with the version that is its `value`."""
    AUTO_CLOSE = "auto_close"
    """Of the service: Odoo closes unpaid subscriptions later than the host's own policy does."""
    NOT_ENDING = "not_ending"
    """Of a subscription: nobody cancelled it for later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One statement of one person."""

    attestation_id: str
    statement: Statement
    subject: str
    """A subscription, a customer, `subscription/charge` or `customer/currency`; empty for the service as a whole."""
    value: str | None
    """What exactly is attested; it clears nothing else."""
    text: str
    """Why, in the person's own words."""
    author: str
    made_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def ended_at(self) -> datetime:
        """From when on it cannot be relied on."""
        return self.expires_at if self.withdrawn_at is None else min(self.withdrawn_at, self.expires_at)

    def holds_at(self, moment: datetime) -> bool:
        """Whether it can be relied on then."""
        return self.made_at <= moment < self.ended_at
