"""What the gate reads of rows, usage and orders.

Owns: no table; these are other views of those of store/reconciliation, store/usage and store/imports. The caller owns the
transaction.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.reconciliation import with_instances

OF_CUSTOMERS = """
    SELECT row_id, external_subscription_id, external_user_id, currency, line_key, external_invoice_ids, notes
      FROM reconciliation_row
     WHERE revision_id = %(revision_id)s
       AND (external_user_id = ANY(%(customers)s) OR external_subscription_id = ANY(%(subscriptions)s))
     ORDER BY row_id COLLATE "C"
"""
PLACED = """
    SELECT external_subscription_id FROM reconciliation_row
     WHERE revision_id = %s AND external_subscription_id IS NOT NULL AND line_key IS NULL
"""
# The last of each series by its index; only then the last of all.
LAST_USAGE = """
    SELECT max(least(coalesce(found.ended_at, found.started_at), %(now)s))
      FROM usage_series AS series
     CROSS JOIN LATERAL (
            SELECT started_at, ended_at FROM usage_event
             WHERE series_id = series.series_id AND started_at <= %(now)s
             ORDER BY started_at DESC LIMIT 1) AS found
     WHERE series.service = %(service)s AND series.feed = %(feed)s
"""

OUR_ORDERS = "SELECT odoo_id FROM odoo_record WHERE entity = %s"


def rows_of(conn: Connection, revision_id: int, customers: Collection[str], subscriptions: Collection[str]) -> tuple[Row, ...]:
    """The rows of a revision that belong to customers, or to subscriptions whoever owned them then, by row id."""
    given: dict[str, Any] = {
        "revision_id": revision_id,
        "customers": list(customers),
        "subscriptions": list(subscriptions),
    }
    with conn.cursor(row_factory=dict_row) as cursor:
        records = cursor.execute(OF_CUSTOMERS, given).fetchall()
    return with_instances(conn, revision_id, records)


def subscriptions_in(conn: Connection, revision_id: int) -> frozenset[str]:
    """The subscriptions that have a row in a revision."""
    return frozenset(row[0] for row in conn.execute(PLACED, [revision_id]))


def our_orders(conn: Connection) -> frozenset[int]:
    """The orders in Odoo of every service that we look after, as last seen."""
    return frozenset(row[0] for row in conn.execute(OUR_ORDERS, [Entity.SUBSCRIPTION]))


def last_usage(conn: Connection, service: str, feed: str, now: datetime) -> datetime | None:
    """The end of the last usage that a feed told of any subscription, not after now; None where it never told any."""
    row = conn.execute(LAST_USAGE, {"service": service, "feed": feed, "now": now}).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without groups is one row
    found: Sequence[datetime | None] = row
    return found[0]


IN_SNAPSHOT = """
    SELECT EXISTS (SELECT FROM snapshot_record
                    WHERE entity = %(entity)s AND external_id = %(external_id)s
                      AND snapshot_id = (SELECT max(snapshot_id) FROM source_snapshot WHERE service = %(service)s))
"""


def is_in_source(conn: Connection, service: str, entity: str, external_id: str) -> bool:
    """Whether the newest snapshot of a service has a row of an entity."""
    given = {"service": service, "entity": entity, "external_id": external_id}
    row = conn.execute(IN_SNAPSHOT, given).fetchone()
    return row is not None and bool(row[0])
