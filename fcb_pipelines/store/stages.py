"""The stages of a period: what each was last built from.

Owns: table `period_stage`. A stage refuses inputs that were built from different snapshots or settings, so that a figure can
always be traced to one state of the source and one set of rules. A stage that is built from other inputs, or comes out
otherwise, makes void the stages that were made of it, and what was read back from Odoo of the drafts that follow from it:
usage that was metered and not rated yet must not pass for rated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.period import add_months, month_key
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.store import read_back
from fcb_pipelines.store.database import Connection

USAGE_TOTALS = "usage_totals"
RATED_LINES = "rated_lines"
EXPECTED_INVOICES = "expected_invoices"
ACTUAL_INVOICES = "actual_invoices"
RECONCILIATION = "reconciliation"
ODOO_DRAFT_INVOICES = "odoo_draft_invoices"
ODOO_SOURCE_INVOICES = "odoo_source_invoices"
ODOO_LIVE_INVOICES = "odoo_live_invoices"

_DRAFTS = (Part.DRAFT_INVOICES, Part.USAGE_LINES, Part.SOURCE_INVOICES, Part.LIVE_INVOICES)
_FOLLOWING = {
    USAGE_TOTALS: _DRAFTS,
    RATED_LINES: _DRAFTS,
    EXPECTED_INVOICES: _DRAFTS,
    ACTUAL_INVOICES: (Part.SOURCE_INVOICES,),
}
"""What in Odoo follows from a stage."""
_MADE_OF = {
    USAGE_TOTALS: (RATED_LINES, EXPECTED_INVOICES, RECONCILIATION),
    RATED_LINES: (EXPECTED_INVOICES, RECONCILIATION),
    EXPECTED_INVOICES: (RECONCILIATION,),
    ACTUAL_INVOICES: (RECONCILIATION,),
}
"""The stages that must be built again after a stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of one period as it stands."""

    service: str
    period: str
    stage: str
    snapshot_id: int
    settings_hash: str
    content_hash: str
    built_at: datetime

    @property
    def identity(self) -> tuple[object, ...]:
        """What it was built from and came to; the same however often it is built."""
        return self.stage, self.snapshot_id, self.settings_hash, self.content_hash


RECORD = """
    INSERT INTO period_stage (service, period, stage, snapshot_id, settings_hash, content_hash, built_at)
    VALUES (%(service)s, %(period)s, %(stage)s, %(snapshot_id)s, %(settings_hash)s, %(content_hash)s, %(built_at)s)
    ON CONFLICT (service, period, stage) DO UPDATE
       SET snapshot_id = excluded.snapshot_id, settings_hash = excluded.settings_hash,
           content_hash = excluded.content_hash, built_at = excluded.built_at
"""


VOID = "DELETE FROM period_stage WHERE service = %s AND period = %s AND stage = ANY(%s)"


def record(conn: Connection, stage: Stage) -> None:
    """Note what a stage was built from; the last build counts.

    Where it is another than before, the stages made of the one before are void, and so are its drafts.
    """
    before = find(conn, stage.service, stage.period, stage.stage)
    if before is None or before.identity != stage.identity:
        for part in _FOLLOWING.get(stage.stage, ()):
            read_back.forget(conn, stage.service, part, stage.period)
            if part is Part.LIVE_INVOICES:
                # Its usage is on the live invoices of the month after it.
                following = month_key(add_months(date.fromisoformat(f"{stage.period}-01"), 1))
                read_back.forget(conn, stage.service, part, following)
        conn.execute(VOID, [stage.service, stage.period, list(_MADE_OF.get(stage.stage, ()))])
    conn.execute(RECORD, {name: getattr(stage, name) for name in Stage.__dataclass_fields__})


READ = """
    SELECT service, period, stage, snapshot_id, settings_hash, content_hash, built_at
      FROM period_stage
     WHERE service = %(service)s AND period = %(period)s AND stage = ANY(%(stages)s)
"""


def find(conn: Connection, service: str, period: str, stage: str) -> Stage | None:
    """One stage of a period as it stands; None where it was never built."""
    found = standing(conn, service, period, [stage])
    return found[0] if found else None


def standing(conn: Connection, service: str, period: str, stages: Sequence[str]) -> tuple[Stage, ...]:
    """Those of these stages of a period that were built, as they stand, by name."""
    with conn.cursor(row_factory=class_row(Stage)) as cursor:
        found = cursor.execute(READ, {"service": service, "period": period, "stages": list(stages)})
        return tuple(sorted(found, key=lambda one: one.stage))


OF_SERVICE = """
    SELECT service, period, stage, snapshot_id, settings_hash, content_hash, built_at
      FROM period_stage WHERE service = %s AND stage = %s ORDER BY period
"""


def of_service(conn: Connection, service: str, stage: str) -> tuple[Stage, ...]:
    """One stage of every period of a service that has it, in order."""
    with conn.cursor(row_factory=class_row(Stage)) as cursor:
        return tuple(cursor.execute(OF_SERVICE, [service, stage]))


def require(conn: Connection, service: str, period: str, stages: Sequence[str], settings_hash: str) -> Stage:
    """The common origin of the stages that a next one builds on.

    Raises `RuleViolation` where one was never built or is void, or where they stem from different snapshots or other settings
    than now.
    """
    with conn.cursor(row_factory=class_row(Stage)) as cursor:
        found = cursor.execute(READ, {"service": service, "period": period, "stages": list(stages)}).fetchall()
    again = f"run the period again: fcb run --service {service} --period {period}"
    if missing := sorted(set(stages) - {stage.stage for stage in found}):
        since = "or not since what they are made of was built otherwise"
        raise RuleViolation(f"{', '.join(missing)} of {service} {period} were never built, {since}; {again}")
    if len({stage.snapshot_id for stage in found}) > 1:
        raise RuleViolation(f"{', '.join(stages)} of {service} {period} stem from different snapshots; {again}")
    if {stage.settings_hash for stage in found} != {settings_hash}:
        raise RuleViolation(f"settings changed since {', '.join(stages)} of {service} {period} were built; {again}")
    return found[0]
