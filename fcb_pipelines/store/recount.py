"""Proof that what is kept of usage is what its events come to: running totals and totals beside a full recount.

Owns: the comparison, subscription by subscription. Does not own: the recount itself (usage), how running totals are kept
(events, voids).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import LiteralString

from psycopg.rows import class_row

from fcb_pipelines.domain.period import Period
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.usage import RECOUNTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """One subscription and metric of which something else is kept than its events come to; absent is None."""

    external_subscription_id: str
    metric: str
    kept_quantity: Decimal | None
    kept_events: int | None
    counted_quantity: Decimal | None
    counted_events: int | None
    newest_at: datetime | None
    """When the last of the events was stored."""


# What is kept of every series as the bill of `booked_in` has it: the newest of the bills up to that.
RUNNING: LiteralString = """
    SELECT DISTINCT ON (series_id) series_id, external_subscription_id, metric, quantity, events
      FROM usage_running JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND period = %(period)s AND booked_in <= %(booked_in)s
     ORDER BY series_id, booked_in DESC
"""
_BESIDE: LiteralString = """
    SELECT external_subscription_id, metric, kept.quantity AS kept_quantity, kept.events AS kept_events,
           counted.quantity AS counted_quantity, counted.events::bigint AS counted_events, newest_at
      FROM kept FULL JOIN counted USING (external_subscription_id, metric)
     WHERE (kept.quantity, kept.events) IS DISTINCT FROM (counted.quantity, counted.events)
     ORDER BY external_subscription_id COLLATE "C", metric COLLATE "C"
"""
_TOTALS: LiteralString = "SELECT * FROM usage_total WHERE service = %(service)s AND period = %(period)s"
WRONG_RUNNING = f"WITH kept AS ({RUNNING}), counted AS ({RECOUNTED}) {_BESIDE}"
WRONG_TOTALS = f"WITH kept AS ({_TOTALS}), counted AS (SELECT * FROM ({RECOUNTED}) AS every WHERE events > 0) {_BESIDE}"  # noqa: S608 - our own
RUNNING_BEHIND = f"""
    WITH kept AS ({_TOTALS}), counted AS (SELECT *, NULL::timestamptz AS newest_at FROM ({RUNNING}) AS own WHERE events > 0)
    {_BESIDE}
"""  # noqa: S608 - our own
BILLS = """
    SELECT DISTINCT booked_in FROM usage_running JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND period = %(period)s ORDER BY 1
"""


def wrong_running(conn: Connection, service: str, period: Period, feed: str) -> tuple[Differing, ...]:
    """Running totals of a feed's period that are not what its events come to, on the first bill on which they are not."""
    given = {"service": service, "feed": feed, "period": period.key, "series_id": None, "snapshot_id": None}
    for booked_in in [period.key, *(row[0] for row in conn.execute(BILLS, given).fetchall())]:
        if wrong := _differing(conn, WRONG_RUNNING, {**given, "booked_in": booked_in}):
            return wrong
    return ()


def wrong_totals(
    conn: Connection, service: str, period: Period, feed: str, snapshot_id: int | None = None
) -> tuple[Differing, ...]:
    """Totals of a period that are not what a feed's events on its own bill come to, as of a snapshot or all."""
    return _differing(conn, WRONG_TOTALS, _own(service, period, feed, snapshot_id))


def totals_unlike_running(conn: Connection, service: str, period: Period, feed: str) -> tuple[Differing, ...]:
    """Totals of a period that are not a feed's running ones: all that can be told where the events are no longer kept."""
    return _differing(conn, RUNNING_BEHIND, _own(service, period, feed, None))


def _own(service: str, period: Period, feed: str, snapshot_id: int | None) -> dict[str, object]:
    bill = {"booked_in": period.key, "series_id": None, "snapshot_id": snapshot_id}
    return {"service": service, "feed": feed, "period": period.key, **bill}


def _differing(conn: Connection, statement: LiteralString, given: Mapping[str, object]) -> tuple[Differing, ...]:
    with conn.cursor(row_factory=class_row(Differing)) as cursor:
        found: Sequence[Differing] = cursor.execute(statement, given).fetchall()
    return tuple(found)
