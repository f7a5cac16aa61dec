"""Source invoices: what the source billed in a month beyond our model, carried into Odoo as drafts of their own.

Owns: the act `source_invoices`, and the equations that prove that nothing is carried twice or lost. Does not own: which lines
are carried (domain/carrying), how they become drafts (domain/source_drafts), how drafts are written and read back (`drafting`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from fcb_pipelines.acts.conservation import Equation
from fcb_pipelines.acts.draft_decisions import Drafting
from fcb_pipelines.acts.draft_invoices import reading
from fcb_pipelines.acts.draft_references import drawn
from fcb_pipelines.acts.drafting import require_switched_on, write
from fcb_pipelines.acts.imports import Report
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import SourceRecords, load
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.carrying import Judged, Ours, Standing, is_billed, judged
from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.expected import ExpectedLine, expected_line, unrated_line
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.money import ZERO, Money, amount_text, decimal, total
from fcb_pipelines.domain.partners import User, supply_place
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.domain.source_drafts import Placed, exact_taxes, source_draft, source_draft_key
from fcb_pipelines.domain.tax import TaxUndecided, line_taxes
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.lanes import ONE_LANE, Lanes
from fcb_pipelines.odoo.read_back import tax_rounding
from fcb_pipelines.store import drafts as stored_drafts
from fcb_pipelines.store import invoices as stored
from fcb_pipelines.store import rating, stages
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.stages import Stage

VARIABLE = "FCB_ODOO_SOURCE_INVOICES"
NOT_RATED = "nobody rated the month yet"


def source_invoices(
    work: PeriodWork, odoo: Odoo, *, is_on: bool, dry_run: bool, report: Report, lanes: Lanes = ONE_LANE
) -> Drafted:
    """Bring the drafts of what the source billed beyond our model up to date; one that is no longer a draft is only compared.

    A line that a draft of ours may bill too is held back: it is on no draft, and named with its reason among what failed.
    Raises `RuleViolation` where writing is switched off, where either side of the month was never built, or if an import of the
    service runs.
    """
    require_switched_on(is_on=is_on, variable=VARIABLE, dry_run=dry_run)
    month = _judged(work)
    users = {user.external_user_id: user for user in month.records.users}
    rounding, zone, period = tax_rounding(odoo), work.service.zone, work.period.key
    by_invoice: dict[str, list[Placed]] = defaultdict(list)
    for line in _lines(month.lines, Standing.CARRIED):
        by_invoice[source_draft_key(line.external_invoice_id, period)].append(_placed(work, line, users))
    drafts, reasons = drawn({key: partial(source_draft, each, period, rounding, zone) for key, each in by_invoice.items()})
    drafting = Drafting(
        work=work,
        reading=reading(work, odoo, month.records, lanes),
        entity=Entity.SOURCE_INVOICE,
        part=Part.SOURCE_INVOICES,
        stage=stages.ODOO_SOURCE_INVOICES,
        snapshot_id=month.records.snapshot_id,
        stood=month.stood,
        drafts=drafts,
        failed={**reasons, **_held_back(month.lines, period)},
    )
    return write(drafting, dry_run=dry_run, report=report)


def source_invoices_conserved(work: PeriodWork) -> tuple[Equation, ...]:
    """Whether all that was billed for the month is in one of three places, to the cent, credit notes taken off.

    A line is stood for by a charge of ours, on a draft of the last run, or held back until somebody decides it. Gross amounts,
    because tax that no rate makes to the cent stands on a draft as a line.
    """
    found = _judged(work).lines
    with work.db.transaction() as conn:
        last = {one.part: one.outcome["totals"] for one in stored_drafts.last(conn, work.service.code, work.period.key)}
    drafted = {code: decimal(amounts["gross"]) for code, amounts in last.get(Part.SOURCE_INVOICES, {}).items()}
    billed = _gross(one.line for one in found)
    represented, held_back = (_gross(_lines(found, each)) for each in (Standing.REPRESENTED, Standing.HELD_BACK))
    return tuple(
        _equation(code, billed, represented=represented, drafted=drafted, held_back=held_back)
        for code in sorted({*drafted, *billed})
    )


def _equation(code: str, billed: Mapping[str, Decimal], **places: Mapping[str, Decimal]) -> Equation:
    """What was billed against the sum of the places where it is, each named with its amount."""
    amounts = {name.replace("_", " "): one.get(code, ZERO) for name, one in places.items()}
    what = " + ".join(f"{name} {amount_text(each, code)}" for name, each in amounts.items())
    return Equation(
        what=f"lines billed = {what}",
        currency=code,
        left=billed.get(code, ZERO),
        right=total((Money(each, code) for each in amounts.values()), code).amount,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Month:
    """The month's billed lines, each with where its money is, and what they were judged from."""

    records: SourceRecords
    stood: tuple[Stage, ...]
    lines: tuple[Judged, ...]


def _judged(work: PeriodWork) -> _Month:
    service, period = work.service.code, work.period
    with work.db.transaction() as conn:
        # Read first: the lines are of these stages, or the drafting notices that they were built anew.
        stood = (
            *stages.standing(conn, service, period.key, [stages.EXPECTED_INVOICES, stages.ACTUAL_INVOICES]),
            *(
                one
                for month in _neighbours(period)
                for one in stages.standing(conn, service, month.key, [stages.EXPECTED_INVOICES])
            ),
        )
        origin = work.require(conn, stages.EXPECTED_INVOICES, stages.ACTUAL_INVOICES)
        records = load(conn, origin.snapshot_id, work.service)
        ours = Ours(period, _charges(conn, work, records))
        lines = tuple(judged(line, ours) for line in stored.actual(conn, service, period.key) if is_billed(line))
    return _Month(records=records, stood=stood, lines=lines)


def _neighbours(period: Period) -> tuple[Period, Period]:
    return period.previous(), period.next()


def _charges(conn: Connection, work: PeriodWork, records: SourceRecords) -> Iterator[ExpectedLine]:
    """The charges of the month, those that reach into it, and its neighbours' where those months are in scope."""
    service, period = work.service.code, work.period
    yield from rating.expected(conn, service, period.key)
    yield from rating.expected_reaching(conn, service, period)
    for month in _neighbours(period):
        if stages.find(conn, service, month.key, stages.EXPECTED_INVOICES) is not None:
            yield from rating.expected(conn, service, month.key)
        elif month.key >= work.service.first_period:
            yield from _unknown(work, month, records)


def _unknown(work: PeriodWork, month: Period, records: SourceRecords) -> Iterator[ExpectedLine]:
    """What stands for a month that was not rated yet: a charge without an amount of each subscription that lives in it."""
    for one in records.subscriptions:
        if one.is_alive_in(month):
            yield expected_line(
                unrated_line(one.external_subscription_id, month, work.service.currency, NOT_RATED),
                one.external_user_id,
                None,
                default_place=None,
                on=month.start.date(),
                taxes=work.taxes,
                rounding=work.service.conventions.tax_rounding,
            )


def _lines(found: Iterable[Judged], standing: Standing) -> list[ActualLine]:
    return [one.line for one in found if one.standing is standing]


def _held_back(found: Iterable[Judged], period: str) -> dict[str, str]:
    """Why lines are held back, each by a key of its own: the other lines of its invoice are carried all the same."""
    return {source_draft_key(one.line.line_key, period): one.reason for one in found if one.standing is Standing.HELD_BACK}


def _placed(work: PeriodWork, line: ActualLine, users: Mapping[str, User]) -> Placed:
    """A line with the taxes that the table asks at the customer's place on its day of issue, where they make its tax."""
    place, _ = supply_place(users.get(line.external_user_id), work.service.place_of_supply)
    found = line_taxes([line.net], place, line.issued_at.astimezone(work.service.zone).date(), work.taxes)
    taxed = None if isinstance(found, TaxUndecided) else found[0]
    return Placed(line=line, place=place, taxes=exact_taxes(line, taxed))


def _gross(lines: Iterable[ActualLine]) -> dict[str, Decimal]:
    found: dict[str, list[Money]] = defaultdict(list)
    for line in lines:
        found[line.gross.currency].append(line.gross)
    return {code: total(each, code).amount for code, each in found.items()}
