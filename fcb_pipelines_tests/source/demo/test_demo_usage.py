"""The demo's usage: monthly totals as written down, and the records at the edges of a month."""

from decimal import Decimal
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from fcb_pipelines.source.demo.tables import cells
from fcb_pipelines.source.demo.usage import METERED

Demo = psycopg.Connection[TupleRow]

MONTHS = ("2026-03", "2026-04", "2026-05")
LOCAL_MONTH: LiteralString = "to_char(period_start AT TIME ZONE 'UTC' AT TIME ZONE 'America/Toronto', 'YYYY-MM')"


@pytest.mark.parametrize("month", MONTHS)
def test_each_month_adds_up_to_what_is_written_down(demo: Demo, month: str) -> None:
    rows = demo.execute(
        f"SELECT subscription_id, sum(cpu_hours) FROM usage_records WHERE {LOCAL_MONTH} = %s GROUP BY 1 ORDER BY 1", [month]
    ).fetchall()
    assert rows == [(f"SUB-{row['id']}", Decimal(row[month])) for row in cells(METERED) if row[month] != "-"]


@pytest.mark.parametrize(("month", "records"), [("2026-02", 1), ("2026-03", 1431), ("2026-04", 1776), ("2026-05", 1135)])
def test_there_are_a_few_thousand_records(demo: Demo, month: str, records: int) -> None:
    assert demo.execute(f"SELECT count(*) FROM usage_records WHERE {LOCAL_MONTH} = %s", [month]).fetchone() == (records,)


@pytest.mark.parametrize(
    ("edge", "subscription", "start", "month"),
    [
        ("exactly the boundary", "SUB-1035", "2026-04-01 04:00", "2026-04"),
        ("an hour before it", "SUB-1035", "2026-04-01 03:00", "2026-03"),
        ("winter time", "SUB-1035", "2026-03-01 05:00", "2026-03"),
        ("a day of UTC across the month's end", "SUB-1021", "2026-04-01 00:00", "2026-03"),
        ("the last day of UTC", "SUB-1001", "2026-06-01 00:00", "2026-05"),
        ("before the window", "SUB-1001", "2026-03-01 00:00", "2026-02"),
    ],
    ids=lambda given: given if " " in given and "-" not in given else "",
)
def test_a_record_belongs_to_the_month_in_toronto_it_starts_in(
    demo: Demo, edge: str, subscription: str, start: str, month: str
) -> None:
    find = f"SELECT {LOCAL_MONTH} FROM usage_records WHERE subscription_id = %s AND period_start = %s"
    assert demo.execute(find, [subscription, start]).fetchone() == (month,), edge


def test_days_of_utc_cross_the_months_end(demo: Demo) -> None:
    crossing = """SELECT count(*) FROM usage_records
                  WHERE period_start < '2026-04-01 04:00' AND period_end > '2026-04-01 04:00'"""
    assert demo.execute(crossing).fetchone() == (11,)


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT subscription_id FROM usage_records WHERE cpu_hours < 0",
        """SELECT subscription_id, period_start FROM usage_records JOIN subscriptions ON id = subscription_id
           WHERE period_start < (started_at AT TIME ZONE 'UTC') - interval '1 hour'
              OR period_start >= cancelled_at AT TIME ZONE 'UTC'""",
        """SELECT subscription_id FROM usage_records AS one JOIN usage_records AS other USING (subscription_id)
           WHERE one.period_start < other.period_start AND one.period_end > other.period_start""",
        """SELECT subscription_id FROM usage_records
           WHERE period_end - period_start NOT IN (interval '1 hour', interval '24 hours')""",
    ],
)
def test_no_record_is_negative_overlapping_or_outside_its_subscription(demo: Demo, broken: LiteralString) -> None:
    assert demo.execute(broken).fetchall() == []


@pytest.mark.parametrize(
    ("subscription", "gaps"), [("SUB-1004", 2), ("SUB-1035", 1), ("SUB-1001", 0)], ids=["two gaps", "one gap", "none"]
)
def test_some_meters_were_silent(demo: Demo, subscription: str, gaps: int) -> None:
    silent = """SELECT count(*) FROM (
                    SELECT period_start, lag(period_end) OVER (ORDER BY period_start) AS before
                    FROM usage_records WHERE subscription_id = %s) AS record
                WHERE before < period_start"""
    assert demo.execute(silent, [subscription]).fetchone() == (gaps,)


@pytest.mark.parametrize(("subscription", "idle"), [("SUB-1036", 92), ("SUB-1013", 55), ("SUB-1035", 48), ("SUB-1001", 0)])
def test_some_machines_were_idle(demo: Demo, subscription: str, idle: int) -> None:
    zeros = "SELECT count(*) FROM usage_records WHERE subscription_id = %s AND cpu_hours = 0"
    assert demo.execute(zeros, [subscription]).fetchone() == (idle,)


def test_a_total_at_the_quota_is_not_above_it(demo: Demo) -> None:
    at = """SELECT subscription_id FROM usage_records
            JOIN subscriptions ON id = subscription_id JOIN plans ON plans.id = plan_id
            WHERE period_start >= '2026-03-01 05:00' AND period_start < '2026-04-01 04:00'
            GROUP BY 1, cpu_seconds_quota HAVING sum(cpu_hours) * 3600 = cpu_seconds_quota"""
    assert demo.execute(at).fetchall() == [("SUB-1032",)]
