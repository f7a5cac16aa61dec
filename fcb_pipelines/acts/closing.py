"""Closing a period, so that usage told later is on the bill of a later one; and what came since a period was metered.

Owns: the act `close_period`, when it may be done, and which open periods must be metered again. Does not own: on which bill
late usage is (domain/closing), how it is rated (acts/rating).
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from fcb_pipelines.acts.feeds import compare_bill
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.usage import usage_hash
from fcb_pipelines.acts.usage_conservation import conservation_now
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.period import Period, periods
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit, billed_usage, closings, late_usage, snapshots, stages
from fcb_pipelines.store import usage as stored_usage
from fcb_pipelines.store.closings import Closing
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.stages import Stage

BUILT = (stages.USAGE_TOTALS, stages.RATED_LINES, stages.EXPECTED_INVOICES, stages.ACTUAL_INVOICES)
"""The stages that a period must have before it is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An open period whose usage is another than it was metered with."""

    period: str
    usage_hash: str
    """Of the usage as it is now: the same as long as nothing more comes."""
    metered_at: datetime
    """When it was metered otherwise."""


def close_period(work: PeriodWork, *, closed_by: str) -> Closing:
    """Close a period for good: its bill is made of the usage that it was metered with, and of nothing that comes later.

    Closing sends nothing and posts nothing. It is in the audit log. A closed period can be rated and reconciled again, under
    new terms too: each time is a revision that says what changed.

    Raises `RuleViolation` where the period may still get usage or invoices by its rules, an earlier one is open, it was not
    reconciled from a snapshot of the time after it under today's settings, usage came since, or units were lost; and where
    pushed usage is billed and the source tells something else.
    """
    service, key = work.service.code, work.period.key
    with work.db.transaction() as conn:
        _require_next(conn, work)
        _require_unchanged(conn, work, _require_reconciled(conn, work))
    # These may take long, and whoever pushes would wait for them in the transaction; what they push meanwhile is noticed there.
    _require_agreeing_feeds(work)
    _require_conserved(work)
    with work.db.transaction() as conn:
        work.lock(conn)
        _hold(conn, service, key)
        _require_next(conn, work)
        metered = _require_reconciled(conn, work)
        _require_unchanged(conn, work, metered)
        closing = Closing(
            service=service,
            period=key,
            closed_at=work.now,
            closed_by=closed_by,
            snapshot_id=metered.snapshot_id,
            usage_hash=metered.content_hash,
            billed_feed=work.service.billed_feed,
        )
        closings.close(conn, closing)
        billed_usage.keep(conn, service, key)
        data = {"snapshot": closing.snapshot_id, "usage_hash": closing.usage_hash, "billed_feed": closing.billed_feed}
        entry = AuditEntry(at=work.now, actor=closed_by, act=Act.PERIOD_CLOSED, service=service, subject=key, data=data)
        audit.append_audit(conn, entry)
    return closing


def usage_changes(db: Database, service: Service) -> tuple[Changed, ...]:
    """The open periods that were metered and whose usage changed since, in order."""
    with db.transaction() as conn:
        closed = closings.closings(conn, service.code)
        metered = stages.of_service(conn, service.code, stages.USAGE_TOTALS)
        now = ((one, _usage_now(conn, service, one.period)) for one in metered if one.period not in closed)
        return tuple(
            Changed(period=one.period, usage_hash=found, metered_at=one.built_at)
            for one, found in now
            if found != one.content_hash
        )


def _require_agreeing_feeds(work: PeriodWork) -> None:
    """Where pushed usage is billed, the source must not tell something else, of the months before neither."""
    service, key = work.service, work.period.key
    if service.billed_feed == PULLED:
        return
    found = compare_bill(work.db, service, work.period)
    if found.must_agree and not found.agrees:
        see = f"fcb feeds --service {service.code} --period {found.differs_in}"
        raise RuleViolation(f"{service.code} {key} is billed by what was pushed, and {found.sentence}: see  {see}")


def _require_next(conn: Connection, work: PeriodWork) -> None:
    """The period must be over, and the first that is open."""
    service, key = work.service, work.period.key
    closed = closings.closings(conn, service.code)
    if key in closed:
        by, at = closed[key].closed_by, closed[key].closed_at.astimezone(service.zone)
        raise RuleViolation(f"{service.code} {key} was closed by {by} at {at.isoformat(timespec='seconds')} already")
    if work.now < work.closes_at:
        when = work.closes_at.astimezone(service.zone).isoformat(timespec="minutes")
        raise RuleViolation(f"{service.code} {key} cannot be closed before {when}: until then its usage and invoices may come")
    first = Period(service.first_period, service.zone)
    earlier = [one.key for one in periods(first, work.period) if one.key not in closed and one.key != key]
    if earlier:
        which = "is still open: close it first" if len(earlier) == 1 else "are still open: close them first, in their order"
        raise RuleViolation(f"{', '.join(earlier)} of {service.code} {which}")


def _require_reconciled(conn: Connection, work: PeriodWork) -> Stage:
    """It must be reconciled from stages that agree and stand, and from a snapshot that had all that the period can have."""
    service, key = work.service.code, work.period.key
    again = f"fcb run --service {service} --period {key} --refresh"
    origin = work.require(conn, *BUILT)
    reconciled = stages.find(conn, service, key, stages.RECONCILIATION)
    if reconciled is None or (reconciled.snapshot_id, reconciled.settings_hash) != (origin.snapshot_id, work.settings_hash):
        raise RuleViolation(f"{service} {key} was not reconciled since it was rated: run  {again}")
    header = snapshots.snapshot(conn, service, origin.snapshot_id)
    if header is None or header.taken_at < work.closes_at:
        raise RuleViolation(f"{service} {key} was rated from a snapshot of the time before it could be closed: run  {again}")
    found = stages.find(conn, service, key, stages.USAGE_TOTALS)
    assert found is not None  # noqa: S101 - required above
    return found


def _require_unchanged(conn: Connection, work: PeriodWork, metered: Stage) -> None:
    """What it was metered with must be what is stored now."""
    service, key = work.service, work.period.key
    if _usage_now(conn, service, key) != metered.content_hash:
        raise RuleViolation(
            f"usage of {service.code} {key} came since it was metered: run  fcb run --service {service.code} --period {key}"
        )


def _require_conserved(work: PeriodWork) -> None:
    """What is stored must be what was told."""
    if not conservation_now(work).is_conserved:
        raise RuleViolation(
            f"units of {work.service.code} {work.period.key} were lost or doubled: look at its check usage_conserved, nothing "
            "is closed before"
        )


def _hold(conn: Connection, service: str, key: str) -> None:
    """Let nobody store usage until it is closed, without making them wait behind us for somebody who takes long."""
    try:
        closings.hold_soon(conn, service)
    except psycopg.errors.LockNotAvailable as error:
        raise RuleViolation(
            f"usage of {service} is being stored right now by something that takes long, such as a snapshot: {key} stays open "
            "for now, close it after that"
        ) from error


def _usage_now(conn: Connection, service: Service, key: str) -> str:
    period, feed = Period(key, service.zone), service.billed_feed
    totals = stored_usage.standing_totals(conn, service.code, period, feed)
    return usage_hash(totals, late_usage.told(conn, service.code, period))
