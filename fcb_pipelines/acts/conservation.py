"""Whether money was conserved on its way from the source's headers to the rows of its months.

Owns: the equations that must hold, and where the register and all months' rows differ. Does not own: how a check looks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.invoices import Issued, issued, last_issued
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.register import by_currency
from fcb_pipelines.services import Service
from fcb_pipelines.store import quality as stored
from fcb_pipelines.store.reconciliation import latest_revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """Two sums of one currency that must be equal to the last decimal."""

    what: str
    currency: str
    left: Decimal
    right: Decimal

    @property
    def holds(self) -> bool:
        """Whether they are."""
        return self.left == self.right


def money_conserved(work: PeriodWork) -> tuple[Equation, ...]:
    """Whether every cent on the source's headers reached a row of its month, and every expected one too."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        revisions = latest_revisions(conn, service, period)
        if not revisions:
            raise RuleViolation(f"{service} {period} was never reconciled")
        snapshot_id = revisions[0].snapshot_id
        billed = issued(conn, snapshot_id, work.service, work.taxes)
        lines = [line for line in billed.lines if line.counts]
        of_month = [line for line in lines if line.period(work.service.zone).key == period]
        actual = stored.actual_sums(conn, service, period)
        expected_rows, actual_rows = stored.row_sums(conn, revisions[0].revision_id)
        headers, taxes = _header_sums(billed)
        return (
            *_equations("invoice headers = lines of the register, all months", headers, _sums(lines)),
            *_equations("tax on invoice headers = tax of those lines", taxes, _sums_of_tax(lines)),
            *_equations(f"register lines for {period} = actual lines", _sums(of_month), actual),
            *_equations("actual lines = actual side of the rows", actual, actual_rows),
            *_equations(
                "expected lines = expected side of the rows", stored.expected_sums(conn, service, period), expected_rows
            ),
        )


def _header_sums(billed: Issued) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Σ subtotal and Σ tax of the headers that count, per currency; of invoices that could not be read, the raw subtotal."""
    counting = {line.external_invoice_id for line in billed.lines if line.counts}
    nets: dict[str, Decimal] = defaultdict(Decimal, _sums(line for line in billed.lines if line.ordinal < 0))
    taxes: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in billed.invoices:
        if invoice.external_invoice_id in counting:
            nets[invoice.currency] += invoice.subtotal
            taxes[invoice.currency] += invoice.tax
    return nets, taxes


def _sums_of_tax(lines: Iterable[ActualLine]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.tax.currency] += line.tax.amount
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterGap:
    """A service month whose newest rows do not hold what the register has for it."""

    month: str
    currency: str
    register: Decimal
    rows: Decimal
    why: str


def register_gaps(connections: Connections, service: Service) -> tuple[RegisterGap, ...]:
    """Where the last snapshot's register and the newest rows of all months differ: out of scope, never run, or out of date."""
    with connections.database().transaction() as conn:
        lines = [line for line in last_issued(conn, service, connections.settings.tax_table).lines if line.counts]
        revisions = {revision.period: revision for revision in latest_revisions(conn, service.code)}
        rows = {month: stored.row_sums(conn, revision.revision_id)[1] for month, revision in revisions.items()}
    months = {line.period(service.zone).key for line in lines} | rows.keys()
    return tuple(
        RegisterGap(
            month=month, currency=one.currency, register=one.left, rows=one.right, why=_why(connections, service, month, rows)
        )
        for month in sorted(months)
        for one in _equations(
            month, _sums(line for line in lines if line.period(service.zone).key == month), rows.get(month, {})
        )
        if not one.holds
    )


def _why(connections: Connections, service: Service, month: str, rows: Mapping[str, object]) -> str:
    if month < service.first_period:
        return f"before {service.first_period}, the first period in scope"
    if month > service.open_period(connections.now).key:
        return "has not begun: look at the invoice's service range"
    again = f"fcb run --service {service.code} --period {month}"
    return f"out of date, run it again: {again}" if month in rows else f"never reconciled: {again}"


def _sums(lines: Iterable[ActualLine]) -> dict[str, Decimal]:
    return {code: amount.amount for code, amount in by_currency(lines).items()}


def _equations(what: str, left: Mapping[str, Decimal], right: Mapping[str, Decimal]) -> Iterable[Equation]:
    for code in sorted({*left, *right}):
        yield Equation(what=what, currency=code, left=left.get(code, ZERO), right=right.get(code, ZERO))
