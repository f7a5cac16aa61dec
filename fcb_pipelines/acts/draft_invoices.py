"""Draft invoices: what we would bill for a month, as one draft in Odoo per subscription.

Owns: the act `draft_invoices`: which charges make which draft. Does not own: the amounts (domain/expected), how a charge stands
on a line (domain/drafts), how drafts are written and read back (`drafting`).
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from fcb_pipelines.acts.draft_references import drawn
from fcb_pipelines.acts.drafting import Drafting, require_switched_on, write
from fcb_pipelines.acts.imports import Reading, Report
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.acts.usage_lines import left_on_orders
from fcb_pipelines.acts.usage_lines import write as write_usage_lines
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.drafts import Due, draft, draft_key
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.odoo import usage_lines
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.invoices import ledger
from fcb_pipelines.odoo.pace import Clock
from fcb_pipelines.store import rating as stored
from fcb_pipelines.store import stages

VARIABLE = "FCB_ODOO_DRAFT_INVOICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthDue:
    """What is due for a month, by subscription, and the snapshot that it was rated from."""

    records: SourceRecords
    due: tuple[Due, ...]


def draft_invoices(
    work: PeriodWork, odoo: Odoo, *, is_on: bool, dry_run: bool, report: Report, clock: Clock = time.monotonic
) -> Drafted:
    """Bring the month's draft invoices up to date from its expected lines; one that is no longer a draft is only compared.

    Raises `RuleViolation` where writing is switched off, where the month was not rated, or if an import of the service runs.
    """
    require_switched_on(is_on=is_on, variable=VARIABLE, dry_run=dry_run)
    month, edition = month_due(work), detect(odoo)
    is_invoiced_by_odoo = edition.has_subscriptions
    kept = usage_lines.kept(odoo) if is_invoiced_by_odoo else ledger(odoo).kept
    due = [_usage_of(one) for one in month.due] if is_invoiced_by_odoo else month.due
    draws = {
        draft_key(one.external_subscription_id, work.period.key): partial(draft, one, work.period.key, kept, work.service.zone)
        for one in due
    }
    drafts, reasons = drawn(draws)
    drafting = Drafting(
        work=work,
        reading=reading(work, odoo, month.records, clock),
        entity=Entity.USAGE_LINE if is_invoiced_by_odoo else Entity.INVOICE,
        part=Part.USAGE_LINES if is_invoiced_by_odoo else Part.DRAFT_INVOICES,
        beside=Part.DRAFT_INVOICES if is_invoiced_by_odoo else Part.USAGE_LINES,
        stage=stages.ODOO_DRAFT_INVOICES,
        snapshot_id=month.records.snapshot_id,
        drafts=drafts,
        failed=reasons,
    )
    if is_invoiced_by_odoo:
        return write_usage_lines(drafting, edition, dry_run=dry_run, report=report)
    return write(replace(drafting, left=left_on_orders(drafting, edition)), dry_run=dry_run, report=report)


def _usage_of(due: Due) -> Due:
    """What is due beside the flat price, which an order that runs as a subscription has as its own recurring line."""
    return replace(due, lines=tuple((line, rated) for line, rated in due.lines if line.charge != FLAT))


def reading(work: PeriodWork, odoo: Odoo, records: SourceRecords, clock: Clock) -> Reading:
    """What the drafts of a period are decided from, as of the snapshot that the period was rated from."""
    return Reading(db=work.db, odoo=odoo, service=work.service, records=records, taxes=work.taxes, now=work.now, clock=clock)


def month_due(work: PeriodWork) -> MonthDue:
    """The expected lines of a month, each with how it was rated, by subscription."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        origin = work.require(conn, stages.RATED_LINES, stages.EXPECTED_INVOICES)
        records = load(conn, origin.snapshot_id, work.service)
        rated = {line.line_key: line for line in stored.rated(conn, service, period)}
        expected = stored.expected(conn, service, period)
    return MonthDue(records=records, due=tuple(_due(records, rated, expected)))


def _due(records: SourceRecords, rated: dict[str, RatedLine], expected: Iterable[ExpectedLine]) -> Iterable[Due]:
    plan_of = {one.external_subscription_id: one.external_plan_id for one in records.subscriptions}
    names = {plan.external_plan_id: plan.name.strip() for plan in records.plans}
    lines: dict[str, list[ExpectedLine]] = defaultdict(list)
    for line in expected:
        lines[line.external_subscription_id].append(line)
    for subscription, each in lines.items():
        plan = plan_of.get(subscription)
        yield Due(
            external_subscription_id=subscription,
            external_plan_id=plan,
            plan_name=names.get(plan or "", "a plan that is not known"),
            lines=tuple((line, rated.get(line.line_key)) for line in sorted(each, key=lambda one: (one.due_at, one.line_key))),
        )
