"""The demo's host going on after May 2026: it meters, bills, stops and resumes billing, so that a flip can be rehearsed.

Owns: what the host writes into its own database. Does not own: the months that the demo begins with (the other files here),
when it does what (local/rehearsal). What it bills is handed in: a rehearsal practises the flip and not the dual run.
"""

from calendar import monthrange
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from fcb_pipelines.domain.money import round_half_up
from fcb_pipelines.source.demo.tables import TORONTO, Row, cells, given, invoice_id
from fcb_pipelines.source.demo.usage import METERED

HST = Decimal("0.13")
LAST_MONTH = "2026-05"
"""The last month that the demo has usage of; later ones are used alike."""

_STEP = Decimal("0.0001")

ADD_USAGE = """
    INSERT INTO usage_records (subscription_id, period_start, period_end, cpu_hours) VALUES (%s, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""
ADD_INVOICE = """
    INSERT INTO invoices (id, number, user_id, subscription_id, subtotal, tax, total, status, currency, created_at, created_by)
    VALUES (%(id)s, %(number)s, %(user)s, %(subscription)s, %(net)s, %(tax)s, %(total)s, 'paid', 'CAD', %(on)s, 'sync')
    ON CONFLICT DO NOTHING
"""
ADD_ITEM = """
    INSERT INTO invoice_items (invoice_id, position, description, quantity, amount, period_start, period_end)
    VALUES (%(id)s, %(position)s, %(description)s, NULL, %(net)s, %(first)s, %(last)s) ON CONFLICT DO NOTHING
"""
STOP = "UPDATE billing_states SET auto_renew = false, biller = 'odoo' WHERE subscription_id = ANY(%s)"
RESUME = "UPDATE billing_states SET auto_renew = true, biller = 'stripe' WHERE subscription_id = ANY(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What the host bills for one charge of one subscription."""

    subscription: str
    user: str
    description: str
    net: Decimal
    first: date
    last: date
    """The last day that is paid for."""


def meter(conn: psycopg.Connection[Any], month: str) -> None:
    """Record a month of use like May's, a record a day, of every machine that still runs; what is there already stays."""
    with conn.cursor() as cursor:
        cursor.executemany(ADD_USAGE, list(_records(month)))


def bill(conn: psycopg.Connection[Any], charges: Iterable[Charge], *, on: datetime) -> int:
    """Issue one paid invoice for each subscription, taxed by line; how many there are. The same again changes nothing."""
    by_subscription: dict[str, list[Charge]] = {}
    for charge in charges:
        by_subscription.setdefault(charge.subscription, []).append(charge)
    for subscription, own in by_subscription.items():
        _issue(conn, f"{subscription}-{own[0].first:%Y-%m}", own, on)
    return len(by_subscription)


def stop_billing(conn: psycopg.Connection[Any], subscriptions: Collection[str]) -> None:
    """Bill these no more: another biller has them from their next range on."""
    conn.execute(STOP, [list(subscriptions)])


def resume_billing(conn: psycopg.Connection[Any], subscriptions: Collection[str]) -> None:
    """Bill these again."""
    conn.execute(RESUME, [list(subscriptions)])


def _records(month: str) -> Iterator[Row]:
    year, number = map(int, month.split("-"))
    days = monthrange(year, number)[1]
    for machine in cells(METERED):
        total = given(machine[LAST_MONTH])
        if total is None or not machine["until"].startswith("2026-06"):
            continue
        each = (Decimal(total) / days).quantize(_STEP)
        for day in range(1, days + 1):
            start = datetime(year, number, day, 12, tzinfo=TORONTO).astimezone(UTC).replace(tzinfo=None)
            yield f"SUB-{machine['id']}", start, start + timedelta(hours=1), each


def _issue(conn: psycopg.Connection[Any], number: str, charges: list[Charge], on: datetime) -> None:
    net = sum((one.net for one in charges), Decimal(0))
    tax = sum((round_half_up(one.net * HST, 2) for one in charges), Decimal(0))
    first = charges[0]
    given_id = invoice_id(number)
    header = {"id": given_id, "number": number, "user": int(first.user), "subscription": first.subscription, "on": on}
    conn.execute(ADD_INVOICE, {**header, "net": net, "tax": tax, "total": net + tax})
    for position, one in enumerate(charges, 1):
        item = {"id": given_id, "position": position, "description": one.description, "net": one.net}
        conn.execute(ADD_ITEM, {**item, "first": one.first, "last": one.last})
