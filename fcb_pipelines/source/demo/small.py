"""A small host in place of the demo's: one customer with two machines, billed each month in advance as agreed.

Owns: its rows. Does not own: what it does later (host), the demo's own rows (seed). Nothing about it asks for a decision, so
that whatever begins with a customer who is live is soon there.
"""

from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import psycopg

from fcb_pipelines.source.demo import catalogue, customers, host
from fcb_pipelines.source.demo.seed import copy
from fcb_pipelines.source.demo.tables import TORONTO, Table

CUSTOMER = "5"
MONTHS = (date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1))
"""The first days of the months that were billed, and of the one that was not."""
MACHINES = {"SUB-2001": ("dep-shop", "Web S (2025)"), "SUB-2002": ("dep-blog", "Web XS (2025)")}
"""By subscription its deployment and its plan."""
_BEGAN = datetime(2026, 3, 1, 9, tzinfo=TORONTO)


def replace(conn: psycopg.Connection[Any]) -> None:
    """Put the small host into the demo's database in place of all that is there; the caller commits."""
    with conn.transaction():
        conn.execute("TRUNCATE planted_truth, users, plans, coupons CASCADE")
        for table in (_only(customers.users(), {CUSTOMER}), _plans(), _subscriptions(), _billing_states()):
            copy(conn, table)
        for first, after in pairwise(MONTHS):
            host.bill(conn, _charges(first, after), on=datetime(first.year, first.month, 1, 9, tzinfo=TORONTO))


def _only(table: Table, names: set[str]) -> Table:
    """The rows of a table whose first column is one of these."""
    return Table(name=table.name, columns=table.columns, rows=[row for row in table.rows if str(row[0]) in names])


def _plans() -> Table:
    used = {plan for _, plan in MACHINES.values()}
    return _only(catalogue.plans(), {str(number) for name, number in catalogue.plan_ids().items() if name in used})


def _subscriptions() -> Table:
    numbers = catalogue.plan_ids()
    columns = ("id", "user_id", "plan_id", "deployment_id", "status", "billing_cycle", "started_at", "cancelled_at")
    rows = [
        (subscription, CUSTOMER, numbers[plan], deployment, "active", "monthly", _BEGAN, None)
        for subscription, (deployment, plan) in MACHINES.items()
    ]
    return Table(name="subscriptions", columns=columns, rows=rows)


def _billing_states() -> Table:
    columns = ("subscription_id", "biller", "auto_renew", "paid_through", "cancel_at", "stripe_subscription_id")
    rows = [(one, "stripe", True, MONTHS[-1], None, f"sub_{one}") for one in MACHINES]
    return Table(name="billing_states", columns=columns, rows=rows)


def _charges(first: date, after: date) -> list[host.Charge]:
    prices = {str(row[1]): Decimal(str(row[2])) for row in _plans().rows}
    last = date.fromordinal(after.toordinal() - 1)
    return [
        host.Charge(
            subscription=one, user=CUSTOMER, description=f"Hosting service – {one}", net=prices[plan], first=first, last=last
        )
        for one, (_, plan) in MACHINES.items()
    ]
