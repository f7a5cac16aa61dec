"""The actual side: what the service really billed, line by line, closed by balancing lines.

Owns: which month a line belongs to, which charge it pays for, its share of the invoice's tax.
Does not own: which invoices count (owed), how lines meet what we expect (reconciliation).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.canonical import BadRow, moment
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import Invoice, InvoiceLine, InvoiceStatus, LineKind, with_balancing_line
from fcb_pipelines.domain.money import ZERO, Money, decimal, rounded, total
from fcb_pipelines.domain.owed import REPLACES, NotOwed, counts_as_billed, place
from fcb_pipelines.domain.period import Period, period_of
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines.domain.tax import TaxRounding, component_tax

DATED_BY_ISSUE = "dated_by_issue"
STATUS_UNVERIFIED = "status_unverified"
EDITED_AFTER_ISSUE = "edited_after_issue"
NOT_COUNTED = "not_counted"
TOTAL_MISMATCH = "total_mismatch"
CREDITED_AND_ISSUED_ANEW = "credited_and_issued_anew"
"""Of an invoice, what gave it back in full and what came in its place: together they bill once."""
UNUSABLE = "unusable"

TAX_RATE = "tax_rate"
"""Evidence of the rates that a customer is taxed at, in place of those of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledTaxes:
    """What the tax table asks on an invoice's nets, rounded on each line, or once on their sum."""

    lines: Sequence[Money]
    total: Money


TaxesOf = Callable[[Invoice, Sequence[Money]], RuledTaxes | None]
"""What the tax table asks on the nets of an invoice's lines; None where it is undecided."""


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
    quantity: Decimal | None = None
    product: str | None = None
    """The plan that it bills, where the source says so by an id."""
    provider_id: str | None = None
    """The payment provider's id of its invoice."""
    tax_fits: tuple[str, ...] = ()
    """Under which rules the tax of its whole invoice follows from the nets of its lines (`TaxRounding`, or a record)."""

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
    invoices: Iterable[Invoice], evidence: Sequence[Evidence], previous: Mapping[str, Invoice], taxes: TaxesOf
) -> tuple[ActualLine, ...]:
    """All lines of all invoices, so that they sum to each header's subtotal and tax.

    `previous` are the invoices of the snapshot before, by id: a finalised amount that changed since is marked.
    """
    invoices = tuple(invoices)
    not_owed = NotOwed.told(invoices, evidence)
    rates: dict[str, list[Evidence]] = defaultdict(list)
    for record in evidence:
        if record.kind == TAX_RATE and record.subject_kind == "user":
            rates[record.subject_id].append(record)
    return tuple(
        line
        for invoice in sorted(_placed(invoices, evidence), key=place)
        for line in _lines(
            invoice, not_owed, previous.get(invoice.external_invoice_id), taxes, rates.get(invoice.external_user_id, ())
        )
    )


def _placed(invoices: Iterable[Invoice], evidence: Iterable[Evidence]) -> Iterable[Invoice]:
    """The invoices, with those that a record links to another one placed where that one is."""
    known = {invoice.external_invoice_id: invoice for invoice in invoices}
    records = {record.subject_id: record for record in evidence if record.kind in REPLACES}
    for invoice in known.values():
        record = records.get(invoice.external_invoice_id)
        original = known.get(str(record.data.get("original_invoice"))) if record else None
        yield invoice if record is None or original is None else _beside(invoice, original, record.kind)


def _beside(invoice: Invoice, original: Invoice, kind: str) -> Invoice:
    """A credit or a reissue without a range of its own takes that of its original, a reissue the subscription too."""
    if kind == "reissue" and invoice.external_subscription_id is None:
        invoice = replace(invoice, external_subscription_id=original.external_subscription_id)
    ranges = {(line.service_from, line.service_to) for line in original.lines if line.service_from}
    if len(ranges) != 1:
        return invoice
    ((start, end),) = ranges
    lines = (line if line.service_from else replace(line, service_from=start, service_to=end) for line in invoice.lines)
    return replace(invoice, lines=tuple(lines))


def _lines(
    invoice: Invoice, not_owed: NotOwed, before: Invoice | None, taxes: TaxesOf, rates: Sequence[Evidence]
) -> Iterable[ActualLine]:
    counts = counts_as_billed(invoice, not_owed)
    is_chained = counts and invoice.external_invoice_id in not_owed.credited
    notes = (*_invoice_notes(invoice, counts=counts, before=before), *((CREDITED_AND_ISSUED_ANEW,) if is_chained else ()))
    lines = with_balancing_line(invoice)
    ruled = taxes(invoice, [Money(line.amount, invoice.currency) for line in lines]) if lines else None
    fits = (*_tax_fits(invoice, ruled), *_rates_that_fit(invoice, [line.amount for line in lines], rates))
    for line, tax in zip(lines, shared_tax(invoice, lines, ruled), strict=True):
        yield ActualLine(
            external_invoice_id=invoice.external_invoice_id,
            ordinal=line.ordinal,
            external_user_id=invoice.external_user_id,
            external_subscription_id=line.external_subscription_id or invoice.external_subscription_id,
            kind=line.kind,
            charge=_charge(line),
            description=line.description,
            net=Money(line.amount, invoice.currency),
            tax=tax,
            issued_at=invoice.issued_at,
            invoice_status=invoice.status,
            service_from=line.service_from,
            service_to=line.service_to,
            counts=counts,
            notes=notes if line.service_from else (*notes, DATED_BY_ISSUE),
            quantity=line.quantity,
            product=line.product,
            provider_id=invoice.provider_id,
            tax_fits=fits,
        )


def _charge(line: InvoiceLine) -> str | None:
    """The charge of ours that a line bills; overage that names none is of the first metric."""
    if line.kind is LineKind.OVERAGE:
        return line.charge or CPU_SECONDS
    return FLAT if line.kind is LineKind.PLAN else None


def _tax_fits(invoice: Invoice, ruled: RuledTaxes | None) -> Iterable[str]:
    """Under which conventions the header's tax is that of the table on the nets that were billed."""
    if ruled is not None:
        tax = Money(invoice.tax, invoice.currency)
        if total(ruled.lines, invoice.currency) == tax:
            yield TaxRounding.LINE
        if ruled.total == tax:
            yield TaxRounding.TOTAL


def _rates_that_fit(invoice: Invoice, nets: Sequence[Decimal], rates: Iterable[Evidence]) -> Iterable[str]:
    """By which records of other rates the header's tax follows from those nets, and rounded where: `line/<reference>`."""
    tax = Money(invoice.tax, invoice.currency)
    for record in rates:
        for rounding, bases in ((TaxRounding.LINE, nets), (TaxRounding.TOTAL, [sum(nets, ZERO)])):
            parts = (component_tax(Money(net, tax.currency), each) for each in record.percents() for net in bases)
            if record.holds_at(invoice.issued_at) and total(parts, tax.currency) == tax:
                yield f"{rounding}/{record.reference}"


def unusable_line(bad: BadRow, number: int) -> ActualLine | None:
    """The line of an invoice that could not be read as a record: its raw subtotal, in no subscription's name.

    It counts as billed until somebody mends the row, so that no month is complete without it. `number` tells rows of one id
    apart. None where not even amount, currency and date can be read.
    """
    row = bad.row
    try:
        net = Money(decimal(row["subtotal"]), str(row["currency"]).strip().upper())
        issued_at = moment("issued_at", row["issued_at"])
    except (InvalidInput, KeyError, TypeError, ValueError):
        return None
    return ActualLine(
        external_invoice_id=bad.external_id,
        ordinal=-number,
        external_user_id=str(row.get("external_user_id") or ""),
        external_subscription_id=None,
        kind=LineKind.UNKNOWN,
        charge=None,
        description="an invoice that could not be read",
        net=net,
        tax=Money(ZERO, net.currency),
        issued_at=issued_at,
        invoice_status=InvoiceStatus.OPEN,
        service_from=None,
        service_to=None,
        counts=True,
        notes=(f"{UNUSABLE}: {bad.reason}", DATED_BY_ISSUE),
    )


def _invoice_notes(invoice: Invoice, *, counts: bool, before: Invoice | None) -> Iterable[str]:
    if not counts:
        yield f"{NOT_COUNTED}: {invoice.status}"
    elif invoice.status is InvoiceStatus.VOID:
        # Nobody confirmed that the money was not owed, so it is judged like billed money until somebody does.
        yield STATUS_UNVERIFIED
    if invoice.total != invoice.subtotal + invoice.tax:
        yield TOTAL_MISMATCH
    if before is not None and before.status is not InvoiceStatus.DRAFT and _amounts(before) != _amounts(invoice):
        yield EDITED_AFTER_ISSUE


def _amounts(invoice: Invoice) -> tuple[Decimal, Decimal, Decimal]:
    return invoice.subtotal, invoice.tax, invoice.total


def shared_tax(invoice: Invoice, lines: Sequence[InvoiceLine], ruled: RuledTaxes | None) -> tuple[Money, ...]:
    """The header's tax shared out over its lines, to the cent and without a remainder; the source states it per invoice only.

    Where the tax of each line by the table sums to the header's, that is how it was made. Else each line gets its share by
    net, rounded; a leftover cent goes to the largest line, where it weighs least. An invoice whose net is nothing puts all
    its tax on its first line.
    """
    tax = Money(invoice.tax, invoice.currency)
    if not lines:
        return ()
    if ruled is not None and total(ruled.lines, invoice.currency) == tax:
        return tuple(ruled.lines)
    return shared_by_net(tax, [line.amount for line in lines])


def shared_by_net(tax: Money, nets: Sequence[Decimal]) -> tuple[Money, ...]:
    """An amount shared out over lines by their net, to the cent and without a remainder."""
    net = sum(nets, ZERO)
    shares = [rounded(_share(tax.amount, part, net), tax.currency) if net else Money(ZERO, tax.currency) for part in nets]
    largest = max(range(len(nets)), key=lambda index: abs(nets[index])) if net else 0
    rest = tax - total(shares, tax.currency)
    return tuple(share + rest if index == largest else share for index, share in enumerate(shares))


def _share(tax: Decimal, part: Decimal, whole: Decimal) -> Fraction:
    return Fraction(tax) * Fraction(part) / Fraction(whole)
