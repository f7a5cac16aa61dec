"""What objects to posting a month's live invoices, read from our store right before.

Owns: the act `posting_objections_now`. Does not own: the rule (domain/live_months), posting (`live_invoices`).
"""

from collections.abc import Iterable
from dataclasses import replace

from fcb_pipelines.acts.conservation import Equation
from fcb_pipelines.acts.draft_invoices import sums
from fcb_pipelines.acts.live_due import live_due
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.read_back import objections
from fcb_pipelines.acts.stop import stopped
from fcb_pipelines.acts.usage_conservation import usage_conservation
from fcb_pipelines.domain.drafts import Due
from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.guards import STOPS_POSTING
from fcb_pipelines.domain.live_months import PostingFacts, Sum, posting_objections
from fcb_pipelines.domain.money import ZERO, decimal
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.store import alarms, closings, stages
from fcb_pipelines.store import drafts as stored_drafts
from fcb_pipelines.store.audit import still
from fcb_pipelines.store.database import Connection

COMPLETE = "live invoices in Odoo = charges that fall due"


def posting_objections_now(work: PeriodWork, *, is_on: bool) -> tuple[Objection, ...]:
    """Everything that objects to posting the live invoices of a month as it is now; empty is the permission.

    Raises `RuleViolation` where the month or the one before it was not rated.
    """
    with work.db.transaction() as conn:
        still(conn)
        return posting_objections(_facts(conn, work, is_on=is_on))


def live_invoices_complete(work: PeriodWork) -> tuple[Equation, ...]:
    """Whether what the last drafting left in Odoo comes to all that falls due in the month, gross, to the cent."""
    with work.db.transaction() as conn:
        due = live_due(conn, work).due
        return tuple(
            Equation(what=COMPLETE, currency=one.currency, left=one.drafted, right=one.due) for one in _sums(conn, work, due)
        )


def _facts(conn: Connection, work: PeriodWork, *, is_on: bool) -> PostingFacts:
    code, month = work.service.code, work.period.key
    before = work.period.previous()
    has_usage = before.key >= work.service.first_period
    due = live_due(conn, work).due
    return PostingFacts(
        service=code,
        month=month,
        is_on=is_on,
        is_stopped=stopped(conn, code) is not None,
        usage_month=before.key,
        is_closed=not has_usage or closings.is_closed(conn, code, before.key),
        is_conserved=not has_usage or _is_conserved(conn, replace(work, period=before)),
        read_back=objections(conn, code, Part.LIVE_INVOICES, month),
        sums=_sums(conn, work, due),
        alarms=[str(one) for one in alarms.open_alarms(conn, code) if one.kind in STOPS_POSTING],
    )


def _is_conserved(conn: Connection, work: PeriodWork) -> bool:
    """Whether all usage of a month is in it once; a month without totals was never metered."""
    code, key = work.service.code, work.period.key
    if stages.find(conn, code, key, stages.USAGE_TOTALS) is None:
        return False
    return usage_conservation(conn, work.service, work.period).is_conserved


def _sums(conn: Connection, work: PeriodWork, due: Iterable[Due]) -> tuple[Sum, ...]:
    code, month = work.service.code, work.period.key
    wanted = sums(line for one in due for line, _ in one.lines if line.is_due)
    last = [one for one in stored_drafts.last(conn, code, month) if one.part is Part.LIVE_INVOICES]
    drafted = {currency: decimal(each["gross"]) for one in last for currency, each in one.outcome["totals"].items()}
    return tuple(
        Sum(currency=each, due=wanted.get(each, ZERO), drafted=drafted.get(each, ZERO)) for each in sorted({*wanted, *drafted})
    )
