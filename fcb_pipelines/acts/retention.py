"""Retention: usage events of old, closed months are dropped, and nothing that counting or refusing needs.

Owns: the acts `expired_months` and `drop_expired`, and when a month may go. Does not own: how a month is emptied
(store/retention).

After it the same event pushed again is a duplicate and other content a conflict, because identities stay for ever; usage reads
the same, because running totals stay; what cannot be done any more is to take an event of the month back, or to count it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import psycopg

from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.period import Period
from fcb_pipelines.services import Service
from fcb_pipelines.store import audit, closings
from fcb_pipelines.store import retention as stored
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.retention import Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredMonth:
    """A month that is older than its events are kept, and still has some."""

    period: str
    events: int
    size: int
    """In bytes, with indexes."""
    waits_for: tuple[Bill, ...]
    """The bills with usage of the month that are not closed: while there is one, the events stay."""

    @property
    def why_kept(self) -> str:
        """Why its events cannot go; empty where they can."""
        return f"its usage is on bills that are not closed: {', '.join(map(str, self.waits_for))}" if self.waits_for else ""


def last_expired(services: Iterable[Service], now: datetime, keep_months: int) -> str:
    """The key of the last month that ended so many whole months ago, in whichever zone that is latest."""
    return min(_before(service.open_period(now), keep_months + 1).key for service in services)


def expired_months(db: Database, last: str) -> tuple[ExpiredMonth, ...]:
    """The months up to `last` that still have events, in order."""
    with db.transaction() as conn:
        old = [month for month in stored.months(conn) if month <= last]
        return tuple(found for month in old if (found := _expired(conn, month)).events)


def drop_expired(db: Database, last: str, *, keep_months: int, by: str, now: datetime) -> tuple[ExpiredMonth, ...]:
    """Drop the events of every month up to `last` whose bills are all closed, each in a transaction; those that were dropped.

    It is in the audit log. Raises `RuleViolation` if somebody stores usage for so long that they would have to wait for us, as
    a snapshot does; months before that one are dropped.
    """
    done = []
    for month in expired_months(db, last):
        with db.transaction() as conn:
            try:
                dropped = _drop(conn, month.period, keep_months=keep_months, by=by, now=now)
            except psycopg.errors.LockNotAvailable as error:
                raise RuleViolation(_BUSY.format(month.period)) from error
        if dropped:
            done.append(dropped)
    return tuple(done)


_BUSY = "usage is being stored right now by something that takes long, such as a snapshot: {} stays for now, run again after it"


def _drop(conn: Connection, period: str, *, keep_months: int, by: str, now: datetime) -> ExpiredMonth | None:
    closings.wait_briefly(conn)
    # Nobody may take an event back, or close a bill, while the month goes: what they counted would lack it.
    services = sorted({bill.service for bill in stored.bills(conn, period)})
    for service in services:
        closings.hold(conn, service)
    stored.hold(conn, period)
    found = _expired(conn, period)
    if found.waits_for:
        return None
    events = stored.drop(conn, period, at=now, by=by)
    data = {"events": events, "kept_months": keep_months, "services": services}
    audit.append_audit(conn, AuditEntry(at=now, actor=by, act=Act.USAGE_DROPPED, service=None, subject=period, data=data))
    return found


def _expired(conn: Connection, period: str) -> ExpiredMonth:
    events, size = stored.count(conn, period), stored.size(conn, period)
    waits_for = stored.open_bills(conn, stored.bills(conn, period))
    return ExpiredMonth(period=period, events=events, size=size, waits_for=waits_for)


def _before(period: Period, months: int) -> Period:
    for _ in range(months):
        period = period.previous()
    return period
