"""The two feeds of a month compared inside Postgres, however many events they have.

Owns: the pairing of `domain.feeds.compare` in sets; the caller owns the transaction, in which it makes temporary tables. Does
not own: what a difference is (domain/feeds). Reads the month's partition of `usage_event`, once.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from psycopg.rows import dict_row

from fcb_pipelines.domain.feeds import Comparison, Figure, Finding, Found, Kind, SubscriptionFeeds, Told
from fcb_pipelines.domain.period import Period
from fcb_pipelines.store import retention
from fcb_pipelines.store.database import Connection

EVERY_BILL = "9999-12"
STILL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
METRICS = """
    SELECT metric, array_agg(DISTINCT feed) AS feeds FROM usage_running JOIN usage_series USING (series_id)
     WHERE service = %(service)s AND period = %(period)s AND booked_in <= %(bill)s AND events > 0
     GROUP BY metric ORDER BY metric COLLATE "C"
"""
LATE = """
    SELECT DISTINCT running.period
      FROM usage_running AS running JOIN usage_series AS series USING (series_id)
      JOIN usage_closing AS closing ON closing.service = series.service AND closing.period = running.period
     WHERE series.service = %(service)s AND running.booked_in = %(bill)s AND running.period < %(bill)s
       AND closing.billed_feed = %(billed_feed)s
     ORDER BY 1
"""
# One number for a subscription and metric, whichever feed tells it.
_SUBJECTS: LiteralString = """
    SELECT series_id, feed, external_subscription_id, metric,
           min(series_id) OVER (PARTITION BY external_subscription_id, metric) AS subject
      FROM usage_series WHERE service = %(service)s AND metric = ANY(%(metrics)s)
"""
# A full join for the reason that `usage.RECOUNTED` gives.
_STANDING: LiteralString = """
      FROM (SELECT series.*, idempotency_key, started_at, quantity, value, voids
              FROM usage_event JOIN series USING (series_id)
             WHERE period = %(period)s AND booked_in <= %(bill)s AND started_at < %(until)s) AS event
      FULL JOIN (SELECT series_id, voids AS key FROM usage_event JOIN series USING (series_id)
                  WHERE period = %(period)s AND booked_in <= %(bill)s AND started_at < %(until)s AND voids IS NOT NULL) AS void
        ON void.series_id = event.series_id AND void.key = event.idempotency_key
     WHERE event.voids IS NULL AND void.key IS NULL
"""
TABLES = """
    CREATE TEMPORARY TABLE feed_told (
        subject integer NOT NULL, is_pushed boolean NOT NULL, key text COLLATE "C" NOT NULL, started_at timestamptz NOT NULL,
        quantity numeric NOT NULL, value text COLLATE "C" NOT NULL) ON COMMIT DROP;
    CREATE TEMPORARY TABLE feed_difference (
        subject integer NOT NULL, kind text NOT NULL,
        pulled_key text, pulled_at timestamptz, pulled_quantity numeric, pulled_value text,
        pushed_key text, pushed_at timestamptz, pushed_quantity numeric, pushed_value text) ON COMMIT DROP;
    CREATE TEMPORARY TABLE feed_total (
        subject integer PRIMARY KEY, pulled numeric, pushed numeric, pulled_events bigint NOT NULL,
        pushed_events bigint NOT NULL) ON COMMIT DROP
"""
TELL = f"""
    WITH series AS ({_SUBJECTS})
    INSERT INTO feed_told
    SELECT subject, feed = 'pushed', idempotency_key, started_at, quantity, coalesce(value, '') {_STANDING}
"""
# `n` numbers the like of an event in its feed, those first whose key the other feed has too; `nth` only those that it has not.
DIFFER = """
    WITH marked AS (
        SELECT told.*, other.key IS NOT NULL AS is_keyed
          FROM feed_told AS told LEFT JOIN feed_told AS other
            ON other.subject = told.subject AND other.key = told.key AND other.is_pushed <> told.is_pushed),
    numbered AS (
        SELECT marked.*, row_number() OVER (PARTITION BY subject, is_pushed, started_at, quantity, value
                                            ORDER BY is_keyed DESC, key) AS n,
               count(*) FILTER (WHERE is_keyed) OVER (PARTITION BY subject, is_pushed, started_at, quantity, value) AS keyed
          FROM marked),
    rest AS MATERIALIZED (SELECT *, n - keyed AS nth FROM numbered WHERE NOT is_keyed),
    unlike AS (
        SELECT rest.*, row_number() OVER (PARTITION BY subject, is_pushed, started_at ORDER BY quantity, value, key) AS m
          FROM rest
         WHERE NOT EXISTS (SELECT FROM rest AS other
                            WHERE other.subject = rest.subject AND other.started_at = rest.started_at
                              AND other.quantity = rest.quantity AND other.value = rest.value AND other.nth = rest.nth
                              AND other.is_pushed <> rest.is_pushed)),
    apart AS (
        SELECT subject, started_at, pulled.key AS pulled_key, pulled.quantity AS pulled_quantity, pulled.value AS pulled_value,
               pulled.n AS pulled_n, pushed.key AS pushed_key, pushed.quantity AS pushed_quantity,
               pushed.value AS pushed_value, pushed.n AS pushed_n
          FROM (SELECT * FROM unlike WHERE NOT is_pushed) AS pulled
          FULL JOIN (SELECT * FROM unlike WHERE is_pushed) AS pushed USING (subject, started_at, m))
    INSERT INTO feed_difference
    SELECT subject, CASE WHEN pulled_key IS NOT NULL AND pushed_key IS NOT NULL THEN 'different'
                         WHEN pulled_n = 1 THEN 'only pulled' WHEN pulled_n > 1 THEN 'twice pulled'
                         WHEN pushed_n = 1 THEN 'only pushed' ELSE 'twice pushed' END,
           pulled_key, CASE WHEN pulled_key IS NOT NULL THEN started_at END, pulled_quantity, pulled_value,
           pushed_key, CASE WHEN pushed_key IS NOT NULL THEN started_at END, pushed_quantity, pushed_value
      FROM apart
    UNION ALL
    SELECT subject, 'different', key, pulled.started_at, pulled.quantity, pulled.value,
           key, pushed.started_at, pushed.quantity, pushed.value
      FROM (SELECT * FROM feed_told WHERE NOT is_pushed) AS pulled
      JOIN (SELECT * FROM feed_told WHERE is_pushed) AS pushed USING (subject, key)
     WHERE (pulled.started_at, pulled.quantity, pulled.value) <> (pushed.started_at, pushed.quantity, pushed.value)
"""
_TOTAL: LiteralString = """
    CASE aggregation
         WHEN 'sum' THEN sum(quantity) FILTER (WHERE {side})
         WHEN 'max' THEN max(quantity) FILTER (WHERE {side})
         WHEN 'last' THEN (array_agg(quantity ORDER BY started_at DESC, key DESC)
                           FILTER (WHERE {side} AND aggregation = 'last'))[1]
         ELSE count(DISTINCT value) FILTER (WHERE {side}) END
"""
_PULLED: LiteralString = _TOTAL.replace("{side}", "NOT is_pushed")
_PUSHED: LiteralString = _TOTAL.replace("{side}", "is_pushed")
TOTAL = f"""
    INSERT INTO feed_total
    SELECT subject, coalesce({_PULLED}, 0), coalesce({_PUSHED}, 0), count(*) FILTER (WHERE NOT is_pushed),
           count(*) FILTER (WHERE is_pushed)
      FROM feed_told JOIN usage_series ON series_id = subject GROUP BY subject, aggregation
"""  # noqa: S608 - our own
SUMS = """
    SELECT metric, sum(pulled), sum(pushed), count(*) FROM feed_total JOIN usage_series ON series_id = subject
     GROUP BY metric ORDER BY metric COLLATE "C"
"""
FIGURES = """
    SELECT kind, count(*), coalesce(sum(pulled_quantity), 0), coalesce(sum(pushed_quantity), 0)
      FROM feed_difference GROUP BY kind ORDER BY kind
"""
DIFFERING = "SELECT count(DISTINCT subject) FROM feed_difference"
SUBSCRIPTIONS = """
    SELECT external_subscription_id, metric, pulled, pushed, pulled_events, pushed_events,
           jsonb_object_agg(kind, events ORDER BY kind) AS differences
      FROM (SELECT subject, kind, count(*) AS events FROM feed_difference GROUP BY subject, kind) AS counted
      JOIN feed_total USING (subject) JOIN usage_series ON series_id = subject
     GROUP BY subject, external_subscription_id, metric, pulled, pushed, pulled_events, pushed_events
     ORDER BY abs(pulled - pushed) DESC, external_subscription_id COLLATE "C", metric COLLATE "C" LIMIT %(most)s
"""
FIRST = """
    SELECT * FROM (
        SELECT external_subscription_id, metric, difference.*,
               row_number() OVER (PARTITION BY kind ORDER BY external_subscription_id COLLATE "C", metric COLLATE "C",
                                  coalesce(pulled_at, pushed_at), coalesce(pulled_key, pushed_key) COLLATE "C") AS nth
          FROM feed_difference AS difference JOIN usage_series ON series_id = subject) AS ordered
     WHERE nth <= %(most)s ORDER BY kind, nth
"""


def metrics(conn: Connection, service: str, period: Period, bill: str = EVERY_BILL) -> dict[str, list[str]]:
    """The feeds that tell anything of a month, by metric."""
    return dict(conn.execute(METRICS, {"service": service, "period": period.key, "bill": bill}).fetchall())


def late_months(conn: Connection, service: str, bill: Period, billed_feed: str) -> tuple[str, ...]:
    """The closed months, billed by one feed, of which either feed told something that came when a bill was open."""
    given = {"service": service, "bill": bill.key, "billed_feed": billed_feed}
    return tuple(row[0] for row in conn.execute(LATE, given))


def compare_feeds(
    conn: Connection, service: str, period: Period, until: datetime, *, most: int, bill: str = EVERY_BILL
) -> Comparison:
    """Compare what both feeds tell of a month, of events that began before `until`; at most so many of each kind are listed.

    As the bill of a month has it where that is given: what is on later bills is left out. Must be given a transaction that did
    nothing yet: it sees everything as of one moment.
    """
    conn.execute(STILL)
    given = {"service": service, "period": period.key, "until": until, "bill": bill, "most": most}
    by_metric = metrics(conn, service, period, bill)
    is_kept = period.key not in retention.dropped(conn)
    given["metrics"] = [metric for metric, feeds in by_metric.items() if len(feeds) > 1 and is_kept]
    conn.execute(TABLES)
    if given["metrics"]:
        conn.execute(TELL, given)
        conn.execute("ANALYZE feed_told")
        conn.execute(DIFFER)
        conn.execute(TOTAL)
    sums = conn.execute(SUMS).fetchall()
    return Comparison(
        until=until,
        metrics={metric: (pulled, pushed) for metric, pulled, pushed, _ in sums},
        alone={metric: feeds[0] for metric, feeds in by_metric.items() if len(feeds) == 1},
        compared=sum(count for *_, count in sums),
        differing=_one(conn, DIFFERING),
        figures={Kind(kind): Figure(events=events, pulled=one, pushed=other) for kind, events, one, other in _rows(conn)},
        subscriptions=_subscriptions(conn, given),
        first=_first(conn, given),
        is_kept=is_kept,
    )


ONE = f"""
    WITH series AS (SELECT series_id, feed, metric FROM usage_series
                     WHERE service = %(service)s AND external_subscription_id = %(subscription)s)
    SELECT metric, feed, idempotency_key, started_at, quantity, value {_STANDING}
     ORDER BY metric COLLATE "C", feed, started_at, idempotency_key
"""  # noqa: S608 - our own


def told(
    conn: Connection, service: str, period: Period, subscription: str, until: datetime
) -> dict[str, dict[str, list[Told]]]:
    """What each feed tells of one subscription: metric → feed → events that began before `until`."""
    found: dict[str, dict[str, list[Told]]] = {}
    about = {"service": service, "subscription": subscription}
    given = {**about, "period": period.key, "until": until, "bill": EVERY_BILL}
    for metric, feed, key, started_at, quantity, value in conn.execute(ONE, given):
        event = Told(key=key, started_at=started_at, quantity=quantity, value=value)
        found.setdefault(metric, {}).setdefault(feed, []).append(event)
    return found


def _one(conn: Connection, statement: LiteralString) -> int:
    row = conn.execute(statement).fetchone()
    return 0 if row is None else int(row[0])


def _rows(conn: Connection) -> list[tuple[str, int, Decimal, Decimal]]:
    return [(kind, int(events), one, other) for kind, events, one, other in conn.execute(FIGURES)]


def _subscriptions(conn: Connection, given: Mapping[str, object]) -> tuple[SubscriptionFeeds, ...]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(SUBSCRIPTIONS, given).fetchall()
    return tuple(
        SubscriptionFeeds(**{**row, "differences": {Kind(kind): n for kind, n in row["differences"].items()}}) for row in rows
    )


def _first(conn: Connection, given: Mapping[str, object]) -> tuple[Found, ...]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(FIRST, given).fetchall()
    return tuple(
        Found(
            external_subscription_id=row["external_subscription_id"],
            metric=row["metric"],
            finding=Finding(kind=Kind(row["kind"]), pulled=_told(row, "pulled"), pushed=_told(row, "pushed")),
        )
        for row in rows
    )


def _told(row: Mapping[str, Any], side: str) -> Told | None:
    if row[f"{side}_key"] is None:
        return None
    at, quantity, value = (row[f"{side}_{name}"] for name in ("at", "quantity", "value"))
    return Told(key=row[f"{side}_key"], started_at=at, quantity=quantity, value=value or None)
