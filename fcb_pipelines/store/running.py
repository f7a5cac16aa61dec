"""Running totals of one subscription, as whoever sent its usage may read them back.

Owns: reading `usage_running` by subscription. Does not own: how it is kept (events, voids), the totals of a period (usage).
"""

from dataclasses import dataclass
from decimal import Decimal

from psycopg.rows import class_row

from fcb_pipelines.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTotal:
    """What a month comes to on the bill of `booked_in`: all events booked up to then."""

    feed: str
    metric: str
    aggregation: str
    booked_in: str
    quantity: Decimal
    events: int


OF_SUBSCRIPTION = """
    SELECT feed, metric, series.aggregation, booked_in, quantity, events
      FROM usage_series AS series JOIN usage_running USING (series_id)
     WHERE service = %s AND external_subscription_id = %s AND period = %s
     ORDER BY metric COLLATE "C", feed, booked_in
"""


def of_subscription(conn: Connection, service: str, subscription: str, period: str) -> tuple[RunningTotal, ...]:
    """The running totals of a subscription's month, by metric, feed and bill."""
    with conn.cursor(row_factory=class_row(RunningTotal)) as cursor:
        return tuple(cursor.execute(OF_SUBSCRIPTION, [service, subscription, period]))
