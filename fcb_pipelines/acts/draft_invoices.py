"""Draft invoices: what we would bill for a month, as one draft in Odoo per subscription.

Owns: the act `draft_invoices`: which charges make which draft. Does not own: the amounts (domain/expected), how a charge stands
on a line (domain/drafts), how drafts are written and read back (`drafting`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from fcb_pipelines.acts.conservation import Equation
from fcb_pipelines.acts.draft_decisions import Drafting
from fcb_pipelines.acts.draft_references import drawn
from fcb_pipelines.acts.drafting import require_switched_on, write
from fcb_pipelines.acts.imports import Reading, Report
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.acts.usage_lines import left_on_orders
from fcb_pipelines.acts.usage_lines import write as write_usage_lines
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.drafts import Due, draft, draft_key
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import ZERO, decimal
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.odoo import usage_lines
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.invoices import ledger
from fcb_pipelines.odoo.lanes import ONE_LANE, Lanes
from fcb_pipelines.store import drafts as stored_drafts
from fcb_pipelines.store import rating as stored
from fcb_pipelines.store import stages
from fcb_pipelines.store.stages import Stage

VARIABLE = "FCB_ODOO_DRAFT_INVOICES"
COMPLETE = "draft invoices in Odoo = charges that are due"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthDue:
    """What is due for a month, by subscription, and the snapshot that it was rated from."""

    records: SourceRecords
    stood: tuple[Stage, ...]
    """The stages that it was read from."""
    due: tuple[Due, ...]


def draft_invoices(
    work: PeriodWork, odoo: Odoo, *, is_on: bool, dry_run: bool, report: Report, lanes: Lanes = ONE_LANE
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
        draft_key(one.external_subscription_id, work.period.key): partial(
            draft, one, work.period.key, kept, work.service.zone, is_invoice=not is_invoiced_by_odoo
        )
        for one in due
    }
    drafts, reasons = drawn(draws)
    drafting = Drafting(
        work=work,
        reading=reading(work, odoo, month.records, lanes),
        entity=Entity.USAGE_LINE if is_invoiced_by_odoo else Entity.INVOICE,
        part=Part.USAGE_LINES if is_invoiced_by_odoo else Part.DRAFT_INVOICES,
        beside=Part.DRAFT_INVOICES if is_invoiced_by_odoo else Part.USAGE_LINES,
        stage=stages.ODOO_DRAFT_INVOICES,
        snapshot_id=month.records.snapshot_id,
        stood=month.stood,
        drafts=drafts,
        failed=reasons,
    )
    if is_invoiced_by_odoo:
        return write_usage_lines(drafting, edition, dry_run=dry_run, report=report)
    return write(replace(drafting, left=left_on_orders(drafting, edition)), dry_run=dry_run, report=report)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Whether all that is due for a month is in Odoo."""

    equations: tuple[Equation, ...]
    missing: Mapping[str, str]
    """Why a draft could not be made, by its key."""


def draft_invoices_complete(work: PeriodWork) -> Completeness:
    """Whether what the last drafting left in Odoo comes to all that is due for the month, to the cent.

    Gross; where Odoo itself invoices, without the flat price, which is not drafted. Raises `RuleViolation` where the month was
    never rated, or never drafted.
    """
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.require(conn, stages.EXPECTED_INVOICES)
        expected = stored.expected(conn, service, period)
        last = [one for one in stored_drafts.last(conn, service, period) if one.part is not Part.SOURCE_INVOICES]
    if not last:
        raise RuleViolation(f"{service} {period} was never drafted: fcb invoices --service {service} --period {period}")
    done = max(last, key=lambda one: one.drafted_at)
    is_usage = done.part is Part.USAGE_LINES
    due = _sums(line for line in expected if line.is_due and not (is_usage and line.charge == FLAT))
    drafted = {code: decimal(amounts["gross"]) for code, amounts in done.outcome["totals"].items()}
    return Completeness(
        equations=tuple(
            Equation(what=COMPLETE, currency=code, left=drafted.get(code, ZERO), right=due.get(code, ZERO))
            for code in sorted({*drafted, *due})
        ),
        missing={one["id"]: one["reason"] for one in done.outcome["issues"]},
    )


def _sums(lines: Iterable[ExpectedLine]) -> dict[str, Decimal]:
    """Gross by currency of the lines whose amount is known; a draft with one that is not known could not be made."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.gross is not None:
            sums[line.currency] += line.gross.amount
    return sums


def _usage_of(due: Due) -> Due:
    """What is due beside the flat price, which an order that runs as a subscription has as its own recurring line."""
    return replace(due, lines=tuple((line, rated) for line, rated in due.lines if line.charge != FLAT))


def reading(work: PeriodWork, odoo: Odoo, records: SourceRecords, lanes: Lanes) -> Reading:
    """What the drafts of a period are decided from, as of the snapshot that the period was rated from."""
    return Reading(db=work.db, odoo=odoo, service=work.service, records=records, taxes=work.taxes, now=work.now, lanes=lanes)


def month_due(work: PeriodWork) -> MonthDue:
    """The expected lines of a month, each with how it was rated, by subscription."""
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        # Read first: what is due is of these stages, or the drafting notices that they were built anew.
        stood = stages.standing(conn, service, period, [stages.RATED_LINES, stages.EXPECTED_INVOICES])
        origin = work.require(conn, stages.RATED_LINES, stages.EXPECTED_INVOICES)
        records = load(conn, origin.snapshot_id, work.service)
        rated = {line.line_key: line for line in stored.rated(conn, service, period)}
        expected = stored.expected(conn, service, period)
    return MonthDue(records=records, stood=stood, due=tuple(_due(records, rated, expected)))


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
