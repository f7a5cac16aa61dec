"""The actual side: what the service really billed, line by line, closed by balancing lines.

Owns: which invoices count, which month a line belongs to, which charge it pays for, its share of the invoice's tax.
Does not own: how lines meet what we expect (reconciliation).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import Invoice, InvoiceLine, InvoiceStatus, LineKind, with_balancing_line
from fcb_pipelines.domain.money import ZERO, Money, rounded
from fcb_pipelines.domain.period import Period, period_of
from fcb_pipelines.domain.plans import CPU_SECONDS

DATED_BY_ISSUE = "dated_by_issue"
STATUS_UNVERIFIED = "status_unverified"
EDITED_AFTER_ISSUE = "edited_after_issue"
NOT_COUNTED = "not_counted"

_CHARGES = {LineKind.PLAN: FLAT, LineKind.OVERAGE: CPU_SECONDS}
_BILLED = frozenset(
    {InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.UNCOLLECTIBLE, InvoiceStatus.VOID}
)
_CONFIRMS_VOID = frozenset({"void_confirmation", "credit_note", "reissue"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualLine:
    """One line that was billed, with its share of the invoice's tax. `ordinal` 0 is the balancing line."""

    external_invoice_id: str
    ordinal: int
    external_user_id: str
    external_subscription_id: str | None
    kind: LineKind
    charge: str | None
    """The charge it pays for; None for lines that no charge of ours stands behind."""
    description: str
    net: Money
    tax: Money
    issued_at: datetime
    invoice_status: InvoiceStatus
    service_from: datetime | None
    service_to: datetime | None
    counts: bool
    """Whether it is billed money; drafts, deleted and confirmed void invoices are shown and do not count."""
    notes: tuple[str, ...] = ()

    @property
    def gross(self) -> Money:
        """Net and tax."""
        return self.net + self.tax

    @property
    def line_key(self) -> str:
        """Invoice id and line ordinal."""
        return f"{self.external_invoice_id}/{self.ordinal}"

    def period(self, zone: ZoneInfo) -> Period:
        """The month its own service range starts in, whatever its issue date; without a range, the month of issue."""
        return period_of(self.service_from or self.issued_at, zone)


def actual_lines(
    invoices: Iterable[Invoice], evidence: Sequence[Evidence], previous: Mapping[str, Invoice]
) -> tuple[ActualLine, ...]:
    """All lines of all invoices, so that they sum to each header's subtotal and tax.

    `previous` are the invoices of the snapshot before, by id: a finalised amount that changed since is marked.
    """
    confirmed = {record.subject_id for record in evidence if record.subject_kind == "invoice" and record.kind in _CONFIRMS_VOID}
    return tuple(
        line
        for invoice in sorted(invoices, key=lambda invoice: (invoice.issued_at, invoice.external_invoice_id))
        for line in _lines(
            invoice, confirmed=invoice.external_invoice_id in confirmed, before=previous.get(invoice.external_invoice_id)
        )
    )


def _lines(invoice: Invoice, *, confirmed: bool, before: Invoice | None) -> Iterable[ActualLine]:
    counts = invoice.status in _BILLED and not (invoice.status is InvoiceStatus.VOID and confirmed)
    notes = tuple(_invoice_notes(invoice, counts=counts, before=before))
    lines = with_balancing_line(invoice)
    for line, tax in zip(lines, shared_tax(invoice, lines), strict=True):
        yield ActualLine(
            external_invoice_id=invoice.external_invoice_id,
            ordinal=line.ordinal,
            external_user_id=invoice.external_user_id,
            external_subscription_id=invoice.external_subscription_id,
            kind=line.kind,
            charge=_CHARGES.get(line.kind),
            description=line.description,
            net=Money(line.amount, invoice.currency),
            tax=tax,
            issued_at=invoice.issued_at,
            invoice_status=invoice.status,
            service_from=line.service_from,
            service_to=line.service_to,
            counts=counts,
            notes=notes if line.service_from else (*notes, DATED_BY_ISSUE),
        )


def _invoice_notes(invoice: Invoice, *, counts: bool, before: Invoice | None) -> Iterable[str]:
    if not counts:
        yield f"{NOT_COUNTED}: {invoice.status}"
    elif invoice.status is InvoiceStatus.VOID:
        # Nobody confirmed that the money was not owed, so it is judged like billed money until somebody does.
        yield STATUS_UNVERIFIED
    if before is not None and before.status is not InvoiceStatus.DRAFT and _amounts(before) != _amounts(invoice):
        yield EDITED_AFTER_ISSUE


def _amounts(invoice: Invoice) -> tuple[Decimal, Decimal, Decimal]:
    return invoice.subtotal, invoice.tax, invoice.total


def shared_tax(invoice: Invoice, lines: Sequence[InvoiceLine]) -> tuple[Money, ...]:
    """The header's tax shared out over its lines by their net, to the cent and without a remainder.

    The source states tax per invoice only. Each line gets its rounded share; a leftover cent goes to the largest line, where
    it weighs least. An invoice whose net is nothing puts all its tax on its first line.
    """
    net = sum((line.amount for line in lines), ZERO)
    if not lines:
        return ()
    if not net:
        shares = [Money(ZERO, invoice.currency)] * len(lines)
    else:
        shares = [rounded(_share(invoice.tax, line.amount, net), invoice.currency) for line in lines]
    largest = max(range(len(lines)), key=lambda index: abs(lines[index].amount)) if net else 0
    rest = Money(invoice.tax, invoice.currency) - sum(shares, Money(ZERO, invoice.currency))
    return tuple(share + rest if index == largest else share for index, share in enumerate(shares))


def _share(tax: Decimal, part: Decimal, whole: Decimal) -> Fraction:
    return Fraction(tax) * Fraction(part) / Fraction(whole)
