"""Draft invoices: what we would bill for a month, as one draft in Odoo per subscription.

Owns: the act `draft_invoices`: which charges make which draft. Does not own: the amounts (domain/expected), how a charge stands
on a line (domain/drafts), how drafts are written and read back (`drafting`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from fcb_pipelines.acts.conservation import Equation
from fcb_pipelines.acts.draft_decisions import Drafting
from fcb_pipelines.acts.drafting import require_switched_on, write
from fcb_pipelines.acts.due import drafts_of, month_due
from fcb_pipelines.acts.imports import Reading, Report
from fcb_pipelines.acts.live_due import claimed, places_of
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.acts.usage_lines import left_on_orders
from fcb_pipelines.acts.usage_lines import write as write_usage_lines
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.expected import ExpectedLine
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.live_months import only
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

VARIABLE = "FCB_ODOO_DRAFT_INVOICES"
COMPLETE = "draft invoices in Odoo = charges that are due"


def draft_invoices(
    work: PeriodWork, odoo: Odoo, *, is_on: bool, dry_run: bool, report: Report, lanes: Lanes = ONE_LANE
) -> Drafted:
    """Bring the month's draft invoices up to date from its expected lines; one that is no longer a draft is only compared.

    Raises `RuleViolation` where writing is switched off, where the month was not rated, or if an import of the service runs.
    """
    require_switched_on(is_on=is_on, variable=VARIABLE, dry_run=dry_run)
    month, edition = month_due(work), detect(odoo)
    is_invoiced_by_odoo = edition.has_subscriptions
    with work.db.transaction() as conn:
        places = places_of(conn, work)
    due = only(month.due, places.on_order if is_invoiced_by_odoo else places.on_shadow_draft)
    # Only orders of live subscriptions are invoiced by Odoo for real; a draft beside them bills nothing.
    refused = claimed(work, due, dry_run=dry_run) if is_invoiced_by_odoo else {}
    kept = usage_lines.kept(odoo) if is_invoiced_by_odoo else ledger(odoo).kept
    drafts, reasons = drafts_of(work, due, kept, refused, is_invoice=not is_invoiced_by_odoo)
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

    Gross; without what Odoo bills for real, which is on live invoices, and where Odoo itself invoices without the flat price,
    which is not drafted. Raises `RuleViolation` where the month was never rated, or never drafted.
    """
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        work.require(conn, stages.EXPECTED_INVOICES)
        expected = stored.expected(conn, service, period)
        last = [one for one in stored_drafts.last(conn, service, period) if one.part in stored_drafts.EITHER]
        places = places_of(conn, work)
    if not last:
        raise RuleViolation(f"{service} {period} was never drafted: fcb invoices --service {service} --period {period}")
    done = max(last, key=lambda one: one.drafted_at)
    stands = places.on_order if done.part is Part.USAGE_LINES else places.on_shadow_draft
    due = sums(line for line in expected if line.is_due and stands(line))
    drafted = {code: decimal(amounts["gross"]) for code, amounts in done.outcome["totals"].items()}
    return Completeness(
        equations=tuple(
            Equation(what=COMPLETE, currency=code, left=drafted.get(code, ZERO), right=due.get(code, ZERO))
            for code in sorted({*drafted, *due})
        ),
        missing={one["id"]: one["reason"] for one in done.outcome["issues"]},
    )


def sums(lines: Iterable[ExpectedLine]) -> dict[str, Decimal]:
    """Gross by currency of the lines whose amount is known; a draft with one that is not known could not be made."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.gross is not None:
            sums[line.currency] += line.gross.amount
    return sums


def reading(work: PeriodWork, odoo: Odoo, records: SourceRecords, lanes: Lanes) -> Reading:
    """What the drafts of a period are decided from, as of the snapshot that the period was rated from."""
    return Reading(db=work.db, odoo=odoo, service=work.service, records=records, taxes=work.taxes, now=work.now, lanes=lanes)
