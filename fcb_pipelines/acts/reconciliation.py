"""Reconciling a period: both sides by charge instance, kept as a new revision with what changed.

Owns: the act `reconcile_period`, and the reading of revisions for the command line, the HTTP interface and the pages.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.on_record import on_record
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.domain.coverage import Coverage, coverage
from fcb_pipelines.domain.instances import covered_until
from fcb_pipelines.domain.reconciliation import RULE_VERSION, RowOwner, reconcile
from fcb_pipelines.domain.revisions import Origin, Published, RevisionChanges, changes, content_hash, published
from fcb_pipelines.domain.rows import Row, Status
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.services import Service
from fcb_pipelines.store import invoices as stored_invoices
from fcb_pipelines.store import rating as stored_rating
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store import snapshots, stages
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import CurrencyTotal, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A new revision of a period."""

    revision: int
    rows: tuple[Row, ...]
    coverage: Coverage
    changes: RevisionChanges


def reconcile_period(work: PeriodWork) -> Reconciled:
    """Compare every charge instance of the month with what was billed for it; add the result as a new revision."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.lock(conn)
        stage = work.require(conn, stages.EXPECTED_INVOICES, stages.ACTUAL_INVOICES)
        compared = _rows(conn, work, stage.snapshot_id)
        rows, accepted = acceptances.apply(conn, work.service, period, compared, rule_version=RULE_VERSION, as_of=work.now)
        origin = Origin(snapshot_id=stage.snapshot_id, settings_hash=work.settings_hash, rule_version=RULE_VERSION)
        found = coverage(rows, work.service.currency)
        forms = _published(rows, work.service, period)
        what_changed, digest = _changes_since_last(conn, work, forms, origin), content_hash(forms)
        revision = stored.add_revision(
            conn,
            service=service,
            period=period,
            origin=origin,
            content_hash=digest,
            made_at=work.now,
            coverage=asdict(found),
            changes=what_changed.as_json(),
            rows=rows,
        )
        stages.record(conn, work.stage(stages.RECONCILIATION, snapshot_id=stage.snapshot_id, content_hash=digest))
        # Last, because whoever writes to the audit log holds it until the transaction ends.
        acceptances.note_applied(conn, work.service, period, accepted, work.now)
    return Reconciled(revision=revision, rows=rows, coverage=found, changes=what_changed)


def _rows(conn: Connection, work: PeriodWork, snapshot_id: int) -> tuple[Row, ...]:
    service, period = work.service.code, work.period.key
    records = load(conn, snapshot_id, work.service)
    expected = stored_rating.expected(conn, service, period)
    told = on_record(conn, work, records, expected, as_of=_taken_at(conn, work, snapshot_id))
    return reconcile(
        f"{service}/{period}",
        owners(work, records),
        expected,
        stored_invoices.actual(conn, service, period),
        told.month,
        case_of=told.case_of,
        pays_for=told.pays_for,
        plans=told.plans,
    )


def _taken_at(conn: Connection, work: PeriodWork, snapshot_id: int) -> datetime:
    header = snapshots.snapshot(conn, work.service.code, snapshot_id)
    return work.now if header is None else header.taken_at


def owners(work: PeriodWork, records: SourceRecords) -> list[RowOwner]:
    """All subscriptions of the snapshot, and whether they live in the month."""
    currencies = {plan.external_plan_id: plan.currency for plan in records.plans}
    return [
        RowOwner(
            external_subscription_id=one.external_subscription_id,
            external_user_id=one.external_user_id,
            currency=currencies.get(one.external_plan_id, work.service.currency),
            is_alive=one.is_alive_in(work.period),
            notes=_notes(work, one),
        )
        for one in records.subscriptions
    ]


def published_rows(conn: Connection, service: Service, period: str) -> list[Published] | None:
    """The rows of a period's newest revision in their published form; None where it was never reconciled."""
    latest = stored.latest_revisions(conn, service.code, period)
    return _published(stored.rows(conn, latest[0].revision_id), service, period) if latest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPage:
    """A part of the rows of a period's newest revision, and what is to be said of all of them."""

    revision: Revision
    counts: Mapping[Status, int]
    totals: tuple[CurrencyTotal, ...]
    rows: list[Published]
    next: str | None
    """The row id after which the next part begins; None where this is the last."""


def published_page(conn: Connection, service: Service, period: str, *, after: str, most: int) -> RowsPage | None:
    """So many rows after a row id, in the order of row ids; None where the period was never reconciled."""
    latest = stored.latest_revisions(conn, service.code, period)
    if not latest:
        return None
    found = stored.rows(conn, latest[0].revision_id, after=after, most=most + 1)
    return RowsPage(
        revision=latest[0],
        counts=stored.counts_by_status(conn, [latest[0].revision_id])[period],
        totals=stored.totals(conn, latest[0].revision_id),
        rows=_published(found[:most], service, period),
        next=found[most - 1].row_id if len(found) > most else None,
    )


def _published(rows: tuple[Row, ...], service: Service, period: str) -> list[Published]:
    return [published(row, service=service.code, period=period, zone=service.zone) for row in rows]


def _changes_since_last(conn: Connection, work: PeriodWork, forms: list[Published], origin: Origin) -> RevisionChanges:
    latest = stored.latest_revisions(conn, work.service.code, work.period.key)
    if not latest:
        return changes(None, forms, None, origin)
    before = _published(stored.rows(conn, latest[0].revision_id), work.service, work.period.key)
    return changes(before, forms, latest[0].origin, origin)


def _notes(work: PeriodWork, subscription: Subscription) -> tuple[str, ...]:
    until = covered_until(subscription, work.period)
    return () if until is None else (f"covered_until: {until.astimezone(work.service.zone).date().isoformat()}",)
