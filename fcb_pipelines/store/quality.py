"""What the data-quality checks read in bulk.

Owns: the query on usage that Great Expectations runs inside Postgres, and the sums that must agree.
"""

from decimal import Decimal

from psycopg import sql

from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.store.database import Connection

USAGE = """
    SELECT external_subscription_id, metric, e.quantity, e.started_at,
           s.external_id IS NOT NULL AS has_subscription,
           coalesce(e.ended_at >= e.started_at, true) AS ends_after_start
      FROM usage_event e JOIN usage_series USING (series_id)
      LEFT JOIN snapshot_record s
        ON s.snapshot_id = {snapshot} AND s.entity = 'subscriptions' AND s.external_id = external_subscription_id
     WHERE service = {service} AND feed = {feed} AND e.snapshot_id <= {snapshot}
"""


def usage_query(service: str, snapshot_id: int) -> str:
    """All usage of a service as of a snapshot, each event with what a suite asks of it; literals are quoted by psycopg."""
    return (
        sql.SQL(USAGE)
        .format(service=sql.Literal(service), feed=sql.Literal(PULLED), snapshot=sql.Literal(snapshot_id))
        .as_string()
    )


ACTUAL = """
    SELECT currency, sum(net) FROM actual_line
     WHERE service = %(service)s AND period = %(period)s AND counts GROUP BY currency
"""
EXPECTED = """
    SELECT currency, sum(net) FROM expected_line
     WHERE service = %(service)s AND period = %(period)s AND net IS NOT NULL GROUP BY currency
"""
ROWS = """
    SELECT r.currency, sum(r.expected_net), sum(r.actual_net)
      FROM reconciliation_row r
     WHERE r.revision_id = %(revision_id)s GROUP BY r.currency
"""


def actual_sums(conn: Connection, service: str, period: str) -> dict[str, Decimal]:
    """Σ net of the counting actual lines of a period, per currency."""
    return dict(conn.execute(ACTUAL, {"service": service, "period": period}).fetchall())


def expected_sums(conn: Connection, service: str, period: str) -> dict[str, Decimal]:
    """Σ net of the expected lines of a period, per currency."""
    return dict(conn.execute(EXPECTED, {"service": service, "period": period}).fetchall())


def row_sums(conn: Connection, revision_id: int) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Σ expected and Σ actual net of a revision's rows, per currency; an absent side counts as nothing."""
    found = conn.execute(ROWS, {"revision_id": revision_id}).fetchall()
    zero = Decimal(0)
    return {code: expected or zero for code, expected, _ in found}, {code: actual or zero for code, _, actual in found}
