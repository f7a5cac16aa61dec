"""The demo's two sides compared in SQL on its own tables, independent of the project's rules in Python.

Owns: what the demo's customers owe by the list and what was billed for it, one row per charge instance or leftover line.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import class_row

SIDES = """
    WITH month AS (
        SELECT first::date AS first, (first + interval '1 month')::date AS next
        FROM generate_series(timestamp '2026-03-01', '2026-05-01', interval '1 month') AS first
    ),
    life AS (
        SELECT subscription.id, billing_cycle, price_monthly, price_yearly, cpu_seconds_quota, is_internal,
               (started_at AT TIME ZONE 'America/Toronto')::date AS started,
               coalesce(ceil(extract(epoch FROM (cancelled_at AT TIME ZONE 'America/Toronto')
                             - timestamp '1970-01-01') / 86400)::integer + date '1970-01-01', 'infinity') AS ended
        FROM subscriptions AS subscription
        JOIN plans ON plans.id = plan_id
        JOIN users ON users.id = user_id
    ),
    used AS (
        SELECT subscription_id AS id, date_trunc('month', period_start AT TIME ZONE 'UTC' AT TIME ZONE 'America/Toronto')::date
               AS first, sum(cpu_hours) * 3600 AS seconds
        FROM usage_records GROUP BY 1, 2
    ),
    instance AS (
        SELECT id, is_internal, 'flat' AS charge, first, greatest(first, started) AS service_from, next AS service_to,
               coalesce((SELECT plans.price_monthly FROM subscription_history AS told JOIN plans ON plans.id::text = told.value
                          WHERE told.subscription_id = life.id AND told.field = 'plan'
                            AND (told.valid_from AT TIME ZONE 'America/Toronto')::date <= greatest(first, started)
                          ORDER BY told.valid_from DESC LIMIT 1), price_monthly) AS amount
        FROM life, month WHERE billing_cycle = 'monthly' AND started < next AND ended > first
        UNION ALL
        SELECT id, is_internal, 'flat', first, renewal, (renewal + interval '1 year')::date, price_yearly
        FROM life, month, LATERAL (SELECT (started + make_interval(years => 2026 - extract(year FROM started)::integer))::date
                                   AS renewal) AS year
        WHERE billing_cycle = 'yearly' AND renewal >= first AND renewal < next AND ended > renewal
        UNION ALL
        SELECT id, is_internal, 'cpu_seconds', first, greatest(first, started), least(next, ended),
               round(greatest(seconds - cpu_seconds_quota, 0) * 0.0075 / 3600, 2)
        FROM life JOIN used USING (id) JOIN month USING (first)
    ),
    due AS (
        SELECT instance.* FROM instance
        WHERE amount > 0 AND NOT is_internal AND NOT EXISTS (
            SELECT FROM trials WHERE subscription_id = id AND starts_on <= service_from AND service_from < ends_on)
    ),
    item AS (
        SELECT invoice_id, position, amount, period_start, period_end + 1 AS service_to,
               CASE WHEN description LIKE 'Hosting service –%' THEN 'flat'
                    WHEN description LIKE 'CPU overage –%' THEN 'cpu_seconds'
                    WHEN description LIKE 'Coupon %' THEN 'discount'
                    WHEN description LIKE 'Credit –%' THEN 'credit'
                    WHEN description ~ '^(Remaining|Unused) time on ' THEN 'proration'
                    WHEN description ~ '^(Daily Backup|WhatsApp|Forms Builder|White Label)' THEN 'add_on'
                    WHEN description = 'Set-up fee' THEN 'one_off'
                    WHEN description = 'Manual fee' THEN 'unknown' END AS charge
        FROM invoice_items
        UNION ALL
        SELECT id, 0, subtotal, NULL, NULL, 'balancing' FROM invoices
        WHERE NOT EXISTS (SELECT FROM invoice_items WHERE invoice_id = id)
    ),
    line AS (
        SELECT item.*, NULLIF(subscription_id, '') AS id,
               date_trunc('month', coalesce(period_start, created_at AT TIME ZONE 'America/Toronto'))::date AS first
        FROM item JOIN invoices ON invoices.id = invoice_id WHERE status <> 'void'
    )
    SELECT due.id AS subscription, line.invoice_id || '/' || line.position AS line_key, number AS invoice,
           coalesce(due.charge, line.charge) AS charge, to_char(coalesce(due.first, line.first), 'YYYY-MM') AS month,
           due.amount AS expected, line.amount AS actual
    FROM due FULL JOIN line ON (due.id, due.charge, due.service_from, due.service_to)
                             = (line.id, line.charge, line.period_start, line.service_to)
    LEFT JOIN invoices ON invoices.id = line.invoice_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A charge instance that is due, a billed line, or both where they meet."""

    subscription: str | None
    line_key: str | None
    invoice: str | None
    charge: str
    month: str
    expected: Decimal | None
    actual: Decimal | None

    @property
    def status(self) -> str:
        """How its two sides compare."""
        if self.expected is None:
            return "only_actual"
        if self.actual is None:
            return "only_expected"
        return "match" if self.expected == self.actual else "delta"


def sides(conn: psycopg.Connection[Any]) -> list[Side]:
    """Everything that is due or billed in the three months."""
    with conn.cursor(row_factory=class_row(Side)) as cursor:
        return cursor.execute(SIDES).fetchall()
