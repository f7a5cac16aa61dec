"""Usage totals of a period: the running ones taken over, or counted again from the events, and their sums.

Owns: table `usage_total`, the recount of events, and how running totals are read; the caller owns the transaction. Does not
own: how events and running totals are kept (events), how a reading is compared with what is stored (pulled).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import LiteralString

from psycopg.rows import class_row, dict_row

from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import UsageTotal
from fcb_pipelines.store.database import Connection

# What the events of a month come to, as the bill of `booked_in` has it; of one series, or of all. An event that was taken back
# is in a sum with what takes it back, and in nothing else.
#
# A full join, though every void has its event: there is no way to carry it out but to read both sides once. The planner, which
# until the next ANALYZE believes that nothing was taken back, would else look for the void of each event by itself.
_OF_SERIES: LiteralString = "(%(series_id)s::integer IS NULL OR series.series_id = %(series_id)s)"
_OF_BILL: LiteralString = f"""
    service = %(service)s AND feed = %(feed)s AND event.period = %(period)s AND event.booked_in <= %(booked_in)s
    AND {_OF_SERIES}
"""
RECOUNTED: LiteralString = f"""
    SELECT told.series_id, external_subscription_id, metric, aggregation,
           coalesce(CASE aggregation
                         WHEN 'sum' THEN sum(quantity)
                         WHEN 'max' THEN max(quantity) FILTER (WHERE stands)
                         WHEN 'last' THEN (array_agg(quantity ORDER BY started_at DESC, idempotency_key DESC)
                                           FILTER (WHERE stands AND aggregation = 'last'))[1]
                         ELSE count(DISTINCT value) FILTER (WHERE stands) END, 0) AS quantity,
           sum(CASE WHEN told.voids IS NULL THEN 1 ELSE -1 END) AS events,
           max(started_at) FILTER (WHERE stands AND aggregation = 'last') AS last_at,
           (array_agg(idempotency_key ORDER BY started_at DESC, idempotency_key DESC)
            FILTER (WHERE stands AND aggregation = 'last'))[1] AS last_key,
           max(stored_at) AS newest_at
      FROM (SELECT external_subscription_id, metric, aggregation, event.*
              FROM usage_series AS series JOIN usage_event AS event USING (series_id)
             WHERE {_OF_BILL} AND (%(snapshot_id)s::bigint IS NULL OR event.snapshot_id <= %(snapshot_id)s)) AS told
      FULL JOIN (SELECT event.series_id, event.voids
                   FROM usage_series AS series JOIN usage_event AS event USING (series_id)
                  WHERE {_OF_BILL} AND event.voids IS NOT NULL) AS void
        ON void.series_id = told.series_id AND void.voids = told.idempotency_key
     CROSS JOIN LATERAL (SELECT told.voids IS NULL AND void.voids IS NULL AS stands) AS standing
     GROUP BY told.series_id, external_subscription_id, metric, aggregation
    HAVING count(told.series_id) > 0
"""  # noqa: S608 - our own
DELETE_TOTALS = "DELETE FROM usage_total WHERE service = %(service)s AND period = %(period)s"
_INSERT_TOTALS: LiteralString = """
    INSERT INTO usage_total (service, period, external_subscription_id, metric, quantity, events)
    SELECT %(service)s, %(period)s, external_subscription_id, metric, quantity, events
"""
_STANDING: LiteralString = """
      FROM usage_running JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND period = %(period)s AND booked_in = %(period)s AND events > 0
"""
TAKE_OVER = f"{_INSERT_TOTALS} {_STANDING}"
COUNT_AGAIN = f"{_INSERT_TOTALS} FROM ({RECOUNTED}) AS recounted WHERE events > 0"


def replace_totals(conn: Connection, service: str, period: Period, feed: str) -> None:
    """Put the running totals of a feed, as the period's own bill has them, in place of the period's totals before."""
    given = _given(service, period, feed)
    conn.execute(DELETE_TOTALS, given)
    conn.execute(TAKE_OVER, given)


def replace_totals_as_of(conn: Connection, service: str, period: Period, feed: str, snapshot_id: int) -> None:
    """Count the events that were stored up to a snapshot, in place of the period's totals before."""
    given = _given(service, period, feed, snapshot_id)
    conn.execute(DELETE_TOTALS, given)
    conn.execute(COUNT_AGAIN, given)


STANDING = f"""
    SELECT external_subscription_id, metric, quantity, events {_STANDING}
     ORDER BY external_subscription_id COLLATE "C", metric COLLATE "C"
"""


def standing_totals(conn: Connection, service: str, period: Period, feed: str) -> tuple[UsageTotal, ...]:
    """The running totals of a feed as the period's own bill has them now, by subscription and metric."""
    with conn.cursor(row_factory=class_row(UsageTotal)) as cursor:
        return tuple(cursor.execute(STANDING, _given(service, period, feed)))


TOTALS = """
    SELECT external_subscription_id, metric, quantity, events
      FROM usage_total
     WHERE service = %(service)s AND period = %(period)s
       AND (%(only)s::text[] IS NULL OR external_subscription_id = ANY(%(only)s))
     ORDER BY external_subscription_id COLLATE "C", metric COLLATE "C"
"""


def totals(conn: Connection, service: str, period: str, only: Collection[str] | None = None) -> tuple[UsageTotal, ...]:
    """The totals of a period, of all subscriptions or some, by subscription and metric."""
    given = {"service": service, "period": period, "only": None if only is None else list(only)}
    with conn.cursor(row_factory=class_row(UsageTotal)) as cursor:
        return tuple(cursor.execute(TOTALS, given))


UNKNOWN = """
    SELECT total.external_subscription_id, total.metric, total.quantity, total.events
      FROM usage_total AS total
     WHERE total.service = %(service)s AND total.period = %(period)s
       AND NOT EXISTS (SELECT FROM snapshot_record AS place
                        WHERE place.snapshot_id = %(snapshot_id)s AND place.entity = 'subscriptions'
                          AND place.external_id = total.external_subscription_id)
     ORDER BY total.external_subscription_id COLLATE "C", total.metric COLLATE "C"
"""


def totals_of_unknown(conn: Connection, service: str, period: str, snapshot_id: int) -> tuple[UsageTotal, ...]:
    """Totals whose subscription is not among the good rows of a snapshot: use that nobody would be billed for."""
    given = {"service": service, "period": period, "snapshot_id": snapshot_id}
    with conn.cursor(row_factory=class_row(UsageTotal)) as cursor:
        return tuple(cursor.execute(UNKNOWN, given))


HAS_USAGE = """
    SELECT EXISTS (SELECT FROM usage_running JOIN usage_series USING (series_id)
                    WHERE service = %(service)s AND feed = %(feed)s AND period = %(period)s)
"""


def has_usage(conn: Connection, service: str, period: Period, feed: str) -> bool:
    """Whether a feed told anything of a period, be it of quantity 0 or taken back."""
    row = conn.execute(HAS_USAGE, _given(service, period, feed)).fetchone()
    return row is not None and bool(row[0])


WITH_EVENTS = """
    SELECT DISTINCT external_subscription_id FROM usage_running JOIN usage_series USING (series_id)
     WHERE service = %s AND period >= %s AND events > 0
"""


def subscriptions_with_usage(conn: Connection, service: str, first: Period) -> frozenset[str]:
    """Subscriptions that used anything in the first period in scope or later."""
    return frozenset(row[0] for row in conn.execute(WITH_EVENTS, [service, first.key]))


KNOWN = """
    WITH asked AS (SELECT unnest(%(ids)s::text[]) AS external_id)
    SELECT external_id FROM asked
     WHERE EXISTS (SELECT FROM usage_series WHERE service = %(service)s AND external_subscription_id = external_id)
        OR external_id IN (SELECT external_id FROM snapshot_record
                            WHERE entity = 'subscriptions'
                              AND snapshot_id = (SELECT max(snapshot_id) FROM source_snapshot WHERE service = %(service)s))
"""


def known_subscriptions(conn: Connection, service: str, ids: Collection[str]) -> frozenset[str]:
    """Which of these are subscriptions of the service: in its last snapshot, or with usage that is stored."""
    return frozenset(row[0] for row in conn.execute(KNOWN, {"service": service, "ids": list(ids)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """How many events there are, and their quantities summed per metric."""

    events: int
    quantities: Mapping[str, Decimal]

    def __add__(self, other: "Amounts") -> "Amounts":
        return self._with(other, 1)

    def __sub__(self, other: "Amounts") -> "Amounts":
        return self._with(other, -1)

    def agrees_with(self, other: "Amounts") -> bool:
        """Whether both are the same to the last decimal; a metric that one lacks counts as zero there."""
        rest = self - other
        return not rest.events and not any(rest.quantities.values())

    def _with(self, other: "Amounts", sign: int) -> "Amounts":
        sums = {
            metric: self.quantities.get(metric, ZERO) + sign * other.quantities.get(metric, ZERO)
            for metric in sorted({*self.quantities, *other.quantities})
        }
        return Amounts(events=self.events + sign * other.events, quantities=sums)


EVENT_SUMS = """
    SELECT metric, sum(CASE WHEN voids IS NULL THEN 1 ELSE -1 END)::bigint AS events, sum(quantity) AS quantity
      FROM usage_event JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND period = %(period)s
       AND (%(snapshot_id)s::bigint IS NULL OR snapshot_id <= %(snapshot_id)s)
     GROUP BY metric ORDER BY metric
"""
_SUMS: LiteralString = "SELECT metric, sum(events)::bigint AS events, sum(quantity) AS quantity"
RECOUNTED_SUMS = f"{_SUMS} FROM ({RECOUNTED}) AS recounted GROUP BY metric ORDER BY metric"
RUNNING_SUMS = f"""
    {_SUMS} FROM usage_running JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND period = %(period)s AND booked_in = %(period)s
     GROUP BY metric ORDER BY metric
"""
TOTAL_SUMS = f"{_SUMS} FROM usage_total WHERE service = %(service)s AND period = %(period)s GROUP BY metric ORDER BY metric"


def event_sums(conn: Connection, service: str, period: Period, feed: str, snapshot_id: int | None = None) -> Amounts:
    """The quantities of a period's events, stored up to a snapshot or all; late ones too."""
    return _amounts(conn, EVENT_SUMS, _given(service, period, feed, snapshot_id))


def recounted_sums(conn: Connection, service: str, period: Period, feed: str, snapshot_id: int | None = None) -> Amounts:
    """What the events that are on the period's own bill come to, each metric by its aggregation, counted again."""
    return _amounts(conn, RECOUNTED_SUMS, _given(service, period, feed, snapshot_id))


def running_sums(conn: Connection, service: str, period: Period, feed: str) -> Amounts:
    """The running totals of a feed's period, as its own bill has them."""
    return _amounts(conn, RUNNING_SUMS, _given(service, period, feed))


def total_sums(conn: Connection, service: str, period: Period) -> Amounts:
    """The totals of a period."""
    return _amounts(conn, TOTAL_SUMS, _given(service, period, ""))


def _amounts(conn: Connection, statement: LiteralString, given: Mapping[str, object]) -> Amounts:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, given).fetchall()
    return Amounts(events=sum(int(row["events"]) for row in rows), quantities={row["metric"]: row["quantity"] for row in rows})


def _given(service: str, period: Period, feed: str, snapshot_id: int | None = None) -> dict[str, object]:
    bill = {"booked_in": period.key, "series_id": None, "snapshot_id": snapshot_id}
    return {"service": service, "period": period.key, "feed": feed, **bill}
