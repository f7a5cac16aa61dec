"""One-time links to reports, by the hashes of their tokens.

Owns: table `report_link`; the caller owns the transaction. Does not own: when a link is refused (domain/report_links).
"""

from datetime import datetime

from psycopg.rows import class_row

from fcb_pipelines.domain.report_links import ReportLink
from fcb_pipelines.store.database import Connection

COLUMNS = "link_id, service, period, made_at, made_by, expires_at, opened_at, visit_ends_at"
ADD = """
    INSERT INTO report_link (link_id, service, period, digest, made_at, made_by, expires_at)
    VALUES (%(link_id)s, %(service)s, %(period)s, %(digest)s, %(made_at)s, %(made_by)s, %(expires_at)s)
"""
BY_TOKEN = f"SELECT {COLUMNS} FROM report_link WHERE digest = %s FOR UPDATE"  # noqa: S608 - the column list is ours
BY_VISIT = f"SELECT {COLUMNS} FROM report_link WHERE visit_digest = %s"  # noqa: S608
OPEN = "UPDATE report_link SET opened_at = %s, visit_digest = %s, visit_ends_at = %s WHERE link_id = %s AND opened_at IS NULL"


def add(conn: Connection, link: ReportLink, digest: bytes) -> None:
    """Keep a new link."""
    given = {name: getattr(link, name) for name in ("link_id", "service", "period", "made_at", "made_by", "expires_at")}
    conn.execute(ADD, {**given, "digest": digest})


def held(conn: Connection, digest: bytes) -> ReportLink | None:
    """The link of a token, held until the transaction ends, so that of two who come at once one opens it."""
    with conn.cursor(row_factory=class_row(ReportLink)) as cursor:
        return cursor.execute(BY_TOKEN, [digest]).fetchone()


def of_visit(conn: Connection, digest: bytes) -> ReportLink | None:
    """The link whose visit has a token."""
    with conn.cursor(row_factory=class_row(ReportLink)) as cursor:
        return cursor.execute(BY_VISIT, [digest]).fetchone()


def open_once(conn: Connection, link_id: str, *, at: datetime, visit_digest: bytes, visit_ends_at: datetime) -> None:
    """Note that a link was opened; one that was opened before stays as it is."""
    conn.execute(OPEN, [at, visit_digest, visit_ends_at, link_id])
