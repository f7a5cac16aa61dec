"""Changed terms: what differs between two successive snapshots of plans, subscriptions and history.

Owns: table `changed_terms`; the caller owns the transaction. Does not own: snapshots, what a change says of a month
(domain/seen).

A snapshot is held against the one before it when it is taken, once, by the database. So rating a period asks for the rows that
changed and reads no unchanged one, however many snapshots there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection

TERMS = (
    *("price_monthly", "price_quarterly", "price_yearly", "currency", "included_quantity", "unit_price", "unit_batch"),
    *("charges", "valid_from", "external_plan_id", "billing_interval", "contract_price", "discount_percent", "instalments"),
)
"""The columns of plans and subscriptions that are terms.

A row that differs in others has not changed its terms, nor has one whose mapping began to return a column: what that says was
not seen before. A column that is returned no longer did change, and so it is noted when it comes back.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedRow:
    """A row that is another one in a snapshot than in the one before; None where it is not there."""

    entity: str
    external_id: str
    snapshot_id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


DIFFERING = """
    WITH old AS MATERIALIZED (
        SELECT entity, external_id, record_hash FROM snapshot_record
         WHERE snapshot_id = %(before)s AND entity IN ('plans', 'subscriptions')
        EXCEPT SELECT entity, external_id, record_hash FROM snapshot_record WHERE snapshot_id = %(now)s),
    new AS MATERIALIZED (
        SELECT entity, external_id, record_hash FROM snapshot_record
         WHERE snapshot_id = %(now)s AND entity IN ('plans', 'subscriptions')
        EXCEPT SELECT entity, external_id, record_hash FROM snapshot_record WHERE snapshot_id = %(before)s)
    INSERT INTO changed_terms (service, entity, external_id, snapshot_id, before_hash, after_hash)
    SELECT %(service)s, entity, external_id, %(now)s, old.record_hash, new.record_hash
      FROM old LEFT JOIN new USING (entity, external_id)
     WHERE new.record_hash IS NULL
        OR EXISTS (
           SELECT FROM source_record AS was, source_record AS became, unnest(%(terms)s::text[]) AS term
            WHERE was.record_hash = old.record_hash AND became.record_hash = new.record_hash
              AND was.data ->> term IS DISTINCT FROM became.data ->> term
              AND (was.data ? term OR EXISTS (
                  SELECT FROM changed_terms AS known
                   WHERE known.service = %(service)s AND known.entity = old.entity AND known.external_id = old.external_id)))
"""
RETURNED = """
    INSERT INTO changed_terms (service, entity, external_id, snapshot_id, before_hash, after_hash)
    SELECT %(service)s, entity, external_id, %(now)s, NULL, new.record_hash
      FROM (SELECT entity, external_id FROM changed_terms
             WHERE service = %(service)s AND entity <> 'history' AND after_hash IS NULL
            EXCEPT SELECT entity, external_id FROM snapshot_record WHERE snapshot_id = %(before)s) AS gone
      JOIN (SELECT entity, external_id, record_hash FROM snapshot_record WHERE snapshot_id = %(now)s) AS new
     USING (entity, external_id)
"""
HISTORY = """
    WITH old AS MATERIALIZED (
        SELECT external_id, record_hash FROM snapshot_record WHERE snapshot_id = %(before)s AND entity = 'history'),
    new AS MATERIALIZED (
        SELECT external_id, record_hash FROM snapshot_record WHERE snapshot_id = %(now)s AND entity = 'history')
    INSERT INTO changed_terms (service, entity, external_id, snapshot_id, before_hash, after_hash)
    SELECT %(service)s, 'history', external_id, %(now)s, record_hash, NULL
      FROM (TABLE old EXCEPT TABLE new) AS gone
    UNION ALL
    SELECT %(service)s, 'history', external_id, %(now)s, NULL, record_hash
      FROM (TABLE new EXCEPT TABLE old) AS added
     WHERE EXISTS (TABLE old)
"""
"""What a history no longer says, and what it says anew.

Where nothing at all was read of it before, as by a mapping that has its file only now, nobody knows what it said then.
"""


def note(conn: Connection, service: str, *, before: int, now: int) -> None:
    """Keep what differs between a snapshot and the one before it; once, when it is taken."""
    given = {"service": service, "before": before, "now": now}
    # The rows of a snapshot that is being taken are not counted yet, and taken for a handful: row by row would never end.
    conn.execute("SET LOCAL enable_nestloop = off")
    conn.execute(DIFFERING, given | {"terms": list(TERMS)})
    conn.execute(RETURNED, given)
    conn.execute(HISTORY, given)
    conn.execute("SET LOCAL enable_nestloop = on")


CHANGED = """
    SELECT changed.entity, changed.external_id, changed.snapshot_id, was.data AS before, became.data AS after
      FROM changed_terms AS changed
      LEFT JOIN source_record AS was ON was.record_hash = changed.before_hash
      LEFT JOIN source_record AS became ON became.record_hash = changed.after_hash
     WHERE changed.service = %(service)s AND changed.snapshot_id <= %(snapshot_id)s
       AND (changed.entity = 'plans' OR changed.entity = 'subscriptions'
            AND (%(of)s::text[] IS NULL OR changed.external_id = ANY (%(of)s::text[])))
     ORDER BY changed.entity, changed.external_id, changed.snapshot_id
"""
SAID = """
    SELECT coalesce(was.data, became.data), CASE WHEN changed.before_hash IS NULL THEN taken.taken_at END
      FROM changed_terms AS changed
      LEFT JOIN source_record AS was ON was.record_hash = changed.before_hash
      LEFT JOIN source_record AS became ON became.record_hash = changed.after_hash
      JOIN source_snapshot AS taken ON taken.snapshot_id = changed.snapshot_id
     WHERE changed.service = %(service)s AND changed.snapshot_id <= %(snapshot_id)s AND changed.entity = 'history'
       AND coalesce(was.data, became.data) ->> 'subject_id' = ANY (%(subjects)s::text[])
     ORDER BY changed.snapshot_id, changed.before_hash IS NULL, changed.external_id
"""
DATED = """
    SELECT external_id, data FROM snapshot_record JOIN source_record USING (record_hash)
     WHERE snapshot_id = %s AND entity = 'history' AND lower(btrim(data->>'field')) = ANY(%s)
"""
USABLE = """
    SELECT snapshot_id, taken_at FROM source_snapshot
     WHERE service = %s AND snapshot_id <= %s AND refused_because IS NULL ORDER BY snapshot_id
"""


def changed(conn: Connection, service: str, snapshot_id: int, of: Sequence[str] | None = None) -> Sequence[ChangedRow]:
    """Plans and subscriptions that changed up to a snapshot, by id and in their order; of some subscriptions alone if asked."""
    with conn.cursor(row_factory=class_row(ChangedRow)) as cursor:
        given = {"service": service, "snapshot_id": snapshot_id, "of": None if of is None else list(of)}
        return cursor.execute(CHANGED, given).fetchall()


def said(
    conn: Connection, service: str, snapshot_id: int, subjects: Sequence[str]
) -> Sequence[tuple[dict[str, Any], datetime | None]]:
    """History of some subjects that came or went, in that order; since when it was there, or None where it was before."""
    return conn.execute(SAID, {"service": service, "snapshot_id": snapshot_id, "subjects": list(subjects)}).fetchall()


def dated(conn: Connection, snapshot_id: int, fields: Sequence[str]) -> Sequence[tuple[str, dict[str, Any]]]:
    """The rows of a snapshot's history that are about some fields, with their ids."""
    return conn.execute(DATED, [snapshot_id, list(fields)]).fetchall()


def usable(conn: Connection, service: str, snapshot_id: int) -> Sequence[tuple[int, datetime]]:
    """The snapshots up to one that nobody refused, with their times, in their order."""
    return conn.execute(USABLE, [service, snapshot_id]).fetchall()
