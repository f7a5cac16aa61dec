"""Guards: both systems compared after a flip, every day, and an alarm for each thing billed twice or by nobody.

Owns: the act `guard`. Does not own: what is compared (`guard_facts`, `guard_odoo`), the rules (domain/guards), `alarms`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from fcb_pipelines.acts.alarms import Settled, settle
from fcb_pipelines.acts.guard_facts import facts, watched
from fcb_pipelines.acts.guard_odoo import in_odoo
from fcb_pipelines.domain.alarms import Alarm
from fcb_pipelines.domain.guards import Finding, Kind, findings
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.services import Service
from fcb_pipelines.store import alarms as stored
from fcb_pipelines.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What a look at both systems found, and which alarms there are now."""

    watched: int
    """Subscriptions."""
    source_seen_at: datetime | None
    """The time of the snapshot; None where nobody is watched."""
    is_source_stale: bool
    """Whether that is longer ago than `flip.snapshot_hours`: what the source billed since is not known."""
    findings: tuple[Finding, ...]
    alarms: Settled

    @property
    def is_quiet(self) -> bool:
        """Whether no alarm is open and both systems could be looked at as they are."""
        return not self.alarms.open and not self.is_source_stale


def guard(db: Database, odoo: Odoo, service: Service, now: datetime) -> Guarded:
    """Compare both systems, raise what is new, clear what is no longer so; only of who is watched.

    Raises `RuleViolation` where somebody is live and no snapshot was ever taken, and what the port to Odoo raises: then nothing
    is raised or cleared.
    """
    with db.transaction() as conn:
        told = watched(conn, service, now)
        if told is None:
            there = Settled(raised=(), cleared=(), open=stored.open_alarms(conn, service.code))
            return Guarded(watched=0, source_seen_at=None, is_source_stale=False, findings=(), alarms=there)
    seen = in_odoo(odoo, service, watched=told.live.keys(), due=told.due, invoices=told.invoices, orders=told.orders)
    compared = facts(service, told, seen, now)
    found = findings(compared)
    lines = {line.line_key for line in compared.source}
    with db.transaction() as conn:
        settled = settle(conn, service.code, found, now, looked_at=lambda one: _is_looked_at(one, told.live.keys(), lines))
    return Guarded(
        watched=len(told.live),
        source_seen_at=told.as_of,
        is_source_stale=now - told.as_of > timedelta(hours=service.flip.snapshot_hours),
        findings=found,
        alarms=settled,
    )


def _is_looked_at(one: Alarm, live: Collection[str], lines: Collection[str]) -> bool:
    """Whether this look could tell that it is no longer so."""
    return one.subject in lines if one.kind is Kind.CARRIED_TWICE else one.subject.partition("/")[0] in live
