"""The stages of a period: what each was last built from.

Owns: table `period_stage`. A stage refuses inputs that were built from different snapshots or settings, so that a figure can
always be traced to one state of the source and one set of rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.store.database import Connection

USAGE_TOTALS = "usage_totals"
RATED_LINES = "rated_lines"
EXPECTED_INVOICES = "expected_invoices"
ACTUAL_INVOICES = "actual_invoices"
ODOO_DRAFT_INVOICES = "odoo_draft_invoices"
ODOO_SOURCE_INVOICES = "odoo_source_invoices"


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


RECORD = """
    INSERT INTO period_stage (service, period, stage, snapshot_id, settings_hash, content_hash, built_at)
    VALUES (%(service)s, %(period)s, %(stage)s, %(snapshot_id)s, %(settings_hash)s, %(content_hash)s, %(built_at)s)
    ON CONFLICT (service, period, stage) DO UPDATE
       SET snapshot_id = excluded.snapshot_id, settings_hash = excluded.settings_hash,
           content_hash = excluded.content_hash, built_at = excluded.built_at
"""


def record(conn: Connection, stage: Stage) -> None:
    """Note what a stage was built from; the last build counts."""
    conn.execute(RECORD, {name: getattr(stage, name) for name in Stage.__dataclass_fields__})


READ = """
    SELECT service, period, stage, snapshot_id, settings_hash, content_hash, built_at
      FROM period_stage
     WHERE service = %(service)s AND period = %(period)s AND stage = ANY(%(stages)s)
"""


def find(conn: Connection, service: str, period: str, stage: str) -> Stage | None:
    """One stage of a period as it stands; None where it was never built."""
    with conn.cursor(row_factory=class_row(Stage)) as cursor:
        return cursor.execute(READ, {"service": service, "period": period, "stages": [stage]}).fetchone()


def require(conn: Connection, service: str, period: str, stages: Sequence[str], settings_hash: str) -> Stage:
    """The common origin of the stages that a next one builds on.

    Raises `RuleViolation` where one was never built, or where they stem from different snapshots or other settings than now.
    """
    with conn.cursor(row_factory=class_row(Stage)) as cursor:
        found = cursor.execute(READ, {"service": service, "period": period, "stages": list(stages)}).fetchall()
    again = f"run the period again: fcb run --service {service} --period {period}"
    if missing := sorted(set(stages) - {stage.stage for stage in found}):
        raise RuleViolation(f"{', '.join(missing)} of {service} {period} were never built; {again}")
    if len({stage.snapshot_id for stage in found}) > 1:
        raise RuleViolation(f"{', '.join(stages)} of {service} {period} stem from different snapshots; {again}")
    if {stage.settings_hash for stage in found} != {settings_hash}:
        raise RuleViolation(f"settings changed since {', '.join(stages)} of {service} {period} were built; {again}")
    return found[0]
