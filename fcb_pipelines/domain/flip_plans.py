"""Flip plans: what a flip of a cohort would do, charge by charge, before anything is done.

Owns: the records of a plan and its hash. Does not own: which subscriptions belong to a cohort (cohorts), where a boundary is
(boundaries), its written form (records_json), what stands against it (gate), doing it (flip).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.records_json import as_json
from fcb_pipelines.domain.revisions import canonical_text

OF_THE_MOMENT = frozenset({"made_at", "snapshot_id"})
"""What may differ between two plans that are the same."""
_ID_DIGITS = 12


class Proof(StrEnum):
    """How a boundary is known."""

    INVOICE_LINE = "invoice_line"
    """The range of the last line that the source billed for the charge ends there."""
    SIGNED = "signed"
    """A person attested it."""
    NOTHING_DUE = "nothing_due"
    """Nothing is due for the last range before it: a month that closed says so, or its price of then is 0."""
    BEGINNING = "beginning"
    """The subscription begins there: nothing was billed before because nothing was due."""
    UNPROVED = "unproved"
    """Only the source's own word, or nothing at all: nobody may be flipped on that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBill:
    """What the source last billed for a charge."""

    line_key: str
    service_from: datetime | None
    service_to: datetime | None
    net: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePlan:
    """One charge of a subscription across its boundary."""

    charge: str
    boundary: datetime
    """The end of the last range that the source bills; Odoo's first range starts there exactly."""
    proof: Proof
    reference: str
    """The invoice line or the attestation that proves it; empty where nothing does."""
    final_from: datetime | None
    """The source is still to bill `[final_from, boundary)`; None where it has billed up to the boundary."""
    final_biller: Biller
    """Who bills what is used before the boundary; there is one."""
    first_to: datetime
    """End of Odoo's first range."""
    first_due: datetime
    first_net: Money | None
    """What Odoo will bill for its first range; None where only usage can tell, or the terms are not known."""
    first_tax: Money | None
    last_bill: LastBill | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TermEnd:
    """A term that ends after the boundary: a coupon, a trial, a price, a scheduled change, a pending cancellation."""

    kind: str
    ends_at: datetime
    reference: str
    net_after: Money | None
    """The first bill of the flat price after it; None where it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlan:
    """One subscription of a cohort."""

    external_subscription_id: str
    external_user_id: str
    customer: str
    """Name of the customer."""
    plan_name: str
    months: int
    """Of one range of its flat price."""
    partner_id: int | None
    """In Odoo; None where the customer has no partner there."""
    order_id: int | None
    """In Odoo; None where there is no shadow order."""
    order_name: str
    next_invoice_on: date
    """The day of Odoo's first invoice, in the billing timezone."""
    charges: tuple[ChargePlan, ...]
    terms_ending: tuple[TermEnd, ...] = ()
    token_id: int | None = None
    """The payment token in Odoo that is to be attached; None where none is."""
    notes: tuple[str, ...] = ()
    """What could not be planned, and what somebody must know of it."""

    @property
    def first_net(self) -> Money | None:
        """What the charges whose amount is known come to on Odoo's first invoices; None where none is known."""
        known = [one.first_net for one in self.charges if one.first_net is not None]
        return total(known, known[0].currency) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipPlan:
    """A cohort, closed over customers and consolidated invoices."""

    service: str
    not_before: str
    """The first month that Odoo bills, such as `2026-07`."""
    asked_for: tuple[str, ...]
    """Customers and subscriptions as they were named."""
    drawn_in: Mapping[str, str]
    """Subscription → why it was added to those asked for."""
    subscriptions: tuple[SubscriptionPlan, ...]
    snapshot_id: int
    settings_hash: str
    rule_version: str
    made_at: datetime
    final_usage: Biller = Biller.SOURCE
    """Who bills what is used before a boundary."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Subscription of these customers → why it needs no flip."""

    @property
    def totals(self) -> dict[str, Money]:
        """By currency, what Odoo's first invoices come to, net, as far as it is known."""
        known = [one.first_net for one in self.subscriptions if one.first_net is not None]
        return {
            code: total((each for each in known if each.currency == code), code) for code in sorted({m.currency for m in known})
        }

    @property
    def content_hash(self) -> str:
        """SHA-256, in hex, of everything that it says; not of when it was made, and from which snapshot."""
        said = {name: value for name, value in as_json(self).items() if name not in OF_THE_MOMENT}
        return sha256(canonical_text(said).encode()).hexdigest()

    def flip_id(self, times: int = 0) -> str:
        """`F-` and twelve digits; `times` is how often the same plan came to its end before, so that it can be done again."""
        digest = self.content_hash
        return f"F-{(sha256(f'{digest}/{times}'.encode()).hexdigest() if times else digest)[:_ID_DIGITS]}"
