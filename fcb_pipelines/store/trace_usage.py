"""What a trace reads of usage: what the events of one series come to on a bill, and the single events.

Owns: no table; these are narrow views of those of store/events and store/usage, one series at a time. The caller owns the
transaction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import LiteralString

from psycopg.rows import class_row, dict_row

from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import UsageTotal
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.series import Series
from fcb_pipelines.store.usage import RECOUNTED

AT_ONCE = 2_000
"""Events that are read at a time."""

TOTAL = """
    SELECT external_subscription_id, metric, quantity, events FROM usage_total
     WHERE service = %s AND period = %s AND external_subscription_id = %s ORDER BY metric COLLATE "C"
"""


def totals_of(conn: Connection, service: str, period: str, subscription: str) -> tuple[UsageTotal, ...]:
    """The totals of one subscription's month, by metric."""
    with conn.cursor(row_factory=class_row(UsageTotal)) as cursor:
        return tuple(cursor.execute(TOTAL, [service, period, subscription]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the events of a series come to on a bill, counted again."""

    aggregation: str
    quantity: Decimal
    events: int
    newest_at: datetime | None
    """When the last of them was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Whose events of which month count: those booked up to a bill, of pulled ones those known at a snapshot."""

    series_id: int
    of: Series
    period: Period
    booked_in: str
    snapshot_id: int | None

    @property
    def given(self) -> dict[str, object]:
        """As the statements take it."""
        return {
            "series_id": self.series_id,
            "service": self.of.service,
            "feed": self.of.feed,
            "period": self.period.key,
            "booked_in": self.booked_in,
            "snapshot_id": self.snapshot_id,
        }


SERIES = """
    SELECT series_id FROM usage_series
     WHERE service = %s AND feed = %s AND external_subscription_id = %s AND metric = %s
"""
COUNTED = f"SELECT aggregation, quantity, events::bigint, newest_at FROM ({RECOUNTED}) AS recounted"  # noqa: S608 - our own


def series_id(conn: Connection, of: Series) -> int | None:
    """The number of a series; None where nothing was ever told of it."""
    row = conn.execute(SERIES, [*of]).fetchone()
    return None if row is None else int(row[0])


def counted(conn: Connection, bill: Bill) -> Counted | None:
    """What the events on a bill come to; None where there are none."""
    with conn.cursor(row_factory=class_row(Counted)) as cursor:
        return cursor.execute(COUNTED, bill.given).fetchone()


_COUNTS: LiteralString = "sum(CASE WHEN voids IS NULL THEN 1 ELSE -1 END)::bigint AS events, sum(quantity) AS quantity"
SINCE = "since"
"""Told after the month was metered."""
APART = f"""
    SELECT 'later bill' AS why, booked_in AS which, {_COUNTS} FROM usage_event
     WHERE series_id = %(series_id)s AND period = %(period)s AND booked_in > %(booked_in)s GROUP BY booked_in
    UNION ALL
    SELECT 'later snapshot', snapshot_id::text, {_COUNTS} FROM usage_event
     WHERE series_id = %(series_id)s AND period = %(period)s AND booked_in <= %(booked_in)s
       AND snapshot_id > %(snapshot_id)s::bigint GROUP BY snapshot_id
    UNION ALL
    SELECT '{SINCE}', '', {_COUNTS} FROM usage_event
     WHERE series_id = %(series_id)s AND period = %(period)s AND booked_in <= %(booked_in)s
       AND snapshot_id IS NULL AND stored_at >= %(built_at)s HAVING count(*) > 0
     ORDER BY 1, 2
"""  # noqa: S608 - our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Events of a month that are not on its bill as it was metered: late, or told since."""

    why: str
    which: str
    """The bill or the snapshot."""
    events: int
    quantity: Decimal


def apart(conn: Connection, bill: Bill, built_at: datetime) -> tuple[Apart, ...]:
    """Events of a bill's month that came too late for it, or after it was metered."""
    with conn.cursor(row_factory=class_row(Apart)) as cursor:
        return tuple(cursor.execute(APART, {**bill.given, "built_at": built_at}))


EVENTS = """
    SELECT event.idempotency_key, event.quantity, event.value, event.started_at, event.ended_at, event.booked_in, event.voids,
           event.snapshot_id, event.stored_at, identity.voided_by
      FROM usage_event AS event LEFT JOIN usage_identity AS identity USING (series_id, idempotency_key)
     WHERE event.series_id = %(series_id)s AND event.period = %(period)s
       AND (%(only_booked_in)s::text IS NULL OR event.booked_in = %(only_booked_in)s)
     ORDER BY event.started_at, event.idempotency_key COLLATE "C" LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKept:
    """A usage event, or what takes one back, as it is kept."""

    idempotency_key: str
    quantity: Decimal
    value: str | None
    started_at: datetime
    ended_at: datetime | None
    booked_in: str
    voids: str | None
    snapshot_id: int | None
    stored_at: datetime
    voided_by: str | None


def events(conn: Connection, bill: Bill, *, only_booked_in: str | None = None, most: int | None = None) -> Iterator[EventKept]:
    """The events of a series' month in the order of their time, whichever bill they are on; read while they are taken."""
    given = {**bill.given, "only_booked_in": only_booked_in, "most": most}
    with conn.cursor(f"events_of_{bill.series_id}", row_factory=class_row(EventKept)) as cursor:
        cursor.itersize = AT_ONCE
        yield from cursor.execute(EVENTS, given)


EVENT = """
    SELECT feed, event.idempotency_key, event.quantity, event.value, event.started_at, event.ended_at, event.booked_in,
           event.voids, event.snapshot_id, event.stored_at, identity.voided_by
      FROM usage_series JOIN usage_identity AS identity USING (series_id)
      JOIN usage_event AS event USING (series_id, idempotency_key, period)
     WHERE service = %s AND external_subscription_id = %s AND identity.idempotency_key = %s
     ORDER BY feed, metric COLLATE "C"
"""


def event(conn: Connection, service: str, subscription: str, key: str) -> tuple[tuple[str, EventKept], ...]:
    """The events of a subscription that have a key, each with its feed."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return tuple((row.pop("feed"), EventKept(**row)) for row in cursor.execute(EVENT, [service, subscription, key]))


IDENTITIES = "SELECT count(*) FROM usage_identity WHERE series_id = %s AND period = %s"


def identities(conn: Connection, series: int, period: str) -> int:
    """How many events of a month were ever stored, voids among them, whether they are still kept or not."""
    row = conn.execute(IDENTITIES, [series, period]).fetchone()
    return 0 if row is None else int(row[0])
