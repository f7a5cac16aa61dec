"""The kill switch in our store: rows are only ever added, and the last one of a service counts.

Owns: table `stop_switch`; the caller owns the transaction. Does not own: what it stops (acts/stop).
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One turn of the switch."""

    stop_id: int
    is_stopped: bool
    person: str
    at: datetime
    text: str


PUT = "INSERT INTO stop_switch (service, is_stopped, person, at, text) VALUES (%s, %s, %s, %s, %s)"
LAST = "SELECT stop_id, is_stopped, person, at, text FROM stop_switch WHERE service = %s ORDER BY stop_id DESC LIMIT 1"


def put(conn: Connection, service: str, signature: Signature, *, is_stopped: bool) -> None:
    """Turn the switch."""
    conn.execute(PUT, [service, is_stopped, signature.person, signature.at, signature.text])


def last(conn: Connection, service: str) -> Stop | None:
    """How it stands; None where nobody ever turned it."""
    with conn.cursor(row_factory=class_row(Stop)) as cursor:
        return cursor.execute(LAST, [service]).fetchone()
