"""What the report reads of revisions beyond their rows: how each stands, and what became of a row over all of them.

Owns: no table; these are other views of those of store/reconciliation. The caller owns the transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import COLUMNS, Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many charge instances of a revision ask for something."""

    revision_id: int
    unexplained: int
    no_successor: int
    fix_model: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBefore:
    """A row as one revision had it."""

    revision: int
    made_at: datetime
    currency: str
    expected_net: Decimal | None
    actual_net: Decimal | None
    difference: Decimal
    verdict: str


COUNT = """
    SELECT v.revision_id,
           count(*) FILTER (WHERE verdict = 'unexplained') AS unexplained,
           count(*) FILTER (WHERE verdict = 'carried' AND explanation->>'successor' IS NULL) AS no_successor,
           count(*) FILTER (WHERE remedy = 'fix_model' AND verdict NOT IN ('match', 'nothing_due')) AS fix_model
      FROM unnest(%s::bigint[]) AS v (revision_id) LEFT JOIN reconciliation_instance USING (revision_id)
     GROUP BY v.revision_id ORDER BY v.revision_id
"""
ALL_OF = f"""
    SELECT {COLUMNS} FROM period_revision WHERE service = %s AND period = %s ORDER BY revision DESC
"""  # noqa: S608 - the column list is ours
HISTORY = """
    SELECT revision, made_at, currency, expected_net, actual_net, difference, verdict
      FROM period_revision JOIN reconciliation_row USING (revision_id)
     WHERE service = %s AND period = %s AND row_id = %s
     ORDER BY revision DESC
"""


def counts(conn: Connection, revision_ids: Sequence[int]) -> dict[int, Counts]:
    """By revision; one without instances has zeros."""
    with conn.cursor(row_factory=class_row(Counts)) as cursor:
        return {one.revision_id: one for one in cursor.execute(COUNT, [list(revision_ids)])}


def revisions(conn: Connection, service: str, period: str) -> tuple[Revision, ...]:
    """All revisions of a period, the newest first."""
    with conn.cursor(row_factory=class_row(Revision)) as cursor:
        return tuple(cursor.execute(ALL_OF, [service, period]))


def history(conn: Connection, service: str, period: str, row_id: str) -> tuple[RowBefore, ...]:
    """A row as every revision had it, the newest first; a revision without it is absent."""
    given: list[Any] = [service, period, row_id]
    with conn.cursor(row_factory=class_row(RowBefore)) as cursor:
        return tuple(cursor.execute(HISTORY, given))
