"""What the checks ask: rows for the data-quality suites, and whether money was conserved on its way.

Owns: reading the facts. Does not own: the suites (expectations), how a check looks (checks).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fcb_pipelines.acts.invoices import billed_lines
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, last_snapshot, load
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.register import by_currency
from fcb_pipelines.services import Service
from fcb_pipelines.store import quality as stored
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import latest_revisions

Row = dict[str, Any]

_READ: Mapping[str, Callable[[str], str | None]] = {
    "billing_interval": lambda text: text.strip().lower(),
    "currency": lambda text: text.strip().upper(),
    "email": lambda text: text.strip() or None,
    "name": lambda text: text.strip(),
    "status": lambda text: text.strip().lower(),
}
"""Column → what the domain makes of its text."""


def suite_rows(conn: Connection, service: Service, entity: str) -> list[Row]:
    """The last snapshot's rows of an entity, with the columns that only other entities can tell.

    Values are written as the domain reads them (domain/canonical): what it takes must not be found wrong for its letters.
    """
    snapshot_id = last_snapshot(conn, service)
    rows = snapshots.entity_rows(conn, snapshot_id, entity)
    users, plans = _ids(conn, snapshot_id, "users"), _ids(conn, snapshot_id, "plans")
    for row in rows:
        row.update({name: _READ[name](row[name] or "") for name in _READ.keys() & row.keys()})
        if entity == "plans":
            row["currency"] = row["currency"] or service.currency
        if entity in {"subscriptions", "invoices"}:
            row["has_user"] = row["external_user_id"] in users
        if entity == "subscriptions":
            row["has_plan"] = row["external_plan_id"] in plans
        if entity == "invoices":
            row["total_gap"] = str(Decimal(row["total"]) - Decimal(row["subtotal"]) - Decimal(row["tax"]))
    return rows


def bad_rows(conn: Connection, service: Service, entity: str) -> list[Row]:
    """The rows of an entity that could not be used, each with its reason."""
    snapshot_id = last_snapshot(conn, service)
    records: SourceRecords = load(conn, snapshot_id, service)
    bad = records.bad if entity != "usage" else [one for one in snapshots.issues(conn, snapshot_id) if one.entity == entity]
    return [{"id": one.external_id, "reason": one.reason} for one in bad if one.entity == entity]


def usage_query(conn: Connection, service: Service) -> str:
    """The query whose result the usage suite is run on."""
    return stored.usage_query(service.code, last_snapshot(conn, service))


def _ids(conn: Connection, snapshot_id: int, entity: str) -> frozenset[str]:
    return frozenset(external_id for external_id, _ in snapshots.identified_rows(conn, snapshot_id, entity))


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
        lines = [line for line in billed_lines(conn, snapshot_id, work.service) if line.counts]
        of_month = [line for line in lines if line.period(work.service.zone).key == period]
        actual = stored.actual_sums(conn, service, period)
        expected_rows, actual_rows = stored.row_sums(conn, revisions[0].revision_id)
        headers = _header_sums(load(conn, snapshot_id, work.service), lines)
        return (
            *_equations("invoice headers = lines of the register, all months", headers, _sums(lines)),
            *_equations(f"register lines for {period} = actual lines", _sums(of_month), actual),
            *_equations("actual lines = actual side of the rows", actual, actual_rows),
            *_equations(
                "expected lines = expected side of the rows", stored.expected_sums(conn, service, period), expected_rows
            ),
        )


def _header_sums(records: SourceRecords, lines: Iterable[ActualLine]) -> dict[str, Decimal]:
    counting = {line.external_invoice_id for line in lines}
    sums: dict[str, Decimal] = {}
    for invoice in records.invoices:
        if invoice.external_invoice_id in counting:
            sums[invoice.currency] = sums.get(invoice.currency, ZERO) + invoice.subtotal
    return sums


def _sums(lines: Iterable[ActualLine]) -> dict[str, Decimal]:
    return {code: amount.amount for code, amount in by_currency(lines).items()}


def _equations(what: str, left: Mapping[str, Decimal], right: Mapping[str, Decimal]) -> Iterable[Equation]:
    for code in sorted({*left, *right}):
        yield Equation(what=what, currency=code, left=left.get(code, ZERO), right=right.get(code, ZERO))
