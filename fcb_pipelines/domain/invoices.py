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
    is_kind_given: bool = False
    """Whether the mapping names its kind itself, so that no rule is asked."""
    charge: str | None = None
    """The metered charge that it bills, by metric or code, where the mapping or a rule names it."""

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
class LineFacts:
    """What rules can ask of a line."""

    line_key: str
    """Invoice id and ordinal, such as `inv-7/2`."""
    description: str
    product: str | None = None
    """The plan or product that it bills, by the source's id."""
    created_by: str | None = None
    """Who or what made its invoice, by the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRule:
    """One rule of `fcb.toml`: lines of which everything holds that is given are of `kind`."""

    kind: LineKind
    charge: str | None = None
    """The metered charge that overage bills, by metric or code; the first metric where nothing is said."""
    pattern: str | None = None
    """A regular expression that is found in the description, in any case."""
    product: str | None = None
    created_by: str | None = None
    line: str | None = None
    """One line by its key: what a person says of it."""
    because: str | None = None
    """Why, in a person's words; needed where one line is named."""

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise InvalidInput(f"line rule {self.pattern!r} is not a regular expression: {error}") from error
        if self.pattern is None and not self._asked:
            raise InvalidInput("a line rule needs at least one of pattern, product, created_by and line")
        if not all(value.strip() for value in self._asked.values()):
            raise InvalidInput("a line rule has an empty product, created_by or line, which no line has")
        if self.charge is not None and (self.kind is not LineKind.OVERAGE or not self.charge.strip()):
            said = f"a line rule of kind {self.kind} names charge {self.charge!r}"
            raise InvalidInput(f"{said}: only overage is for a metered charge")
        if self.line is not None and not (self.because or "").strip():
            raise InvalidInput(f"the line rule of {self.line} needs because = why the line is of kind {self.kind}")

    @property
    def _asked(self) -> dict[str, str]:
        """What a line must have exactly, by the name that `LineFacts` has for it."""
        given = {"product": self.product, "created_by": self.created_by, "line_key": self.line}
        return {name: value for name, value in given.items() if value is not None}

    def holds_for(self, facts: LineFacts) -> bool:
        """Whether everything that it asks is so."""
        is_found = self.pattern is None or re.search(self.pattern, facts.description, re.IGNORECASE) is not None
        return is_found and all(getattr(facts, name) == value for name, value in self._asked.items())


def catching(facts: LineFacts, rules: Sequence[LineRule]) -> int | None:
    """Which rule catches a line, by its place: the first that holds; None if none does."""
    return next((number for number, rule in enumerate(rules) if rule.holds_for(facts)), None)


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
