"""Dunning: when an unpaid invoice is one for good, as `fcb.toml` says it.

Owns: the keys of `[services.<code>.dunning]` and their bounds. Does not own: what is told of it (domain/payment_news).
"""

from pydantic import BaseModel, ConfigDict, Field


class DunningRules(BaseModel):
    """How long a customer may take to pay before the host is told that they do not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grace_days: int = Field(default=7, ge=0, le=90)
    """After so many days past its due date an open invoice is overdue."""
    final_attempts: int = Field(default=4, ge=1, le=20)
    """After so many failed attempts to charge one invoice it counts as unpaid for good, whatever Odoo tries further."""
    retry_hours: int = Field(default=24, ge=1, le=336)
    """After so many hours Odoo tries again: its own timer charges running subscriptions each day."""
