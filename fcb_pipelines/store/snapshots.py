"""Snapshots: what the source held at one moment, row by row, and which rows could not be used.

Owns: tables `source_snapshot`, `source_record`, `snapshot_record`, `source_issue`; the caller owns the transaction.
Does not own: usage (store/pulled, store/usage), what a row means (domain/canonical).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from psycopg.rows import class_row

from fcb_pipelines.domain.canonical import BadRow, Row
from fcb_pipelines.store.database import Connection

BATCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotHeader:
    """One snapshot, without its rows."""

    snapshot_id: int
    service: str
    taken_at: datetime
    is_demo: bool
    """Whether it is of the demo service; a real one and the demo never share a store."""
    content_hash: str
    """Hex; two snapshots of the same content have the same."""
    refused_because: str | None
    """Why nothing may be built on it; absent while no suite found it unusable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disappeared:
    """A row that the snapshot before had and this one has not, good or bad."""

    entity: str
    external_id: str


OPEN = "INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES (%s, %s, %s, '') RETURNING snapshot_id"
CLOSE = "UPDATE source_snapshot SET content_hash = %s WHERE snapshot_id = %s"


def open_snapshot(conn: Connection, service: str, taken_at: datetime, *, is_demo: bool = False) -> int:
    """Begin a snapshot; it has no content hash until `close_snapshot`, in the same transaction."""
    row = conn.execute(OPEN, [service, taken_at, is_demo]).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return int(row[0])


def close_snapshot(conn: Connection, snapshot_id: int, content_hash: bytes) -> None:
    """Finish a snapshot with the hash of all it holds."""
    conn.execute(CLOSE, [content_hash, snapshot_id])


REFUSE = """
    UPDATE source_snapshot SET refused_because = concat_ws('; ', refused_because, %(reason)s)
     WHERE snapshot_id = %(snapshot_id)s AND position(%(reason)s IN coalesce(refused_because, '')) = 0
"""


def refuse_snapshot(conn: Connection, snapshot_id: int, reason: str) -> None:
    """Note that nothing may be built on a snapshot, for good; the same reason again changes nothing."""
    conn.execute(REFUSE, {"snapshot_id": snapshot_id, "reason": reason})


INSERT_RECORDS = """
    INSERT INTO source_record (record_hash, data)
    SELECT hash, data::jsonb FROM unnest(%(hashes)s::bytea[], %(data)s::text[]) AS given (hash, data)
    ON CONFLICT DO NOTHING
"""
INSERT_PLACES = """
    INSERT INTO snapshot_record (snapshot_id, entity, ordinal, external_id, record_hash)
    SELECT %(snapshot_id)s, %(entity)s, ordinal, external_id, hash
      FROM unnest(%(ordinals)s::int[], %(external_ids)s::text[], %(hashes)s::bytea[]) AS given (ordinal, external_id, hash)
"""


def add_rows(conn: Connection, snapshot_id: int, entity: str, rows: Iterable[tuple[str, Row]]) -> bytes:
    """Keep an entity's rows, given with their ids; the hash of their content, whatever their order.

    A row is stored once however many snapshots hold it.
    """
    told = sorted((external_id, *_hashed(row)) for external_id, row in rows)
    for start in range(0, len(told), BATCH):
        ids, hashes, data = zip(*told[start : start + BATCH], strict=True)
        given = {"snapshot_id": snapshot_id, "entity": entity, "external_ids": list(ids), "hashes": list(hashes)}
        given |= {"data": list(data), "ordinals": list(range(start + 1, start + 1 + len(ids)))}
        conn.execute(INSERT_RECORDS, given)
        conn.execute(INSERT_PLACES, given)
    return combined_hash(record_hash for _, record_hash, _ in told)


INSERT_ISSUES = """
    INSERT INTO source_issue (snapshot_id, entity, external_id, reason, period, data)
    SELECT %(snapshot_id)s, entity, external_id, reason, %(period)s, data::jsonb
      FROM unnest(%(entities)s::text[], %(external_ids)s::text[], %(reasons)s::text[], %(data)s::text[])
           AS given (entity, external_id, reason, data)
"""


def add_issues(conn: Connection, snapshot_id: int, bad: Iterable[BadRow], period: str | None = None) -> None:
    """Keep rows that could not be used, whole and with the reason; of usage with the period whose reading brought them."""
    waiting = iter(bad)
    while batch := list(islice(waiting, BATCH)):
        given = {
            "snapshot_id": snapshot_id,
            "period": period,
            "entities": [one.entity for one in batch],
            "external_ids": [one.external_id for one in batch],
            "reasons": [one.reason for one in batch],
            "data": [canonical_json(one.row) for one in batch],
        }
        conn.execute(INSERT_ISSUES, given)


def combined_hash(parts: Iterable[bytes]) -> bytes:
    """One SHA-256 over parts of equal length, in their order."""
    return hashlib.sha256(b"".join(parts)).digest()


def canonical_json(row: Row) -> str:
    """The one way in which a row is written: sorted keys, no spaces."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _hashed(row: Row) -> tuple[bytes, str]:
    text = canonical_json(row)
    return hashlib.sha256(text.encode()).digest(), text


HEADER = """
    SELECT snapshot_id, service, taken_at, is_demo, encode(content_hash, 'hex') AS content_hash, refused_because
      FROM source_snapshot
"""
LATEST = HEADER + " WHERE service = %s ORDER BY snapshot_id DESC LIMIT 1"
PREVIOUS = HEADER + " WHERE service = %s AND snapshot_id < %s ORDER BY snapshot_id DESC LIMIT 1"
BY_ID = HEADER + " WHERE service = %s AND snapshot_id = %s"


def latest_snapshot(conn: Connection, service: str) -> SnapshotHeader | None:
    """The newest snapshot of a service."""
    with conn.cursor(row_factory=class_row(SnapshotHeader)) as cursor:
        return cursor.execute(LATEST, [service]).fetchone()


def previous_snapshot(conn: Connection, service: str, snapshot_id: int) -> SnapshotHeader | None:
    """The snapshot of a service before the given one."""
    with conn.cursor(row_factory=class_row(SnapshotHeader)) as cursor:
        return cursor.execute(PREVIOUS, [service, snapshot_id]).fetchone()


def snapshot(conn: Connection, service: str, snapshot_id: int) -> SnapshotHeader | None:
    """One snapshot by its id, if it is of that service."""
    with conn.cursor(row_factory=class_row(SnapshotHeader)) as cursor:
        return cursor.execute(BY_ID, [service, snapshot_id]).fetchone()


ROWS = """
    SELECT place.external_id, record.data
      FROM snapshot_record AS place JOIN source_record AS record USING (record_hash)
     WHERE place.snapshot_id = %s AND place.entity = %s
     ORDER BY place.ordinal
"""
COUNTS = "SELECT entity, count(*) FROM snapshot_record WHERE snapshot_id = %s GROUP BY entity ORDER BY entity"
ISSUES = "SELECT entity, external_id, reason, data AS row FROM source_issue WHERE snapshot_id = %s ORDER BY issue_id"


def identified_rows(conn: Connection, snapshot_id: int, entity: str) -> list[tuple[str, dict[str, Any]]]:
    """An entity's rows with their ids, by id."""
    return [(external_id, data) for external_id, data in conn.execute(ROWS, [snapshot_id, entity])]


def entity_rows(conn: Connection, snapshot_id: int, entity: str) -> list[dict[str, Any]]:
    """An entity's rows in canonical form, by id."""
    return [row for _, row in identified_rows(conn, snapshot_id, entity)]


def entity_counts(conn: Connection, snapshot_id: int) -> Mapping[str, int]:
    """How many good rows the snapshot holds of each entity; one without any is absent."""
    return {entity: int(count) for entity, count in conn.execute(COUNTS, [snapshot_id])}


def issues(conn: Connection, snapshot_id: int) -> Sequence[BadRow]:
    """The rows that could not be used, as they were found."""
    with conn.cursor(row_factory=class_row(BadRow)) as cursor:
        return cursor.execute(ISSUES, [snapshot_id]).fetchall()


DISAPPEARED = """
    SELECT entity, external_id FROM snapshot_record WHERE snapshot_id = %(before)s
    EXCEPT SELECT entity, external_id FROM snapshot_record WHERE snapshot_id = %(now)s
    EXCEPT SELECT entity, external_id FROM source_issue WHERE snapshot_id = %(now)s
    ORDER BY entity, external_id
"""


def disappeared(conn: Connection, before: int, now: int) -> Sequence[Disappeared]:
    """What the earlier of two snapshots had and the later has neither as a good row nor as a bad one."""
    with conn.cursor(row_factory=class_row(Disappeared)) as cursor:
        return cursor.execute(DISAPPEARED, {"before": before, "now": now}).fetchall()
