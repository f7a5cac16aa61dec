"""How the lines of the last snapshot's invoices are classified: which rule caught what, and what is still unknown.

Owns: the act `lines`, which only reads. Does not own: the rules (domain/invoices), the tally (domain/classification).
"""

from collections.abc import Iterator

from fcb_pipelines.acts.invoices import Issued, last_issued
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.classification import BilledLine, Classification, classification
from fcb_pipelines.domain.invoices import Invoice, LineFacts, LineKind
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.period import Period, period_of
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.services import Service
from fcb_pipelines.store.database import Connection


def lines(conn: Connection, service: Service, taxes: TaxTable, period: Period | None = None) -> Classification:
    """All lines that count as billed, or those of one month; raises `RuleViolation` where no snapshot was taken yet."""
    issued = last_issued(conn, service, taxes)
    return classification(_billed(issued, service, period), service.rules)


def _billed(issued: Issued, service: Service, period: Period | None) -> Iterator[BilledLine]:
    """Each line of an invoice that counts; those of tax too, which the actual side has as a part of every other line."""
    invoices = {invoice.external_invoice_id: invoice for invoice in issued.invoices}
    counting = [line for line in issued.lines if line.counts]
    for line in counting:
        if period is None or line.period(service.zone).key == period.key:
            yield _line(line, invoices.get(line.external_invoice_id))
    for key in dict.fromkeys(line.external_invoice_id for line in counting):
        if key in invoices:
            yield from _of_tax(invoices[key], service, period)


def _line(line: ActualLine, invoice: Invoice | None) -> BilledLine:
    read = {} if invoice is None else {one.ordinal: one for one in invoice.lines}
    told = read.get(line.ordinal)
    facts = LineFacts(
        line_key=line.line_key,
        description=line.description,
        product=line.product,
        created_by=None if invoice is None else invoice.created_by,
    )
    return BilledLine(facts=facts, kind=line.kind, net=line.net, is_ruled=told is not None and not told.is_kind_given)


def _of_tax(invoice: Invoice, service: Service, period: Period | None) -> Iterator[BilledLine]:
    for line in (one for one in invoice.lines if one.kind is LineKind.TAX):
        if period is None or period_of(line.service_from or invoice.issued_at, service.zone).key == period.key:
            facts = LineFacts(
                line_key=f"{invoice.external_invoice_id}/{line.ordinal}",
                description=line.description,
                product=line.product,
                created_by=invoice.created_by,
            )
            net = Money(line.amount, invoice.currency)
            yield BilledLine(facts=facts, kind=line.kind, net=net, is_ruled=not line.is_kind_given)
