"""The register: the actual invoices by issue month, equal to the source's own list to the cent.

Owns: the view by issue month and its bridge to service months. Never used for verdicts.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.invoices import Invoice, LineKind
from fcb_pipelines.domain.money import Money, total
from fcb_pipelines.domain.period import period_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """One invoice with its lines, balancing line included."""

    invoice: Invoice
    lines: tuple[ActualLine, ...]

    @property
    def counts(self) -> bool:
        """Whether the invoice is billed money."""
        return bool(self.lines) and all(line.counts for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMonth:
    """The invoices issued in one month; each figure is per currency and of counting invoices only."""

    month: str
    entries: tuple[RegisterEntry, ...]

    @property
    def lines(self) -> tuple[ActualLine, ...]:
        """All counting lines."""
        return tuple(line for entry in self.entries for line in entry.lines if line.counts)

    @property
    def net(self) -> dict[str, Money]:
        """Everything billed."""
        return by_currency(self.lines)

    @property
    def with_subscription(self) -> dict[str, Money]:
        """Billed on invoices that name a subscription."""
        return by_currency(line for line in self.lines if line.external_subscription_id is not None)

    @property
    def without_subscription(self) -> dict[str, Money]:
        """Billed on invoices that name none."""
        return by_currency(line for line in self.lines if line.external_subscription_id is None)

    @property
    def items_without_subscription(self) -> dict[str, Money]:
        """Of those, what stands in items rather than in a balancing line."""
        items = (line for line in self.lines if line.external_subscription_id is None and line.kind is not LineKind.BALANCING)
        return by_currency(items)

    def service_months(self, zone: ZoneInfo) -> dict[str, dict[str, Money]]:
        """The bridge: month that the money was billed for → how much, per currency."""
        lines: dict[str, list[ActualLine]] = defaultdict(list)
        for line in self.lines:
            lines[line.period(zone).key].append(line)
        return {month: by_currency(found) for month, found in sorted(lines.items())}


def register(invoices: Sequence[Invoice], lines: Iterable[ActualLine], zone: ZoneInfo) -> tuple[RegisterMonth, ...]:
    """All invoices by the month they were issued in; a month without invoices is absent."""
    of_invoice: dict[str, list[ActualLine]] = defaultdict(list)
    for line in lines:
        of_invoice[line.external_invoice_id].append(line)
    months: dict[str, list[RegisterEntry]] = defaultdict(list)
    for invoice in sorted(invoices, key=lambda invoice: (invoice.issued_at, invoice.external_invoice_id)):
        entry = RegisterEntry(invoice=invoice, lines=tuple(of_invoice[invoice.external_invoice_id]))
        months[period_of(invoice.issued_at, zone).key].append(entry)
    return tuple(RegisterMonth(month=month, entries=tuple(entries)) for month, entries in sorted(months.items()))


def by_currency(lines: Iterable[ActualLine]) -> dict[str, Money]:
    """Σ net per currency, by currency code."""
    found: dict[str, list[Money]] = defaultdict(list)
    for line in lines:
        found[line.net.currency].append(line.net)
    return {code: total(amounts, code) for code, amounts in sorted(found.items())}
