"""Reconciling a period: both sides by charge instance, kept as a new revision with what changed.

Owns: the act `reconcile_period`. Does not own: which subscriptions are plain and their rows (store/plain_rows, plain_storing),
the rules for all others (domain/reconciliation), how revisions are read (acts/revisions).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.invoices import lines_told
from fcb_pipelines.acts.kin import Kin
from fcb_pipelines.acts.on_record import on_record
from fcb_pipelines.acts.outbox import put
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.seen import seen, told_since
from fcb_pipelines.acts.source import SourceRecords, load, plans
from fcb_pipelines.domain import canonical
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.coverage import Agreed, Coverage, coverage
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.matching import BESIDE
from fcb_pipelines.domain.money import MINOR_UNITS
from fcb_pipelines.domain.news import reconciliation_news
from fcb_pipelines.domain.plans import Plan
from fcb_pipelines.domain.reconciliation import RULE_VERSION, RowOwner, reconcile
from fcb_pipelines.domain.revisions import Origin, Published, RevisionChanges, changes, form_hash, published, time_text
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.domain.scenes import kinds_looked_at
from fcb_pipelines.domain.seen import OF_LENGTH, Seen, covered_until
from fcb_pipelines.domain.subscriptions import Subscription, months_of
from fcb_pipelines.store import changed_terms, new_revision, plain_rows, plain_storing, snapshots, stages
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.plain_rows import Looked
from fcb_pipelines.store.plain_storing import PlainSum
from fcb_pipelines.store.reconciliation import Revision
from fcb_pipelines.store.snapshot_parts import Part, internal_customers


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """A new revision of a period."""

    revision_id: int
    revision: int
    judged: tuple[Row, ...]
    """The rows that were judged one by one."""
    plain: tuple[PlainSum, ...]
    """All others, by currency: those of which both sides agree."""
    coverage: Coverage
    changes: RevisionChanges


def reconcile_period(work: PeriodWork) -> Reconciled:
    """Compare every charge instance of the month with what was billed for it; add the result as a new revision."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.lock(conn)
        stage = work.require(conn, stages.EXPECTED_INVOICES, stages.ACTUAL_INVOICES)
        origin = Origin(snapshot_id=stage.snapshot_id, settings_hash=work.settings_hash, rule_version=RULE_VERSION)
        before = stored.latest_revisions(conn, service, period)
        opened = new_revision.open_revision(conn, service=service, period=period, origin=origin, made_at=work.now)
        compared, plain = _compared(conn, work, stage.snapshot_id, opened.revision_id)
        rows, accepted = acceptances.apply(conn, work.service, period, compared, rule_version=RULE_VERSION, as_of=work.now)
        new_revision.add_rows(conn, opened.revision_id, rows, lambda row: form_hash(_form(work, row)))
        agreed = [Agreed(currency=one.currency, due=one.due, billed=one.billed) for one in plain]
        found = coverage(rows, work.service.currency, agreed)
        digest = new_revision.hash_of_rows(conn, opened.revision_id)
        what_changed = _changes(conn, work, before[0] if before else None, opened.revision_id, origin)
        new_revision.close_revision(
            conn, opened.revision_id, content_hash=digest, coverage=asdict(found), changes=what_changed.as_json()
        )
        stages.record(conn, work.stage(stages.RECONCILIATION, snapshot_id=stage.snapshot_id, content_hash=digest))
        told = reconciliation_news(
            period,
            revision=opened.revision,
            content_hash=digest,
            coverage=asdict(found),
            is_complete=found.is_complete,
            now=work.now,
        )
        put(conn, service, [told], work.now)
        # Last, because whoever writes to the audit log holds it until the transaction ends.
        acceptances.note_applied(conn, work.service, period, accepted, work.now)
    return Reconciled(
        revision_id=opened.revision_id,
        revision=opened.revision,
        judged=rows,
        plain=plain,
        coverage=found,
        changes=what_changed,
    )


def _compared(
    conn: Connection, work: PeriodWork, snapshot_id: int, revision_id: int
) -> tuple[tuple[Row, ...], tuple[PlainSum, ...]]:
    """The rows that are judged one by one; the database meanwhile stores all others, of which the sums come back."""
    looked = _looked(work, snapshot_id, plans(conn, snapshot_id, work.service))
    plain_rows.find(conn, looked, lambda shape: months_of(*shape))
    changed, dated = _lengths(conn, work, snapshot_id)
    note_of = partial(_note, work, changed, dated)
    once_longer = changed.subscriptions.keys() | {one for field in OF_LENGTH for one in dated.changed("subscription", field)}
    plain_rows.note(conn, lambda data: note_of(canonical.subscription(data)), once_longer)
    moments = {at: time_text(at, work.service.zone) for at in plain_storing.moments(conn)}
    judged = _judging(conn, work, looked)
    with ThreadPoolExecutor(max_workers=1) as beside:
        storing = beside.submit(plain_storing.store, conn, revision_id, looked.service, looked.period, moments)
        try:
            rows = judged()
        except Exception:
            # What stopped the database in its other statement says more than that the transaction is over.
            storing.result()
            raise
        return rows, storing.result()


def _looked(work: PeriodWork, snapshot_id: int, known: Iterable[Plan]) -> Looked:
    return Looked(
        service=work.service.code,
        period=work.period.key,
        snapshot_id=snapshot_id,
        period_start=work.period.start,
        period_end=work.period.end,
        closes_at=work.closes_at,
        tax_rounding=work.service.conventions.tax_rounding,
        kinds=kinds_looked_at(),
        currencies={plan.external_plan_id: plan.currency for plan in known},
        digits=MINOR_UNITS,
        now=work.now,
    )


def _judging(conn: Connection, work: PeriodWork, looked: Looked) -> Callable[[], tuple[Row, ...]]:
    """Read everything that is needed to judge what is not plain; judging then asks the database little more."""
    expected, lines = plain_rows.judged_expected(conn, looked), plain_rows.judged_actual(conn, looked)
    records = load(conn, looked.snapshot_id, work.service, _part(conn, looked, expected, lines).rows)
    as_of = _taken_at(conn, work, looked.snapshot_id)
    told = on_record(conn, work, records, expected, lines, before=lines_told(records), as_of=as_of)
    return partial(
        reconcile,
        f"{looked.service}/{looked.period}",
        owners(work, records),
        expected,
        lines,
        told.month,
        case_of=told.case_of,
        pays_for=told.pays_for,
        plans=told.plans,
        kin_of=Kin(conn, work, looked, records.plans),
    )


def _part(conn: Connection, looked: Looked, expected: Sequence[ExpectedLine], lines: Sequence[ActualLine]) -> Part:
    """Whose records judging takes."""
    owners = plain_rows.judged(conn)
    customers = {*owners.values(), *(one.external_user_id for one in expected), *(line.external_user_id for line in lines)}
    named = {line.external_subscription_id for line in lines if line.external_subscription_id is not None}
    return Part(
        subscriptions=owners.keys() | {one.external_subscription_id for one in expected} | named,
        customers=customers,
        invoices={line.external_invoice_id for line in lines},
        invoiced={*_with_more_to_tell(expected, lines), *internal_customers(conn, looked.snapshot_id, customers)},
    )


def _with_more_to_tell(expected: Iterable[ExpectedLine], lines: Collection[ActualLine]) -> Iterable[str]:
    """Customers of whom other months matter: for what was not billed, or seems to be billed once."""
    billed = {(one.external_subscription_id, one.charge, one.service_from, one.service_to) for one in lines}
    for one in expected:
        if (one.external_subscription_id, one.charge, one.service_from, one.service_to) not in billed:
            yield one.external_user_id
    yield from (line.external_user_id for line in lines if line.kind in BESIDE)


def _taken_at(conn: Connection, work: PeriodWork, snapshot_id: int) -> datetime:
    header = snapshots.snapshot(conn, work.service.code, snapshot_id)
    return work.now if header is None else header.taken_at


def owners(work: PeriodWork, records: SourceRecords) -> list[RowOwner]:
    """The subscriptions of the records, and whether they live in the month."""
    currencies = {plan.external_plan_id: plan.currency for plan in records.plans}
    note_of = partial(_note, work, records.seen, _dated(work, records.history))
    return [
        RowOwner(
            external_subscription_id=one.external_subscription_id,
            external_user_id=one.external_user_id,
            currency=currencies.get(one.external_plan_id, work.service.currency),
            is_alive=one.is_alive_in(work.period),
            notes=() if (note := note_of(one)) is None else (note,),
        )
        for one in records.subscriptions
    ]


def _lengths(conn: Connection, work: PeriodWork, snapshot_id: int) -> tuple[Seen, Records]:
    """What is on record of how long the ranges of all subscriptions were."""
    found = seen(conn, work.service, snapshot_id)
    rows = changed_terms.dated(conn, snapshot_id, OF_LENGTH)
    history, _ = canonical.read_all("history", rows, canonical.history)
    return found, _dated(work, told_since(conn, snapshot_id, work.service, history, found))


def _dated(work: PeriodWork, history: Iterable[HistoryEntry]) -> Records:
    """The source's history, and what people declared of it."""
    return Records((), (*history, *(entry.entry(work.service.zone) for entry in work.service.history)))


def _note(work: PeriodWork, found: Seen, dated: Records, subscription: Subscription) -> str | None:
    until = covered_until(subscription, work.period, found, dated)
    return None if until is None else f"covered_until: {until.astimezone(work.service.zone).date().isoformat()}"


def _changes(conn: Connection, work: PeriodWork, before: Revision | None, now: int, origin: Origin) -> RevisionChanges:
    if before is None:
        return changes(None, [], None, origin)
    row_ids = new_revision.differing(conn, before.revision_id, now)
    old, new = ([_form(work, row) for row in stored.rows_named(conn, one, row_ids)] for one in (before.revision_id, now))
    return changes(old, new, before.origin, origin)


def _form(work: PeriodWork, row: Row) -> Published:
    return published(row, service=work.service.code, period=work.period.key, zone=work.service.zone)
