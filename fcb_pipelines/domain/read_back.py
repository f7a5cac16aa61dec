"""Read-back: whether Odoo stored what we sent.

Owns: the record of a difference and the parts of our work that are read back. Does not own: what is compared for which part
(partners, subscriptions, drafts), or reading Odoo.
"""

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """A part of what we write to Odoo, read back as a whole."""

    PARTNERS = "partners"
    PLANS = "plans"
    SUBSCRIPTIONS = "subscriptions"
    DRAFT_INVOICES = "draft_invoices"
    USAGE_LINES = "usage_lines"
    SOURCE_INVOICES = "source_invoices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that Odoo has otherwise than it was sent or than must follow from it. Any one blocks posting."""

    external_id: str
    field: str
    """In our words, such as `quantity`, `currency` or `tax`."""
    sent: str | None
    """What it should be; None for nothing at all."""
    stored: str | None
    """What Odoo has."""
    why: str
    """The cause, as far as it is known, and what to do."""
