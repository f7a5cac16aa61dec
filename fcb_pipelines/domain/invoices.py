"""Invoices: what the service really billed, and its lines by kind.

Owns: the invoice record, its balancing line, which invoices count, how a line is classified.
Does not own: the comparison with what we expect (reconciliation).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import ZERO


class LineKind(StrEnum):
    """What a line of an invoice charges for."""

    PLAN = "plan"
    OVERAGE = "overage"
    ADD_ON = "add_on"
    PRORATION = "proration"
    ONE_OFF = "one_off"
    DISCOUNT = "discount"
    CREDIT = "credit"
    TAX = "tax"
    BALANCING = "balancing"
    UNKNOWN = "unknown"


class InvoiceStatus(StrEnum):
    """Where an invoice stands, in the words of the payment provider."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    PARTIALLY_PAID = "partially_paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"
    DELETED = "deleted"

    @classmethod
    def read(cls, text: str | None) -> "InvoiceStatus":
        """Read a source's status; raises `InvalidInput` for one we do not know."""
        try:
            return cls((text or "").strip().lower())
        except ValueError as error:
            known = ", ".join(cls)
            raise InvalidInput(f"unknown invoice status {text!r}; known are {known}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line of an invoice, net of tax. `ordinal` counts from 1 in the source's order; 0 is the balancing line."""

    ordinal: int
    kind: LineKind
    description: str
    amount: Decimal
    quantity: Decimal | None = None
    service_from: datetime | None = None
    service_to: datetime | None = None
    external_subscription_id: str | None = None
    """Of a line that names a subscription of its own, as on an invoice for several."""
    product: str | None = None
    """The plan or product that it bills, by the source's id."""

    def __post_init__(self) -> None:
        if (self.service_from is None) != (self.service_to is None):
            raise InvalidInput(f"line {self.ordinal} has only one end of its service range")
        if self.service_from and self.service_to and self.service_to <= self.service_from:
            raise InvalidInput(f"line {self.ordinal} has an empty service range")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice that the service issued, amounts as it stated them."""

    external_invoice_id: str
    external_user_id: str
    external_subscription_id: str | None
    """None where the invoice names no subscription; an empty id in the source is None and matches nothing."""
    issued_at: datetime
    status: InvoiceStatus
    currency: str
    subtotal: Decimal
    tax: Decimal
    total: Decimal
    provider_id: str | None = None
    created_by: str | None = None
    lines: tuple[InvoiceLine, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.external_subscription_id == "":
            raise InvalidInput(f"invoice {self.external_invoice_id}: an empty subscription id must be None")
        if self.issued_at.tzinfo is None:
            raise InvalidInput(f"invoice {self.external_invoice_id}: issued_at needs a timezone")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRule:
    """One rule of `fcb.toml`: lines whose description matches `pattern` (a regular expression, any case) are of `kind`."""

    pattern: str
    kind: LineKind

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise InvalidInput(f"line rule {self.pattern!r} is not a regular expression: {error}") from error


def classified(description: str, rules: Sequence[LineRule]) -> LineKind:
    """The kind by the first rule that matches anywhere in the description; unknown if none does."""
    for rule in rules:
        if re.search(rule.pattern, description, re.IGNORECASE):
            return rule.kind
    return LineKind.UNKNOWN


def with_balancing_line(invoice: Invoice) -> tuple[InvoiceLine, ...]:
    """All lines net of tax, closed by one balancing line wherever header and lines disagree.

    Its amount is the subtotal minus the other lines, so the lines always sum to what was billed; it never explains itself.
    A header of tax alone gets one of 0, so that there is a line for its tax.
    """
    lines = tuple(line for line in invoice.lines if line.kind is not LineKind.TAX)
    gap = invoice.subtotal - sum((line.amount for line in lines), ZERO)
    if not gap and (lines or not invoice.tax):
        return lines
    what = "header without items" if not lines else "header and items disagree"
    return (*lines, InvoiceLine(ordinal=0, kind=LineKind.BALANCING, description=what, amount=gap))
