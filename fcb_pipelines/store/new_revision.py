"""A new revision of a period's reconciliation while it is written: opened, filled, closed, in one transaction of the caller.

Owns: writing tables `period_revision`, `reconciliation_row`, `reconciliation_instance`, and what is asked of rows just written:
their content hash, and which differ from those of the revision before. Does not own: rows that never leave the database
(plain_storing), reading revisions (reconciliation).
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.revisions import Origin
from fcb_pipelines.domain.rows import Amounts, Instance, Row
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.explanations import written

OPEN = """
    INSERT INTO period_revision (service, period, revision, snapshot_id, settings_hash, rule_version, content_hash, made_at,
                                 coverage, changes)
    SELECT %(service)s, %(period)s, coalesce(max(revision), 0) + 1, %(snapshot_id)s, %(settings_hash)s, %(rule_version)s, '',
           %(made_at)s, '{}', '{}'
      FROM period_revision WHERE service = %(service)s AND period = %(period)s
    RETURNING revision_id, revision
"""
CLOSE = """
    UPDATE period_revision SET content_hash = %(content_hash)s, coverage = %(coverage)s, changes = %(changes)s
     WHERE revision_id = %(revision_id)s
"""
ROW_COLUMNS: LiteralString = """
    revision_id, row_id, external_subscription_id, external_user_id, currency, line_key, external_invoice_ids, expected_net,
    expected_tax, expected_gross, actual_net, actual_tax, actual_gross, difference, abs_difference, status, verdict, is_due,
    notes, row_hash
"""
INSTANCE_COLUMNS: LiteralString = """
    revision_id, row_id, ordinal, charge, service_from, service_to, due_at, currency, expected_net, expected_tax,
    expected_gross, actual_net, actual_tax, actual_gross, difference, status, verdict, is_due, billed, notes, evidence,
    explanation, remedy
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A revision that is being written."""

    revision_id: int
    revision: int
    """Its number, counting from 1 within the period."""


def open_revision(conn: Connection, *, service: str, period: str, origin: Origin, made_at: datetime) -> Opened:
    """Begin a revision; it holds nothing until `close_revision`, in the same transaction."""
    header = {"service": service, "period": period, **asdict(origin), "made_at": made_at}
    with conn.cursor(row_factory=class_row(Opened)) as cursor:
        opened = cursor.execute(OPEN, header).fetchone()
    assert opened is not None  # noqa: S101 - RETURNING of one inserted row
    return opened


def add_rows(conn: Connection, revision_id: int, rows: Iterable[Row], hash_of: Callable[[Row], bytes]) -> None:
    """Store rows in a revision that is open; `hash_of` is the hash of a row's published form."""
    given = tuple(rows)
    _copy(conn, "reconciliation_row", ROW_COLUMNS, ((revision_id, *_row_values(row), hash_of(row)) for row in given))
    instances = (
        (revision_id, row.row_id, ordinal, *_instance_values(instance))
        for row in given
        for ordinal, instance in enumerate(row.instances, start=1)
    )
    _copy(conn, "reconciliation_instance", INSTANCE_COLUMNS, instances)


def _copy(conn: Connection, table: LiteralString, columns: LiteralString, records: Iterable[tuple[Any, ...]]) -> None:
    with conn.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for record in records:
            copy.write_row(record)


def close_revision(
    conn: Connection, revision_id: int, *, content_hash: str, coverage: dict[str, Any], changes: dict[str, Any]
) -> None:
    """Finish a revision: from here on nothing of it is ever changed."""
    given = {"content_hash": content_hash, "coverage": Jsonb(coverage), "changes": Jsonb(changes)}
    conn.execute(CLOSE, {**given, "revision_id": revision_id})


HASHES = """
    SELECT encode(sha256(convert_to(coalesce(string_agg(encode(row_hash, 'hex') || E'\\n', '' ORDER BY row_id COLLATE "C"), ''),
                                    'UTF8')), 'hex')
      FROM reconciliation_row WHERE revision_id = %s
"""
DIFFERING = """
    SELECT row_id
      FROM (SELECT row_id, row_hash FROM reconciliation_row WHERE revision_id = %s) AS before
      FULL JOIN (SELECT row_id, row_hash FROM reconciliation_row WHERE revision_id = %s) AS now USING (row_id)
     WHERE before.row_hash IS DISTINCT FROM now.row_hash OR before.row_hash IS NULL
     ORDER BY row_id COLLATE "C"
"""


def hash_of_rows(conn: Connection, revision_id: int) -> str:
    """The content hash of a revision's rows, as they are stored (domain/revisions.content_hash)."""
    ((found,),) = conn.execute(HASHES, [revision_id])
    return str(found)


def differing(conn: Connection, before: int, now: int) -> list[str]:
    """The ids of rows that two revisions do not have alike, or one of them lacks; of rows without a hash nobody knows."""
    return [row[0] for row in conn.execute(DIFFERING, [before, now])]


def _row_values(row: Row) -> tuple[Any, ...]:
    """In the order of `ROW_COLUMNS`, between the revision and the hash."""
    return (
        row.row_id,
        row.external_subscription_id,
        row.external_user_id,
        row.currency,
        row.line_key,
        list(row.external_invoice_ids),
        *_side_values(row.expected),
        *_side_values(row.actual),
        row.difference.amount,
        row.abs_difference.amount,
        row.status.value,
        row.verdict.value,
        row.is_due,
        list(row.notes),
    )


def _instance_values(instance: Instance) -> tuple[Any, ...]:
    """In the order of `INSTANCE_COLUMNS`, after the place."""
    return (
        instance.charge,
        instance.service_from,
        instance.service_to,
        instance.due_at,
        instance.currency,
        *_side_values(instance.expected),
        *_side_values(instance.actual),
        instance.difference.amount,
        instance.status.value,
        instance.verdict.value,
        instance.is_due,
        instance.billed.amount,
        list(instance.notes),
        Jsonb([{"kind": one.kind, "reference": one.reference} for one in instance.evidence]),
        Jsonb(written(instance.explanation)),
        instance.explanation.open_remedy.value,
    )


def _side_values(side: Amounts | None) -> tuple[Decimal | None, ...]:
    parts = (None, None, None) if side is None else (side.net, side.tax, side.gross)
    return tuple(None if amount is None else amount.amount for amount in parts)
