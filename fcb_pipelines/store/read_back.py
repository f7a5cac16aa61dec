"""What Odoo stored otherwise than it was sent, as of the last read-back of each part.

Owns: tables `odoo_read_back` and `odoo_difference`. A read-back replaces the one before it of the same part and period.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.domain.read_back import Difference, Part
from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBack:
    """That a part was read back, and when; `period` is empty for parts without one."""

    part: Part
    period: str
    records: int
    """How many records were compared."""
    read_at: datetime


RECORD = """
    INSERT INTO odoo_read_back (service, part, period, records, read_at)
    VALUES (%(service)s, %(part)s, %(period)s, %(records)s, %(read_at)s)
"""
FORGET = "DELETE FROM odoo_read_back WHERE service = %(service)s AND part = %(part)s AND period = %(period)s"
ADD = """
    INSERT INTO odoo_difference (service, part, period, external_id, field, sent, stored, why)
    VALUES (%(service)s, %(part)s, %(period)s, %(external_id)s, %(field)s, %(sent)s, %(stored)s, %(why)s)
"""


def forget(conn: Connection, service: str, part: Part, period: str = "") -> None:
    """Forget the last read-back of a part, because the part is about to be written: until the next one nothing is known."""
    conn.execute(FORGET, {"service": service, "part": part, "period": period})


def replace(conn: Connection, service: str, done: ReadBack, differences: Sequence[Difference]) -> None:
    """Keep what a read-back found instead of what the one before it did."""
    about = {"service": service, "part": done.part, "period": done.period}
    conn.execute(FORGET, about)
    conn.execute(RECORD, {**about, "records": done.records, "read_at": done.read_at})
    with conn.cursor() as cursor:
        cursor.executemany(ADD, [{**about, **asdict(one)} for one in differences])


LAST = """
    SELECT part, period, records, read_at FROM odoo_read_back
     WHERE service = %(service)s AND part = %(part)s AND period = %(period)s
"""
DIFFERENCES = """
    SELECT external_id, field, sent, stored, why FROM odoo_difference
     WHERE service = %(service)s AND part = %(part)s AND period = %(period)s ORDER BY external_id, field
"""


OVERVIEW = """
    SELECT part, period, records, read_at, count(field) AS differences
      FROM odoo_read_back LEFT JOIN odoo_difference USING (service, part, period)
     WHERE service = %s GROUP BY service, part, period, records, read_at ORDER BY part, period
"""


def overview(conn: Connection, service: str) -> tuple[tuple[ReadBack, int], ...]:
    """The last read-back of each part and period, with how many differences it found."""
    rows = conn.execute(OVERVIEW, [service])
    return tuple((ReadBack(part=Part(row[0]), period=row[1], records=row[2], read_at=row[3]), row[4]) for row in rows)


def last(conn: Connection, service: str, part: Part, period: str = "") -> ReadBack | None:
    """The last read-back of a part; None where there was none."""
    with conn.cursor(row_factory=class_row(ReadBack)) as cursor:
        return cursor.execute(LAST, {"service": service, "part": part, "period": period}).fetchone()


def differences(conn: Connection, service: str, part: Part, period: str = "") -> tuple[Difference, ...]:
    """What the last read-back of a part found, by external id."""
    with conn.cursor(row_factory=class_row(Difference)) as cursor:
        return tuple(cursor.execute(DIFFERENCES, {"service": service, "part": part, "period": period}))
