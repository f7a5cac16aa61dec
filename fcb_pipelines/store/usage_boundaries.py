"""A month's usage of one series as it would be counted otherwise: between other ends, by the other feed, as of a moment.

Owns: the reading of single events for that; the caller owns the transaction. Does not own: usage totals (usage), the comparison
of whole feeds (feeds). For metrics that are summed.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import LiteralString

from psycopg.rows import class_row

from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.period import Period
from fcb_pipelines.store.database import Connection

MOST_KEYS = 50
"""Events that are named; the quantity counts all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The events of one subscription and metric in one feed."""

    service: str
    feed: str
    external_subscription_id: str
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a month comes to in another count, and the events that are in one count and not in the other."""

    quantity: Decimal
    moved: tuple[str, ...]
    """Idempotency keys, the first `MOST_KEYS` in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """An event that one feed has and the other has not, by its time and quantity."""

    is_own: bool
    is_again: bool
    """Whether its feed has another one like it that the other feed has too."""
    idempotency_key: str


# Voids are negative, so that of events that were taken back nothing is left in a sum.
_OF_SERIES: LiteralString = """
      FROM usage_event JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND external_subscription_id = %(external_subscription_id)s
       AND metric = %(metric)s AND aggregation = 'sum' AND period = ANY(%(periods)s)
"""
SUM = f"SELECT coalesce(sum(quantity), 0) {_OF_SERIES} AND started_at >= %(start)s AND started_at < %(end)s"
MOVED = f"""
    SELECT idempotency_key {_OF_SERIES}
       AND (started_at >= %(start)s AND started_at < %(end)s) <> (started_at >= %(own_start)s AND started_at < %(own_end)s)
     ORDER BY started_at, idempotency_key COLLATE "C" LIMIT %(most)s
"""


def counted(conn: Connection, series: Series, period: Period, there: Period) -> Counted:
    """Sum the events of a month whose ends are those of `there`."""
    given = {
        **asdict(series),
        "periods": [period.previous().key, period.key, period.next().key],
        "start": there.start,
        "end": there.end,
        "own_start": period.start,
        "own_end": period.end,
        "most": MOST_KEYS,
    }
    return _counted(conn, SUM, MOVED, given)


BEFORE = f"SELECT coalesce(sum(quantity), 0) {_OF_SERIES} AND stored_at < %(moment)s"
LATER = f"""
    SELECT idempotency_key {_OF_SERIES} AND stored_at >= %(moment)s
     ORDER BY started_at, idempotency_key COLLATE "C" LIMIT %(most)s
"""


def as_of(conn: Connection, series: Series, period: Period, moment: datetime) -> Counted:
    """Sum the events of a month that were stored before a moment; those that came later are named."""
    given = {**asdict(series), "periods": [period.key], "moment": moment, "most": MOST_KEYS}
    return _counted(conn, BEFORE, LATER, given)


WHOLE = f"SELECT coalesce(sum(quantity), 0), count(*) {_OF_SERIES}"
_STANDING: LiteralString = """
    SELECT feed, idempotency_key, started_at, quantity,
           row_number() OVER (PARTITION BY feed, started_at, quantity ORDER BY idempotency_key COLLATE "C") AS n
      FROM usage_event AS event JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND external_subscription_id = %(external_subscription_id)s
       AND metric = %(metric)s AND aggregation = 'sum' AND period = %(period)s AND voids IS NULL
       AND NOT EXISTS (SELECT FROM usage_event AS void
                        WHERE void.series_id = event.series_id AND void.voids = event.idempotency_key)
"""
APART = f"""
    WITH standing AS ({_STANDING})
    SELECT feed = %(feed)s AS is_own, n > 1 AS is_again, idempotency_key FROM standing AS one
     WHERE NOT EXISTS (SELECT FROM standing AS other
                        WHERE other.feed <> one.feed AND other.started_at = one.started_at
                          AND other.quantity = one.quantity AND other.n = one.n)
     ORDER BY started_at, idempotency_key COLLATE "C"
"""  # noqa: S608 - our own


def by_feed(conn: Connection, series: Series, period: Period, other: str) -> tuple[Decimal, tuple[Apart, ...]] | None:
    """What the other feed tells of a month, and the events that only one of both has; None where the other tells nothing."""
    given = {**asdict(replace(series, feed=other)), "periods": [period.key]}
    row = conn.execute(WHOLE, given).fetchone()
    if row is None or not row[1]:
        return None
    with conn.cursor(row_factory=class_row(Apart)) as cursor:
        apart = tuple(cursor.execute(APART, {**asdict(series), "period": period.key}))
    return row[0], apart


def _counted(conn: Connection, summed: LiteralString, named: LiteralString, given: dict[str, object]) -> Counted:
    row = conn.execute(summed, given).fetchone()
    keys = tuple(key for (key,) in conn.execute(named, given))
    return Counted(quantity=ZERO if row is None else row[0], moved=keys)
