"""What a trace reads of our store: parts of a snapshot, and what stands beside one row.

Owns: no table; these are narrow views of those of other nouns, each of one row at a time. The caller owns the transaction. Does
not own: usage (trace_usage).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from psycopg.rows import class_row, dict_row

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.imports import OdooRecord
from fcb_pipelines.store.invoices import COLUMNS as ACTUAL_COLUMNS
from fcb_pipelines.store.invoices import actual_line
from fcb_pipelines.store.rating import EXPECTED_COLUMNS, expected_line, rated_line

Identified = tuple[str, dict[str, Any]]
"""A row of a snapshot, with its id."""

_OF_SNAPSHOT: LiteralString = """
    SELECT place.external_id, record.data
      FROM snapshot_record AS place JOIN source_record AS record USING (record_hash)
     WHERE place.snapshot_id = %(snapshot_id)s AND place.entity = %(entity)s
"""
NAMED = f"{_OF_SNAPSHOT} AND place.external_id = ANY(%(ids)s) ORDER BY place.ordinal"
ABOUT = f"""
    {_OF_SNAPSHOT}
       AND (data->>'subject_id' = ANY(%(subjects)s) OR data->>'reference' = ANY(%(references)s)
            OR data->'data'->>'invoice' = ANY(%(subjects)s) OR data->'data'->>'original_invoice' = ANY(%(subjects)s))
     ORDER BY place.ordinal
"""


def named(conn: Connection, snapshot_id: int, entity: str, ids: Sequence[str]) -> list[Identified]:
    """Those rows of an entity that have one of these ids."""
    given = {"snapshot_id": snapshot_id, "entity": entity, "ids": list(ids)}
    return [(row[0], row[1]) for row in conn.execute(NAMED, given)]


def about(
    conn: Connection, snapshot_id: int, entity: str, subjects: Sequence[str], references: Sequence[str]
) -> list[Identified]:
    """Those rows of an entity that are about one of these subjects, name one as their invoice, or are so referred to."""
    given = {"snapshot_id": snapshot_id, "entity": entity, "subjects": list(subjects), "references": list(references)}
    return [(row[0], row[1]) for row in conn.execute(ABOUT, given)]


SHARING = """
    SELECT row_id, ordinal, actual_net, evidence FROM reconciliation_instance
     WHERE revision_id = %(revision_id)s AND actual_net IS NOT NULL
       AND evidence @> ANY(%(lines)s::jsonb[])
     ORDER BY row_id COLLATE "C", ordinal
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """A charge that is paid by some lines, alone or with others."""

    row_id: str
    ordinal: int
    actual_net: Decimal
    evidence: list[dict[str, str]]

    @property
    def lines(self) -> frozenset[str]:
        """The lines that it is billed by."""
        return frozenset(one["reference"] for one in self.evidence)


def sharing(conn: Connection, revision_id: int, lines: Sequence[str]) -> tuple[Sharing, ...]:
    """The charges of a revision that are billed by any of these lines."""
    with conn.cursor(row_factory=class_row(Sharing)) as cursor:
        named = [json.dumps([{"reference": line}]) for line in lines]
        return tuple(cursor.execute(SHARING, {"revision_id": revision_id, "lines": named}))


RATED = """
    SELECT line_key, external_subscription_id, charge, service_from, service_to, due_at, currency, quantity, included_quantity,
           unit_price, unit_batch, exact_numerator, exact_denominator, is_due, notes, adjusts, rounding, metered
      FROM rated_line WHERE service = %s AND period = %s AND external_subscription_id = %s ORDER BY line_key COLLATE "C"
"""
EXPECTED = f"""
    SELECT {EXPECTED_COLUMNS} FROM expected_line
     WHERE service = %s AND period = %s AND external_subscription_id = %s ORDER BY line_key COLLATE "C"
"""  # noqa: S608 - the column list is ours


def rated(conn: Connection, service: str, period: str, subscription: str) -> tuple[RatedLine, ...]:
    """The rated lines of one subscription's month, by line key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(rated_line(row) for row in cursor.execute(RATED, [service, period, subscription]))


def expected(conn: Connection, service: str, period: str, subscription: str) -> tuple[ExpectedLine, ...]:
    """The expected lines of one subscription's month, by line key."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(expected_line(row) for row in cursor.execute(EXPECTED, [service, period, subscription]))


LINES = f"""
    SELECT {ACTUAL_COLUMNS} FROM actual_line
     WHERE service = %s AND external_invoice_id || '/' || ordinal = ANY(%s) ORDER BY external_invoice_id COLLATE "C", ordinal
"""  # noqa: S608 - the column list is ours


def actual_lines(conn: Connection, service: str, lines: Sequence[str]) -> tuple[ActualLine, ...]:
    """Some lines that were billed, of whichever month, by their keys."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple(actual_line(row) for row in cursor.execute(LINES, [service, list(lines)]))


AUDITED = """
    SELECT position, at, actor, act, subject, data, encode(hash, 'hex') AS hash FROM audit_log
     WHERE service = %(service)s
       AND (subject = ANY(%(subjects)s) OR %(row_id)s = ANY(string_to_array(subject, ', ')))
     ORDER BY position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An entry of the audit log in its place."""

    position: int
    at: datetime
    actor: str
    act: str
    subject: str
    data: dict[str, Any]
    hash: str


def audited(conn: Connection, service: str, row_id: str, subjects: Sequence[str]) -> tuple[Audited, ...]:
    """What was done about a row, or about one of these subjects, the first first."""
    with conn.cursor(row_factory=class_row(Audited)) as cursor:
        given = {"service": service, "row_id": row_id, "subjects": list(subjects)}
        return tuple(cursor.execute(AUDITED, given))


IN_ODOO = """
    SELECT external_id, entity, source_id, model, odoo_id FROM odoo_record
      JOIN unnest(%(entities)s::text[], %(ids)s::text[]) AS wanted (kind, id)
        ON entity = kind AND (source_id = id OR kind = %(live)s AND starts_with(source_id, id || '/F-'))
     WHERE service = %(service)s ORDER BY entity, external_id COLLATE "C"
"""


def in_odoo(conn: Connection, service: str, wanted: Sequence[tuple[str, str]]) -> tuple[OdooRecord, ...]:
    """What stands in Odoo for some records, given by entity and id; an invoice of a month too that is of one flip."""
    entities, ids = [one[0] for one in wanted], [one[1] for one in wanted]
    with conn.cursor(row_factory=class_row(OdooRecord)) as cursor:
        given = {"service": service, "entities": entities, "ids": ids, "live": Entity.LIVE_INVOICE}
        return tuple(cursor.execute(IN_ODOO, given))


LIKE = """
    (SELECT row_id, 0 AS far FROM reconciliation_row
      WHERE revision_id = ANY(%(revisions)s) AND (external_subscription_id = %(tail)s OR line_key = %(tail)s
            OR %(tail)s = ANY(external_invoice_ids)) ORDER BY row_id COLLATE "C" LIMIT %(most)s)
    UNION ALL
    (SELECT row_id, 1 FROM reconciliation_row WHERE revision_id = %(revision_id)s AND row_id COLLATE "C" < %(row_id)s
        AND starts_with(row_id, %(kind)s) ORDER BY row_id COLLATE "C" DESC LIMIT 2)
    UNION ALL
    (SELECT row_id, 1 FROM reconciliation_row WHERE revision_id = %(revision_id)s AND row_id COLLATE "C" > %(row_id)s
        AND starts_with(row_id, %(kind)s) ORDER BY row_id COLLATE "C" LIMIT 2)
"""
MOST_LIKE = 5


def like(conn: Connection, row_id: str, revision_id: int, revisions: Sequence[int]) -> list[str]:
    """Rows that may be meant by an id that none has: of the same subscription, line or invoice, else its neighbours."""
    *_, tail = parts = row_id.split("/", 3)
    given: dict[str, object] = {"row_id": row_id, "tail": tail, "kind": "/".join(parts[:3]), "most": MOST_LIKE}
    given |= {"revision_id": revision_id, "revisions": list(revisions)}
    rows = conn.execute(LIKE, given).fetchall()
    same = sorted({row[0] for row in rows if row[1] == 0})
    return same or sorted({row[0] for row in rows})
