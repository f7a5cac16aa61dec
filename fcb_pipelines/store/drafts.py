"""What the last drafting of each period and kind did.

Owns: table `odoo_drafted`; the caller owns the transaction. A drafting takes the place of the one before it, also of one that
billed the same month the other way. Does not own: the drafts themselves, which are in Odoo, or where they are there (imports).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from fcb_pipelines.domain.drafted import Drafted
from fcb_pipelines.domain.read_back import Part
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDrafted:
    """One drafting, in the form of `Drafted.as_json`."""

    part: Part
    period: str
    snapshot_id: int
    drafted_at: datetime
    outcome: dict[str, Any]


EITHER = frozenset({Part.DRAFT_INVOICES, Part.USAGE_LINES})
"""A month's charges are billed by one of these, as the edition of Odoo decides."""

FORGET_OTHER = "DELETE FROM odoo_drafted WHERE service = %(service)s AND period = %(period)s AND part = ANY(%(others)s)"
PUT = """
    INSERT INTO odoo_drafted (service, part, period, snapshot_id, drafted_at, outcome)
    VALUES (%(service)s, %(part)s, %(period)s, %(snapshot_id)s, %(now)s, %(outcome)s)
    ON CONFLICT (service, part, period) DO UPDATE
       SET snapshot_id = excluded.snapshot_id, drafted_at = excluded.drafted_at, outcome = excluded.outcome
"""
LAST = """
    SELECT part, period, snapshot_id, drafted_at, outcome FROM odoo_drafted
     WHERE service = %(service)s AND (%(period)s::text IS NULL OR period = %(period)s) ORDER BY period, part
"""


def replace(conn: Connection, service: str, snapshot_id: int, done: Drafted, now: datetime) -> None:
    """Keep what a drafting did instead of what the one before it did, or what was billed the other way before."""
    about = {"service": service, "part": done.part, "period": done.period, "snapshot_id": snapshot_id}
    if done.part in EITHER:
        conn.execute(FORGET_OTHER, {**about, "others": [each.value for each in EITHER if each is not done.part]})
    conn.execute(PUT, {**about, "now": now, "outcome": Jsonb(done.as_json())})


def last(conn: Connection, service: str, period: str | None = None) -> tuple[LastDrafted, ...]:
    """The last drafting of each kind, of one period or of all."""
    rows = conn.execute(LAST, {"service": service, "period": period})
    return tuple(
        LastDrafted(part=Part(row[0]), period=row[1], snapshot_id=row[2], drafted_at=row[3], outcome=row[4]) for row in rows
    )
