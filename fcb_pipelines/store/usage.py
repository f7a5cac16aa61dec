"""Usage: events as they were pulled, each kept once for ever, and their totals per subscription and metric.

Owns: tables `usage_event`, `usage_total`; the caller owns the transaction. Does not own: how a reading is compared with what is
stored (store/pulled).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import LiteralString

from psycopg.rows import class_row, dict_row

from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, UsageTotal
from fcb_pipelines.store.database import Connection

DELETE_TOTALS = "DELETE FROM usage_total WHERE service = %(service)s AND period = %(period)s"
INSERT_TOTALS = """
    INSERT INTO usage_total (service, period, external_subscription_id, metric, quantity, events)
    SELECT service, %(period)s, external_subscription_id, metric, sum(quantity), count(*)
      FROM usage_event
     WHERE service = %(service)s AND feed = %(feed)s AND snapshot_id <= %(snapshot_id)s
       AND started_at >= %(start)s AND started_at < %(end)s
     GROUP BY service, external_subscription_id, metric
"""


def replace_totals(conn: Connection, service: str, period: Period, snapshot_id: int) -> None:
    """Sum the events of a period that were stored up to a snapshot, in place of the totals before."""
    given = _period(service, period) | {"snapshot_id": snapshot_id}
    conn.execute(DELETE_TOTALS, given)
    conn.execute(INSERT_TOTALS, given)


TOTALS = """
    SELECT external_subscription_id, metric, quantity, events
      FROM usage_total WHERE service = %s AND period = %s ORDER BY external_subscription_id COLLATE "C", metric COLLATE "C"
"""


def totals(conn: Connection, service: str, period: str) -> tuple[UsageTotal, ...]:
    """The totals of a period, by subscription and metric."""
    with conn.cursor(row_factory=class_row(UsageTotal)) as cursor:
        return tuple(cursor.execute(TOTALS, [service, period]))


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


WITH_EVENTS = "SELECT DISTINCT external_subscription_id FROM usage_event WHERE service = %s AND started_at >= %s"


def subscriptions_with_usage(conn: Connection, service: str, first: Period) -> frozenset[str]:
    """Subscriptions with any event from the first period in scope on."""
    return frozenset(row[0] for row in conn.execute(WITH_EVENTS, [service, first.start]))


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
    SELECT metric, count(*) AS events, sum(quantity) AS quantity
      FROM usage_event
     WHERE service = %(service)s AND feed = %(feed)s AND snapshot_id <= %(snapshot_id)s
       AND started_at >= %(start)s AND started_at < %(end)s
     GROUP BY metric ORDER BY metric
"""
TOTAL_SUMS = """
    SELECT metric, sum(events)::bigint AS events, sum(quantity) AS quantity
      FROM usage_total WHERE service = %(service)s AND period = %(period)s GROUP BY metric ORDER BY metric
"""


def event_sums(conn: Connection, service: str, period: Period, snapshot_id: int) -> Amounts:
    """The pulled events of a period that were stored up to a snapshot."""
    return _amounts(conn, EVENT_SUMS, _period(service, period) | {"snapshot_id": snapshot_id})


def total_sums(conn: Connection, service: str, period: Period) -> Amounts:
    """The totals of a period."""
    return _amounts(conn, TOTAL_SUMS, _period(service, period))


def _amounts(conn: Connection, statement: LiteralString, given: Mapping[str, object]) -> Amounts:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, given).fetchall()
    return Amounts(events=sum(int(row["events"]) for row in rows), quantities={row["metric"]: row["quantity"] for row in rows})


def _period(service: str, period: Period) -> dict[str, object]:
    return {"service": service, "period": period.key, "feed": PULLED, "start": period.start, "end": period.end}
