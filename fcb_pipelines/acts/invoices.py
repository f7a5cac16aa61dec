"""The actual side of a period, and the register of what the service issued.

Owns: the acts `actual_period` and `register`. Does not own: which invoices count and what a line is (domain/actual).
"""

from collections.abc import Mapping

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, last_snapshot, load
from fcb_pipelines.domain.actual import ActualLine, actual_lines
from fcb_pipelines.domain.invoices import Invoice
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.services import Service
from fcb_pipelines.store import invoices as stored
from fcb_pipelines.store import snapshots, stages
from fcb_pipelines.store.database import Connection


def actual_period(work: PeriodWork) -> tuple[ActualLine, ...]:
    """Keep the lines that the service billed for the month, by their own service range; replaces what was kept before."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.lock(conn)
        snapshot_id = last_snapshot(conn, work.service)
        lines = tuple(
            line for line in billed_lines(conn, snapshot_id, work.service) if line.period(work.service.zone).key == period
        )
        stored.replace_actual(conn, service, period, lines)
        digest = content_hash([{"key": line.line_key, "net": str(line.net), "tax": str(line.tax)} for line in lines])
        stages.record(conn, work.stage(stages.ACTUAL_INVOICES, snapshot_id=snapshot_id, content_hash=digest))
    return lines


def billed_lines(conn: Connection, snapshot_id: int, service: Service) -> tuple[ActualLine, ...]:
    """Every line of every invoice of a snapshot, in scope of a month or not, with balancing lines."""
    records = load(conn, snapshot_id, service)
    return actual_lines(records.invoices, records.evidence, _previous(conn, snapshot_id, service))


def register(conn: Connection, service: Service) -> tuple[tuple[Invoice, ...], tuple[ActualLine, ...]]:
    """The invoices of the last snapshot and all their lines, for the view by issue month."""
    snapshot_id = last_snapshot(conn, service)
    records: SourceRecords = load(conn, snapshot_id, service)
    return records.invoices, actual_lines(records.invoices, records.evidence, _previous(conn, snapshot_id, service))


def _previous(conn: Connection, snapshot_id: int, service: Service) -> Mapping[str, Invoice]:
    before = snapshots.previous_snapshot(conn, service.code, snapshot_id)
    if before is None:
        return {}
    return {invoice.external_invoice_id: invoice for invoice in load(conn, before.snapshot_id, service).invoices}
