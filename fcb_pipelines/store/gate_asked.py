"""What the gate said, in our store: rows are only ever added.

Owns: table `gate_asked`; the caller owns the transaction. Does not own: asking (acts/gate).
"""

from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fcb_pipelines.domain.gate import Objection
from fcb_pipelines.domain.gate_asked import GateAsked
from fcb_pipelines.domain.gate_facts import Gate
from fcb_pipelines.domain.records_json import as_json, read
from fcb_pipelines.store.database import Connection

ADD = """
    INSERT INTO gate_asked (service, flip_id, part, asked_by, asked_at, objections) VALUES (%s, %s, %s, %s, %s, %s)
"""
LAST = """
    SELECT DISTINCT ON (coalesce(flip_id, '')) flip_id, part, asked_by, asked_at, objections FROM gate_asked
     WHERE service = %s ORDER BY coalesce(flip_id, ''), asked_id DESC
"""


def add(conn: Connection, service: str, asked: GateAsked) -> None:
    """Keep what it said."""
    objections = Jsonb([as_json(one) for one in asked.objections])
    conn.execute(ADD, [service, asked.flip_id, asked.gate, asked.asked_by, asked.asked_at, objections])


def last(conn: Connection, service: str) -> dict[str | None, GateAsked]:
    """What it said last of each flip, and under None of the service as a whole."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return {row["flip_id"]: _asked(row) for row in cursor.execute(LAST, [service])}


def _asked(row: dict[str, Any]) -> GateAsked:
    return GateAsked(
        flip_id=row["flip_id"],
        gate=Gate(row["part"]),
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        objections=tuple(read(Objection, each) for each in row["objections"]),
    )
