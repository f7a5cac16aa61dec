"""Reading what a period's report is made of: its newest revision, what was issued, what Odoo bills next, what was signed.

Owns: the acts `material` and `newest`. Does not own: figures and pages (report), rows (acts/reconciliation), links to a report
(acts/report_links).

What hangs on the revision alone (`Base`) never changes, so that whoever shows it often may keep it; what people signed and how
other periods stand is read each time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fcb_pipelines.acts import acceptances
from fcb_pipelines.acts.acceptances import Listed
from fcb_pipelines.acts.directory import directory
from fcb_pipelines.acts.invoices import issued
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.domain import clean
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.clean import Judged, Standing
from fcb_pipelines.domain.coverage import Coverage
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.evidence import Evidence
from fcb_pipelines.domain.expected import RatedLine, rated_lines
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import ZERO, Money, rounded
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.quotas import NOTHING_USED
from fcb_pipelines.domain.reconciliation import RULE_VERSION
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.services import Service
from fcb_pipelines.store import reconciliation as stored
from fcb_pipelines.store import report_rows
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import Revision
from fcb_pipelines.store.report_rows import Counts, RowBefore


@dataclass(frozen=True, slots=True, kw_only=True)
class NextFlat:
    """The flat prices of a customer in one currency that fall due in the month after the report's."""

    amount: Money
    first_due: date | None
    unknown: int
    """Charges whose price cannot be told; they are in no sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a report says because of its revision alone."""

    service: Service
    period: Period
    revision: Revision
    rows: tuple[Row, ...]
    coverage: Coverage
    partners: Mapping[str, str]
    """Customer id → name, as the snapshot has it."""
    plans: Mapping[str, str]
    """Subscription id → name of its plan."""
    lines: tuple[ActualLine, ...]
    """Counting lines that were issued in the month, or are for it."""
    evidence: Mapping[str, tuple[Evidence, ...]]
    """Records of the snapshot by their reference."""
    next_flat: Mapping[tuple[str, str], NextFlat]
    """(customer, currency) → what falls due in the next month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that a report is made of."""

    base: Base
    settings_hash: str
    """Of the reviewed rules as they are now."""
    signed: tuple[Listed, ...]
    history: tuple[Judged, ...]
    """Every period that was reconciled, by period, and what stands against it."""
    revisions: tuple[Revision, ...]
    """Of the period, the newest first."""


def newest(conn: Connection, service: Service, period: str) -> Revision | None:
    """The revision that a report shows; None where the period was never reconciled."""
    latest = stored.latest_revisions(conn, service.code, period)
    return latest[0] if latest else None


def base(conn: Connection, work: PeriodWork, revision: Revision) -> Base:
    """What hangs on a revision alone, with the next bill under the reviewed rules of now."""
    records = load(conn, revision.snapshot_id, work.service)
    lines = issued(conn, revision.snapshot_id, work.service, work.taxes).lines
    plans = {plan.external_plan_id: plan.name for plan in records.plans}
    return Base(
        service=work.service,
        period=work.period,
        revision=revision,
        rows=stored.rows(conn, revision.revision_id),
        coverage=Coverage(**revision.coverage),
        partners={user.external_user_id: user.company or user.name for user in records.users},
        plans={one.external_subscription_id: plans.get(one.external_plan_id, "") for one in records.subscriptions},
        lines=tuple(line for line in lines if line.counts and _concerns(line, work)),
        evidence=_by_reference(records.evidence),
        next_flat=_next_flat(work, records),
    )


def material(conn: Connection, found: Base, *, settings_hash: str, now: datetime) -> Material:
    """What a report is made of, as it is now."""
    service, period = found.service, found.period.key
    return Material(
        base=found,
        settings_hash=settings_hash,
        signed=acceptances.listed(conn, service, now, period),
        history=judged(conn, service, settings_hash),
        revisions=report_rows.revisions(conn, service.code, period),
    )


def judged(conn: Connection, service: Service, settings_hash: str) -> tuple[Judged, ...]:
    """What stands against the newest revision of every period of a service, by period."""
    latest = stored.latest_revisions(conn, service.code)
    counts = report_rows.counts(conn, [one.revision_id for one in latest])
    return tuple(
        Judged(
            period=one.period,
            objections=objections(one, counts[one.revision_id], settings_hash, is_closed=was_closed(service, one)),
        )
        for one in latest
    )


def was_closed(service: Service, revision: Revision) -> bool:
    """Whether the period had closed when it was run."""
    return service.closes_at(service.period(revision.period)) <= revision.made_at


def objections(
    revision: Revision, counts: Counts, settings_hash: str, *, is_closed: bool = True
) -> tuple[clean.Objection, ...]:
    """What stands against a revision, under the rules and settings of now."""
    found = Standing(
        unexplained=counts.unexplained,
        no_successor=counts.no_successor,
        fix_model=counts.fix_model,
        is_covered=Coverage(**revision.coverage).is_complete,
        is_closed=is_closed,
        rule_version=revision.rule_version,
        settings_hash=revision.settings_hash,
    )
    return clean.objections(found, rule_version=RULE_VERSION, settings_hash=settings_hash)


def row_history(conn: Connection, found: Base, row_id: str) -> tuple[RowBefore, ...]:
    """A row as every revision had it, the newest first."""
    return report_rows.history(conn, found.service.code, found.period.key, row_id)


def _concerns(line: ActualLine, work: PeriodWork) -> bool:
    return line.period(work.service.zone).key == work.period.key or line.issued_at in work.period


def _by_reference(evidence: Iterable[Evidence]) -> dict[str, tuple[Evidence, ...]]:
    found: dict[str, list[Evidence]] = defaultdict(list)
    for record in evidence:
        found[record.reference].append(record)
    return {reference: tuple(records) for reference, records in found.items()}


def _next_flat(work: PeriodWork, records: SourceRecords) -> dict[tuple[str, str], NextFlat]:
    """The flat prices due in the month after, under our own terms: what the shadow orders would bill then."""
    next_month = work.period.next()
    known = directory(records, work.service)
    currencies = {plan.external_plan_id: plan.currency for plan in records.plans}
    due: dict[tuple[str, str], list[RatedLine | None]] = defaultdict(list)
    for one in records.subscriptions:
        place = (one.external_user_id, currencies.get(one.external_plan_id, work.service.currency))
        try:
            found = [line for line in rated_lines(known.terms(work, one), next_month, NOTHING_USED) if line.charge == FLAT]
        except InvalidInput:
            if one.is_alive_in(next_month):
                due[place].append(None)
        else:
            due[place] += [line for line in found if line.is_due]
    return {place: _summed(lines, place[1], work) for place, lines in due.items()}


def _summed(lines: Sequence[RatedLine | None], currency: str, work: PeriodWork) -> NextFlat:
    known = [line for line in lines if line is not None and line.exact is not None]
    amount = Money(ZERO, currency)
    for line in known:
        amount += rounded(line.exact or ZERO, currency)
    due = [line.due_at.astimezone(work.service.zone).date() for line in known]
    return NextFlat(amount=amount, first_due=min(due, default=None), unknown=len(lines) - len(known))
