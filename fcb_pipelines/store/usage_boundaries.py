"""A month's usage as it would be if its ends lay elsewhere.

Owns: the reading of events around the ends of a month; the caller owns the transaction. Does not own: usage totals (usage).
"""

from dataclasses import asdict, dataclass
from decimal import Decimal

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
    """What a month comes to between other ends, and the events that are in one count and not in the other."""

    quantity: Decimal
    moved: tuple[str, ...]
    """Idempotency keys, the first `MOST_KEYS` in time."""


SUM = """
    SELECT coalesce(sum(quantity), 0)
      FROM usage_event JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND external_subscription_id = %(external_subscription_id)s
       AND metric = %(metric)s AND period = ANY(%(periods)s) AND started_at >= %(start)s AND started_at < %(end)s
"""
MOVED = """
    SELECT idempotency_key
      FROM usage_event JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND feed = %(feed)s AND external_subscription_id = %(external_subscription_id)s
       AND metric = %(metric)s AND period = ANY(%(periods)s)
       AND (started_at >= %(start)s AND started_at < %(end)s) <> (started_at >= %(own_start)s AND started_at < %(own_end)s)
     ORDER BY started_at, idempotency_key COLLATE "C" LIMIT %(most)s
"""


def counted(conn: Connection, series: Series, period: Period, there: Period) -> Counted:
    """Sum the events of a month whose ends are those of `there`; of events that were taken back nothing is left in a sum."""
    given = {
        **asdict(series),
        "periods": [period.previous().key, period.key, period.next().key],
        "start": there.start,
        "end": there.end,
        "own_start": period.start,
        "own_end": period.end,
        "most": MOST_KEYS,
    }
    row = conn.execute(SUM, given).fetchone()
    keys = tuple(key for (key,) in conn.execute(MOVED, given))
    return Counted(quantity=ZERO if row is None else row[0], moved=keys)
