"""Source invoices: what the source billed in a month beyond our model, carried into Odoo as drafts of their own.

Owns: the act `source_invoices`, and the equations that prove that nothing is carried twice or lost. Does not own: which lines
are carried (domain/source_drafts), how drafts are written and read back (`drafting`).
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from fcb_pipelines.acts.conservation import Equation
from fcb_pipelines.acts.draft_invoices import reading
from fcb_pipelines.acts.draft_references import drawn
from fcb_pipelines.acts.drafting import Drafting, require_switched_on, write
from fcb_pipelines.acts.imports import Report
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.money import ZERO, Money, decimal, total
from fcb_pipelines.domain.partners import User, supply_place
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.domain.source_drafts import Placed, exact_taxes, is_carried, represented, source_draft, source_draft_key
from fcb_pipelines.domain.tax import TaxUndecided, line_taxes
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.pace import Clock
from fcb_pipelines.odoo.read_back import tax_rounding
from fcb_pipelines.store import drafts as stored_drafts
from fcb_pipelines.store import invoices as stored
from fcb_pipelines.store import rating, stages
from fcb_pipelines.store.database import Connection

VARIABLE = "FCB_ODOO_SOURCE_INVOICES"
CONSERVED = "drafts of source invoices = lines carried"


def source_invoices(
    work: PeriodWork, odoo: Odoo, *, is_on: bool, dry_run: bool, report: Report, clock: Clock = time.monotonic
) -> Drafted:
    """Bring the drafts of what the source billed beyond our model up to date; one that is no longer a draft is only compared.

    Raises `RuleViolation` where writing is switched off, where either side of the month was never built, or if an import of the
    service runs.
    """
    require_switched_on(is_on=is_on, variable=VARIABLE, dry_run=dry_run)
    records, lines = _carried(work)
    users = {user.external_user_id: user for user in records.users}
    rounding, zone, period = tax_rounding(odoo), work.service.zone, work.period.key
    by_invoice: dict[str, list[Placed]] = defaultdict(list)
    for line in lines:
        by_invoice[source_draft_key(line.external_invoice_id, period)].append(_placed(work, line, users))
    drafts, reasons = drawn({key: partial(source_draft, each, period, rounding, zone) for key, each in by_invoice.items()})
    drafting = Drafting(
        work=work,
        reading=reading(work, odoo, records, clock),
        entity=Entity.SOURCE_INVOICE,
        part=Part.SOURCE_INVOICES,
        stage=stages.ODOO_SOURCE_INVOICES,
        snapshot_id=records.snapshot_id,
        drafts=drafts,
        failed=reasons,
    )
    return write(drafting, dry_run=dry_run, report=report)


def source_invoices_conserved(work: PeriodWork) -> tuple[Equation, ...]:
    """Whether the drafts of the last run come to the lines that are carried, to the cent, credit notes taken off.

    Gross amounts, because tax that no rate makes to the cent stands on a draft as a line. All other lines that count are those
    that our own charges stand for.
    """
    service, period = work.service.code, work.period.key
    with work.db.transaction() as conn:
        lines = _of_month(conn, work)
        last = {one.part: one.outcome["totals"] for one in stored_drafts.last(conn, service, period)}
    drafted = {code: decimal(amounts["gross"]) for code, amounts in last.get(Part.SOURCE_INVOICES, {}).items()}
    carried = {code: amount.amount for code, amount in _gross(lines).items()}
    return tuple(
        Equation(what=CONSERVED, currency=code, left=drafted.get(code, ZERO), right=carried.get(code, ZERO))
        for code in sorted({*drafted, *carried})
    )


def _carried(work: PeriodWork) -> tuple[SourceRecords, Sequence[ActualLine]]:
    """The month's lines that no charge of ours stands for, and the snapshot that they are of."""
    with work.db.transaction() as conn:
        origin = work.require(conn, stages.EXPECTED_INVOICES, stages.ACTUAL_INVOICES)
        return load(conn, origin.snapshot_id, work.service), _of_month(conn, work)


def _of_month(conn: Connection, work: PeriodWork) -> list[ActualLine]:
    service, period = work.service.code, work.period.key
    ours = represented(rating.expected(conn, service, period))
    return [line for line in stored.actual(conn, service, period) if is_carried(line, ours)]


def _placed(work: PeriodWork, line: ActualLine, users: Mapping[str, User]) -> Placed:
    """A line with the taxes that the table asks at the customer's place on its day of issue, where they make its tax."""
    place, _ = supply_place(users.get(line.external_user_id), work.service.place_of_supply)
    found = line_taxes([line.net], place, line.issued_at.astimezone(work.service.zone).date(), work.taxes)
    taxed = None if isinstance(found, TaxUndecided) else found[0]
    return Placed(line=line, place=place, taxes=exact_taxes(line, taxed))


def _gross(lines: Iterable[ActualLine]) -> dict[str, Money]:
    found: dict[str, list[Money]] = defaultdict(list)
    for line in lines:
        found[line.gross.currency].append(line.gross)
    return {code: total(each, code) for code, each in found.items()}
