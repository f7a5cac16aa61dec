"""The actual side of a period, and the register of what the service issued.

Owns: the acts `actual_period` and `issued`. Does not own: which invoices count and what a line is (domain/actual).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, last_snapshot, load
from fcb_pipelines.domain.actual import ActualLine, RuledTaxes, TaxesOf, actual_lines, unusable_line
from fcb_pipelines.domain.canonical import BadRow
from fcb_pipelines.domain.invoices import Invoice
from fcb_pipelines.domain.money import Money
from fcb_pipelines.domain.partners import supply_place
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.domain.tax import TaxRounding, TaxTable, TaxUndecided, line_taxes, tax_on
from fcb_pipelines.services import Service
from fcb_pipelines.store import invoices as stored
from fcb_pipelines.store import snapshots, stages
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """Everything a snapshot says was issued."""

    invoices: tuple[Invoice, ...]
    lines: tuple[ActualLine, ...]
    """Of all invoices, in scope of a month or not, with balancing lines and the raw amounts of those that could not be read."""
    unusable: tuple[BadRow, ...]
    """Invoices that could not be read as records."""


def actual_period(work: PeriodWork) -> tuple[ActualLine, ...]:
    """Keep the lines that the service billed for the month, by their own service range; replaces what was kept before.

    Works on the snapshot that the month's usage totals chose, so that a newer one in between mixes nothing.
    """
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.lock(conn)
        snapshot_id = work.require(conn, stages.USAGE_TOTALS).snapshot_id
        billed = issued(conn, snapshot_id, work.service, work.taxes)
        lines = tuple(line for line in billed.lines if line.period(work.service.zone).key == period)
        stored.replace_actual(conn, service, period, lines)
        digest = content_hash([{"key": line.line_key, "net": str(line.net), "tax": str(line.tax)} for line in lines])
        stages.record(conn, work.stage(stages.ACTUAL_INVOICES, snapshot_id=snapshot_id, content_hash=digest))
    return lines


def last_issued(conn: Connection, service: Service, taxes: TaxTable) -> Issued:
    """What the last snapshot says was issued; raises `RuleViolation` where none was taken yet."""
    return issued(conn, last_snapshot(conn, service), service, taxes)


def issued(conn: Connection, snapshot_id: int, service: Service, taxes: TaxTable) -> Issued:
    """What a snapshot says was issued."""
    records = load(conn, snapshot_id, service)
    unusable = tuple(bad for bad in records.bad if bad.entity == "invoices")
    lines = actual_lines(
        records.invoices, records.evidence, _previous(conn, snapshot_id, service), taxes_of(service, records, taxes)
    )
    return Issued(invoices=records.invoices, lines=(*lines, *_unusable_lines(unusable)), unusable=unusable)


def lines_told(records: SourceRecords) -> tuple[ActualLine, ...]:
    """The lines of the invoices among some records, and of those that could not be read; their taxes are not looked into."""
    lines = actual_lines(records.invoices, records.evidence, {}, lambda _invoice, _nets: None)
    return (*lines, *_unusable_lines([bad for bad in records.bad if bad.entity == "invoices"]))


def lines_now(records: SourceRecords, service: Service, table: TaxTable) -> tuple[ActualLine, ...]:
    """The lines of the invoices among some records as a run of their months would keep them, but for what was edited since."""
    lines = actual_lines(records.invoices, records.evidence, {}, taxes_of(service, records, table))
    return (*lines, *_unusable_lines([bad for bad in records.bad if bad.entity == "invoices"]))


def _unusable_lines(unusable: Sequence[BadRow]) -> Iterable[ActualLine]:
    seen: Counter[str] = Counter()
    for bad in unusable:
        seen[bad.external_id] += 1
        line = unusable_line(bad, seen[bad.external_id])
        if line is not None:
            yield line


def taxes_of(service: Service, records: SourceRecords, table: TaxTable) -> TaxesOf:
    """What the table asks on an invoice: at the customer's place, on the day of issue or, of a credit, on its original's."""
    users = {user.external_user_id: user for user in records.users}
    issued_at = {invoice.external_invoice_id: invoice.issued_at for invoice in records.invoices}
    credits_of = {one.subject_id: one.data.get("original_invoice") for one in records.evidence if one.kind == "credit_note"}

    def taxes(invoice: Invoice, nets: Sequence[Money]) -> RuledTaxes | None:
        place, _ = supply_place(users.get(invoice.external_user_id), service.place_of_supply)
        tax_point = issued_at.get(str(credits_of.get(invoice.external_invoice_id)), invoice.issued_at)
        on = tax_point.astimezone(service.zone).date()
        lines, whole = line_taxes(nets, place, on, table), tax_on(nets, place, on, table, TaxRounding.TOTAL)
        if isinstance(lines, TaxUndecided) or isinstance(whole, TaxUndecided):
            return None
        return RuledTaxes(lines=[one.tax for one in lines], total=whole.tax)

    return taxes


def _previous(conn: Connection, snapshot_id: int, service: Service) -> Mapping[str, Invoice]:
    before = snapshots.previous_snapshot(conn, service.code, snapshot_id)
    if before is None:
        return {}
    return {invoice.external_invoice_id: invoice for invoice in load(conn, before.snapshot_id, service).invoices}
