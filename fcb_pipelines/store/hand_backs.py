"""Usage handed back to the source, in our store: rows are only ever added.

Owns: table `hand_back`, and the sum of a subscription's usage over a time; the caller owns the transaction. Does not own: how
usage is stored (events), what is handed back (acts/unflip_steps).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import LiteralString

from fcb_pipelines.domain.unflips import HandBack
from fcb_pipelines.store.database import Connection

# An event that was taken back is in a sum with what takes it back, and in nothing else.
USED: LiteralString = """
    SELECT metric,
           coalesce(CASE aggregation
                         WHEN 'sum' THEN sum(quantity)
                         WHEN 'max' THEN max(quantity) FILTER (WHERE stands)
                         WHEN 'last' THEN (array_agg(quantity ORDER BY started_at DESC, idempotency_key DESC)
                                           FILTER (WHERE stands))[1]
                         ELSE count(DISTINCT value) FILTER (WHERE stands) END, 0) AS quantity
      FROM (SELECT series.metric, series.aggregation, event.*,
                   event.voids IS NULL AND NOT EXISTS (SELECT FROM usage_event AS void WHERE void.series_id = event.series_id
                                                          AND void.voids = event.idempotency_key) AS stands
              FROM usage_series AS series JOIN usage_event AS event USING (series_id)
             WHERE service = %(service)s AND feed = %(feed)s AND external_subscription_id = %(subscription)s
               AND started_at >= %(start)s AND started_at < %(end)s) AS told
     GROUP BY metric, aggregation ORDER BY metric
"""
ADD = """
    INSERT INTO hand_back (service, external_subscription_id, charge, service_range, quantity, because, reference, noted_at)
    VALUES (%s, %s, %s, tstzrange(%s, %s), %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
OF_REFERENCE = """
    SELECT external_subscription_id, charge, lower(service_range), upper(service_range), quantity FROM hand_back
     WHERE service = %s AND reference = %s
     ORDER BY external_subscription_id COLLATE "C", charge COLLATE "C", service_range
"""


def used(
    conn: Connection, service: str, feed: str, subscription: str, between: tuple[datetime, datetime]
) -> dict[str, Decimal]:
    """What a subscription used in `[start, end)`, by metric, each by its aggregation; what began in it counts."""
    given = {"service": service, "feed": feed, "subscription": subscription, "start": between[0], "end": between[1]}
    return dict(conn.execute(USED, given).fetchall())


def add(conn: Connection, service: str, rows: Iterable[HandBack], *, because: str, reference: str, now: datetime) -> None:
    """Note what is handed back; the same again is noted once."""
    with conn.cursor() as cursor:
        values = [
            (service, one.external_subscription_id, one.charge, one.service_from, one.service_to, one.quantity) for one in rows
        ]
        cursor.executemany(ADD, [(*each, because, reference, now) for each in values])


def of_reference(conn: Connection, service: str, reference: str) -> tuple[HandBack, ...]:
    """What was handed back for a reason such as a flip."""
    return tuple(
        HandBack(external_subscription_id=one, charge=charge, service_from=start, service_to=end, quantity=quantity)
        for one, charge, start, end, quantity in conn.execute(OF_REFERENCE, [service, reference])
    )
