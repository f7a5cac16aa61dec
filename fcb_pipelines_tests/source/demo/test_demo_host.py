"""What the demo's host does after May: every write is rolled back, because others read the same database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from psycopg.rows import TupleRow

from fcb_pipelines.source.demo.host import Charge, bill, meter, resume_billing, stop_billing

ON = datetime(2026, 7, 1, 3, tzinfo=UTC)


@pytest.fixture
def host(demo_url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """The host's own session."""
    with psycopg.connect(demo_url, options="-c timezone=UTC") as conn:
        yield conn
        conn.rollback()


def charge(subscription: str, net: str, description: str = "Hosting service – Web S (2025) × 1") -> Charge:
    days = {"first": date(2026, 6, 1), "last": date(2026, 6, 30)}
    return Charge(subscription=subscription, user="5", description=description, net=Decimal(net), **days)


def used(conn: psycopg.Connection[TupleRow], month: str) -> dict[str, Decimal]:
    rows = conn.execute(
        """SELECT subscription_id, sum(cpu_hours) FROM usage_records
            WHERE to_char(period_start AT TIME ZONE 'UTC' AT TIME ZONE 'America/Toronto', 'YYYY-MM') = %s
            GROUP BY 1 HAVING sum(cpu_hours) > 0""",
        [month],
    )
    return {str(row[0]): row[1] for row in rows}


def test_a_later_month_is_used_like_may_by_every_machine_that_still_runs(host: psycopg.Connection[TupleRow]) -> None:
    may = used(host, "2026-05")
    meter(host, "2026-06")
    june = used(host, "2026-06")
    assert june.keys() == may.keys()
    assert all(abs(june[each] - may[each]) < Decimal("0.01") for each in may)


def test_metering_again_changes_nothing(host: psycopg.Connection[TupleRow]) -> None:
    meter(host, "2026-06")
    once = used(host, "2026-06")
    meter(host, "2026-06")
    assert used(host, "2026-06") == once


def test_one_invoice_for_each_subscription_is_taxed_by_line(host: psycopg.Connection[TupleRow]) -> None:
    charges = [
        charge("SUB-1065", "14.00"),
        charge("SUB-1066", "9.00"),
        charge("SUB-1066", "0.30", "CPU overage – 40 core-hours"),
    ]
    assert (bill(host, charges, on=ON), bill(host, charges, on=ON)) == (2, 2)
    rows = host.execute(
        """SELECT subscription_id, subtotal, tax, total, (SELECT count(*) FROM invoice_items WHERE invoice_id = id)
             FROM invoices WHERE created_at = %s ORDER BY subscription_id""",
        [ON],
    ).fetchall()
    assert rows == [
        ("SUB-1065", Decimal("14.00"), Decimal("1.82"), Decimal("15.82"), 1),
        ("SUB-1066", Decimal("9.30"), Decimal("1.21"), Decimal("10.51"), 2),
    ]


def test_billing_is_stopped_and_resumed_for_those_named(host: psycopg.Connection[TupleRow]) -> None:
    query = "SELECT subscription_id FROM billing_states WHERE NOT auto_renew AND biller = 'odoo'"
    stop_billing(host, ["SUB-1065", "SUB-1066"])
    assert {row[0] for row in host.execute(query)} == {"SUB-1065", "SUB-1066"}
    resume_billing(host, ["SUB-1065"])
    assert {row[0] for row in host.execute(query)} == {"SUB-1066"}
