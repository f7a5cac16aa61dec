"""The demo's figures as its commands tell them, to the cent; the same finding as the first dual run's."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql

from fcb_pipelines.source.demo.seed import seed
from fcb_pipelines_tests.acceptance.fixtures import PERIODS, Demo
from fcb_pipelines_tests.source.demo.comparison import sides

ALIVE = """
    SELECT id FROM subscriptions
     WHERE started_at < (%(month)s::date + interval '1 month')::timestamp AT TIME ZONE 'America/Toronto'
       AND coalesce(cancelled_at, 'infinity') > %(month)s::date::timestamp AT TIME ZONE 'America/Toronto'
"""
IN_SCOPE = "SELECT sum(cpu_hours) * 3600 FROM usage_records WHERE period_start >= '2026-03-01 05:00'"
"""From the midnight of Toronto that the first period starts with, in the source's UTC."""


def total(amounts: Any) -> Decimal:
    return sum(map(Decimal, amounts), Decimal(0))


@pytest.fixture
def seeded(fresh_database: str) -> str:
    """A second copy of the demo service, straight from its rows."""
    with psycopg.connect(fresh_database) as conn:
        seed(conn)
    return fresh_database


def counting(demo: Demo) -> list[Any]:
    return [invoice for month in demo.register["months"] for invoice in month["invoices"] if invoice["counts"]]


def header_only(invoice: Any) -> bool:
    return all(line["kind"] == "balancing" for line in invoice["lines"])


def test_everybody_and_every_subscription_is_in_odoo(demo: Demo) -> None:
    found = demo.status["services"]["nexacloud"]
    assert (found["partners"], found["subscriptions"]) == (7, {"shadow": 87, "live": 0})
    assert found["plans"] == 106
    assert (found["import"]["failed"], found["import"]["created"]) == (0, 200)
    assert len(demo.remains["odoo"].records) == 7 + 2 * 106 + 2 * 87


def test_the_summary_says_the_same_to_people(demo: Demo) -> None:
    text = " ".join(demo.ended.out.split())
    assert "7 partners, 106 plans, 87 shadow subscriptions in Odoo" in text
    assert "200 created, 0 changed, 0 unchanged, 126 skipped, 0 failed" in text
    assert all(period in text for period in PERIODS)


@pytest.mark.parametrize(("month", "net"), [("2026-03", "877.99"), ("2026-04", "872.66"), ("2026-05", "32.20")])
def test_items_without_a_subscription_by_month(demo: Demo, month: str, net: str) -> None:
    (found,) = (each for each in demo.register["months"] if each["month"] == month)
    assert found["items_without_subscription"] == {"CAD": net}


def test_the_register_adds_up(demo: Demo) -> None:
    invoices = counting(demo)
    linked = [invoice for invoice in invoices if invoice["subscription"]]
    free = [invoice for invoice in invoices if not invoice["subscription"]]
    assert (len(invoices), total(each["net"] for each in invoices)) == (29, Decimal("3061.87"))
    assert (len(linked), total(each["net"] for each in linked)) == (7, Decimal("180.79"))
    assert (len(free), total(each["net"] for each in free)) == (22, Decimal("2881.08"))


def test_headers_without_items_are_carried_by_a_balancing_line(demo: Demo) -> None:
    bare = [invoice for invoice in counting(demo) if header_only(invoice)]
    assert (len(bare), total(each["net"] for each in bare)) == (9, Decimal("1143.00"))
    assert total(line["net"] for each in bare for line in each["lines"]) == Decimal("1143.00")


def test_the_void_invoice_is_shown_and_counts_nothing(demo: Demo) -> None:
    void = [invoice for month in demo.register["months"] for invoice in month["invoices"] if not invoice["counts"]]
    assert [invoice["status"] for invoice in void] == ["void"]


def test_the_sums_of_a_month_are_those_of_its_invoices(demo: Demo) -> None:
    for month in demo.register["months"]:
        invoices = [invoice for invoice in month["invoices"] if invoice["counts"]]
        assert month["net"] == {"CAD": str(total(each["net"] for each in invoices))}
        assert total(month["service_months"][key]["CAD"] for key in month["service_months"]) == Decimal(month["net"]["CAD"])
        assert total([month["with_subscription"]["CAD"], month["without_subscription"]["CAD"]]) == Decimal(month["net"]["CAD"])


def test_four_deltas_of_nine_fourteen(demo: Demo) -> None:
    deltas = [row for row in demo.rows["2026-03"] if row["actual"] and row["actual"]["net"] == "9.14"]
    found = {row["subscription"]: (row["expected"]["net"], row["status"], row["verdict"]) for row in deltas}
    assert found == {
        "SUB-1015": ("200.00", "delta", "explained"),
        "SUB-1016": ("200.00", "delta", "explained"),
        "SUB-1017": ("50.00", "delta", "explained"),
        "SUB-1018": ("50.00", "delta", "explained"),
    }


def test_two_billed_matches(demo: Demo) -> None:
    matches = [row for row in demo.all_rows if row["verdict"] == "match"]
    assert {row["subscription"] for row in matches} == {"SUB-1048", "SUB-1060"}
    assert total(row["actual"]["net"] for row in matches) == Decimal("99.46")
    assert {row["status"] for row in matches} == {"match"}


@pytest.mark.parametrize("period", PERIODS)
def test_every_subscription_alive_in_a_period_has_one_row(demo: Demo, seeded: str, period: str) -> None:
    with psycopg.connect(seeded) as conn:
        alive = {row[0] for row in conn.execute(ALIVE, {"month": f"{period}-01"})}
    found = [row["subscription"] for row in demo.rows[period] if row["subscription"]]
    assert len(found) == len(set(found))
    assert alive - set(found) == set()


@pytest.mark.parametrize("period", PERIODS)
def test_what_is_due_and_billed_is_what_independent_sql_finds(demo: Demo, seeded: str, period: str) -> None:
    with psycopg.connect(seeded) as conn:
        due = [side for side in sides(conn) if side.month == period]
    rows = demo.rows[period]
    expected = {row["subscription"]: Decimal(row["expected"]["net"]) for row in rows if row["expected"] and row["is_due"]}
    independent: dict[str | None, Decimal] = {}
    for side in due:
        if side.expected is not None:
            independent[side.subscription] = independent.get(side.subscription, Decimal(0)) + side.expected
    assert {key: value for key, value in expected.items() if value} == independent
    assert total(row["actual"]["net"] for row in rows if row["actual"]) == total(side.actual for side in due if side.actual)


def test_the_rows_of_all_periods_hold_the_whole_register(demo: Demo) -> None:
    billed = total(row["actual"]["net"] for row in demo.all_rows if row["actual"])
    assert billed == Decimal("3061.87")
    gross = total(row["actual"]["gross"] for row in demo.all_rows if row["actual"])
    assert gross == total(invoice["gross"] for invoice in counting(demo))


def test_usage_is_there_to_the_last_decimal(demo: Demo, seeded: str) -> None:
    with psycopg.connect(seeded) as conn:
        in_scope = conn.execute(IN_SCOPE).fetchone()
    with psycopg.connect(demo.project.store_url) as conn:
        for table in ("usage_event", "usage_total"):
            found = conn.execute(sql.SQL("SELECT sum(quantity) FROM {}").format(sql.Identifier(table))).fetchone()
            assert found == in_scope, table


def test_every_order_is_a_draft_that_nothing_was_made_of(demo: Demo) -> None:
    shadow = demo.remains["odoo"]
    orders = {name: fields for (model, name), fields in shadow.records.items() if model == "sale.order"}
    assert (len(orders), shadow.counts["sale.order"]) == (87, 87)
    assert {fields["state"] for fields in orders.values()} == {"draft"}
    assert {fields["order_line"] for fields in orders.values()} == {1}
    odoo = demo.project.odoo()
    assert odoo.search_read("account.move", [], ["id"]) == []
    assert odoo.search_read("payment.token", [], ["id"]) == []


def test_nothing_can_be_pruned_after_the_first_import(demo: Demo) -> None:
    assert demo.prunable == {"service": "nexacloud", "prunable": [], "removed": [], "archived": [], "refused": {}}
