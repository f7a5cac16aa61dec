"""Who has what in the demo: counts, and that no subscription breaks what the demo promises."""

from datetime import date
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from fcb_pipelines_tests.source.demo.comparison import sides

Demo = psycopg.Connection[TupleRow]


@pytest.mark.parametrize(
    ("statement", "count"),
    [
        ("SELECT count(*) FROM users", 7),
        ("SELECT count(*) FROM users WHERE is_internal", 1),
        ("SELECT count(*) FROM users WHERE (country, state) = ('CA', 'ON')", 7),
        ("SELECT count(DISTINCT lower(email)) FROM users", 7),
        ("SELECT count(*) FROM plans", 232),
        ("SELECT count(DISTINCT name) FROM plans", 232),
        ("SELECT count(*) FROM plans WHERE NOT is_active", 115),
        ("SELECT count(*) FROM plans WHERE price_monthly IS NULL", 42),
        ("SELECT count(*) FROM plans WHERE is_active AND price_monthly IS NULL", 21),
        ("SELECT count(*) FROM plans WHERE price_monthly = 0", 2),
        ("SELECT count(*) FROM plans WHERE price_yearly = 10 * price_monthly", 164),
        ("SELECT count(*) FROM subscriptions", 87),
        ("SELECT count(*) FROM subscriptions WHERE billing_cycle = 'yearly'", 37),
        ("SELECT count(*) FROM subscriptions WHERE user_id = 7", 9),
        ("SELECT count(*) FROM subscriptions JOIN plans ON plan_id = plans.id WHERE price_monthly = 0", 8),
        ("SELECT count(*) FROM trials", 5),
        ("SELECT count(*) FROM subscriptions WHERE cancelled_at IS NOT NULL", 6),
        ("SELECT count(DISTINCT subscription_id) FROM usage_records", 15),
    ],
)
def test_there_are_so_many(demo: Demo, statement: LiteralString, count: int) -> None:
    assert demo.execute(statement).fetchone() == (count,)


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT id FROM subscriptions WHERE billing_cycle NOT IN ('monthly', 'yearly')",
        """SELECT subscriptions.id FROM subscriptions JOIN plans ON plans.id = plan_id
           WHERE CASE billing_cycle WHEN 'monthly' THEN price_monthly ELSE price_yearly END IS NULL""",
        """SELECT id FROM subscriptions
           WHERE started_at >= '2026-06-01 00:00-04' OR cancelled_at <= '2026-03-01 00:00-05' OR cancelled_at <= started_at""",
        "SELECT id FROM subscriptions WHERE (status = 'cancelled') <> (cancelled_at IS NOT NULL)",
        "SELECT name FROM plans WHERE price_monthly < 0 OR price_yearly < 0 OR cpu_seconds_quota < 0",
        """SELECT subscription_id FROM trials JOIN subscriptions ON id = subscription_id
           WHERE starts_on <> (started_at AT TIME ZONE 'America/Toronto')::date OR ends_on <= starts_on""",
        """SELECT id FROM subscriptions JOIN trials ON id = subscription_id
           WHERE (status = 'trialing') <> (starts_on <= '2026-06-02' AND ends_on > '2026-06-02') AND cancelled_at IS NULL""",
        """SELECT subscription_id FROM subscription_history JOIN subscriptions ON id = subscription_id
           WHERE valid_from < started_at OR valid_from > coalesce(cancelled_at, 'infinity')""",
        """SELECT subscription_id FROM billing_states JOIN subscriptions ON id = subscription_id
           WHERE user_id = 7 OR cancelled_at IS NOT NULL OR auto_renew = (cancel_at IS NOT NULL)""",
        """SELECT id FROM subscriptions WHERE user_id <> 7 AND cancelled_at IS NULL
           AND NOT EXISTS (SELECT FROM billing_states WHERE subscription_id = id)""",
    ],
)
def test_no_record_breaks_a_rule_by_accident(demo: Demo, broken: LiteralString) -> None:
    assert demo.execute(broken).fetchall() == []


@pytest.mark.parametrize(
    ("plan", "price", "interval", "subscriptions"),
    [
        ("Archive 2 TB", 200, "yearly", ["SUB-1015", "SUB-1016"]),
        ("Edge Relay", 50, "quarterly", ["SUB-1017", "SUB-1018"]),
    ],
)
def test_a_price_per_year_or_quarter_stands_in_the_month_s_column(
    demo: Demo, plan: str, price: int, interval: str, subscriptions: list[str]
) -> None:
    row = "SELECT price_monthly, price_yearly, list_interval FROM plans WHERE name = %s"
    assert demo.execute(row, [plan]).fetchone() == (price, None, interval)
    on_it = demo.execute(
        """SELECT subscriptions.id, (started_at AT TIME ZONE 'America/Toronto')::date FROM subscriptions
           JOIN plans ON plans.id = plan_id WHERE name = %s AND billing_cycle = 'monthly' ORDER BY 1""",
        [plan],
    ).fetchall()
    assert on_it == [(subscription, date(2026, 3, 15)) for subscription in subscriptions]


@pytest.mark.parametrize(
    ("subscription", "paid_through"),
    [
        ("SUB-1001", date(2026, 6, 1)),
        ("SUB-1006", date(2025, 12, 4)),
        ("SUB-1007", date(2026, 7, 4)),
        ("SUB-1011", date(2027, 2, 28)),
        ("SUB-1012", date(2027, 4, 10)),
        ("SUB-1025", date(2026, 12, 31)),
        ("SUB-1029", None),
        ("SUB-1058", date(2026, 5, 6)),
        ("SUB-1060", date(2027, 3, 20)),
    ],
    ids=[
        "monthly",
        "leak",
        "yearly",
        "29 February",
        "renewed",
        "New Year's Eve",
        "trial",
        "renewal not billed",
        "renewed in March",
    ],
)
def test_paid_through_is_the_first_day_not_paid_for(demo: Demo, subscription: str, paid_through: date | None) -> None:
    row = "SELECT paid_through FROM billing_states WHERE subscription_id = %s"
    assert demo.execute(row, [subscription]).fetchone() == (paid_through,)


YEARLY_RENEWALS = {"2026-03": ["SUB-1060", "SUB-1076"], "2026-04": ["SUB-1012"], "2026-05": ["SUB-1058", "SUB-1077"]}


@pytest.mark.parametrize(("month", "renewing"), YEARLY_RENEWALS.items())
def test_few_yearly_subscriptions_renew_inside_the_months(demo: Demo, month: str, renewing: list[str]) -> None:
    yearly = {row[0] for row in demo.execute("SELECT id FROM subscriptions WHERE billing_cycle = 'yearly'")}
    due = [str(s.subscription) for s in sides(demo) if s.charge == "flat" and s.month == month and s.expected is not None]
    assert sorted(one for one in due if one in yearly) == renewing


@pytest.mark.parametrize(("month", "alive", "due"), [("2026-03", 80, 28), ("2026-04", 81, 30), ("2026-05", 82, 30)])
def test_most_subscriptions_owe_nothing_in_a_month(demo: Demo, month: str, alive: int, due: int) -> None:
    living = """SELECT count(*) FROM subscriptions, (SELECT (%(month)s || '-01')::timestamp AS first) AS month
                WHERE started_at < (first + interval '1 month') AT TIME ZONE 'America/Toronto'
                AND coalesce(cancelled_at, 'infinity') > first AT TIME ZONE 'America/Toronto'"""
    assert demo.execute(living, {"month": month}).fetchone() == (alive,)
    assert len({s.subscription for s in sides(demo) if s.month == month and s.expected is not None}) == due
