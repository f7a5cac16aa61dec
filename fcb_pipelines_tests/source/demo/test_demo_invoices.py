"""The figures of the first dual run, to the cent, on the demo's own tables."""

from decimal import Decimal
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from fcb_pipelines_tests.source.demo.comparison import Side, sides

ZERO = Decimal(0)
Demo = psycopg.Connection[TupleRow]

UNLINKED = "NULLIF(subscription_id, '') IS NULL"
HEADER_ONLY = "NOT EXISTS (SELECT FROM invoice_items WHERE invoice_id = invoices.id)"
MONTH = "to_char(created_at AT TIME ZONE 'America/Toronto', 'YYYY-MM')"


def value(conn: Demo, statement: LiteralString) -> Any:
    row = conn.execute(statement).fetchone()
    assert row is not None
    return row if len(row) > 1 else row[0]


@pytest.mark.parametrize(
    ("which", "count", "net"),
    [
        ("true", 29, "3061.87"),
        (UNLINKED, 22, "2881.08"),
        (f"NOT ({UNLINKED})", 7, "180.79"),
        (HEADER_ONLY, 9, "1143.00"),
        (f"{HEADER_ONLY} AND {UNLINKED}", 8, "1098.23"),
        (f"{HEADER_ONLY} AND NOT ({UNLINKED})", 1, "44.77"),
        ("subscription_id = ''", 1, "350.00"),
        (f"{MONTH} = '2026-03'", 12, "1164.15"),
        (f"{MONTH} = '2026-04'", 8, "1003.43"),
        (f"{MONTH} = '2026-05'", 9, "894.29"),
    ],
)
def test_the_invoices_that_count_add_up(demo: Demo, which: LiteralString, count: int, net: str) -> None:
    found = value(demo, f"SELECT count(*), sum(subtotal) FROM invoices WHERE status <> 'void' AND {which}")
    assert found == (count, Decimal(net))


def test_the_thirtieth_invoice_is_void_and_confirmed(demo: Demo) -> None:
    voids = "SELECT number FROM invoices JOIN void_confirmations ON invoice_id = id WHERE status = 'void'"
    assert demo.execute(voids).fetchall() == [("NC-2026-0030",)]
    assert value(demo, "SELECT count(*) FROM invoices WHERE status = 'void'") == 1


def test_the_first_dual_run_saw_these_nine_rows(demo: Demo) -> None:
    """It read only items, and grouped them by subscription and month of issue."""
    rows = demo.execute(
        f"""SELECT NULLIF(subscription_id, ''), CASE WHEN {UNLINKED} THEN {MONTH} ELSE '' END, sum(amount)
            FROM invoices JOIN invoice_items ON invoice_id = id WHERE status <> 'void' GROUP BY 1, 2 ORDER BY 3, 1"""
    ).fetchall()
    assert rows == [
        ("SUB-1015", "", Decimal("9.14")),
        ("SUB-1016", "", Decimal("9.14")),
        ("SUB-1017", "", Decimal("9.14")),
        ("SUB-1018", "", Decimal("9.14")),
        (None, "2026-05", Decimal("32.20")),
        ("SUB-1060", "", Decimal("49.00")),
        ("SUB-1048", "", Decimal("50.46")),
        (None, "2026-04", Decimal("872.66")),
        (None, "2026-03", Decimal("877.99")),
    ]


def test_four_invoices_of_nine_fourteen_meet_list_prices_of_200_and_50(demo: Demo) -> None:
    found = [side for side in sides(demo) if side.status == "delta"]
    assert sorted((side.subscription, side.month, side.expected, side.actual) for side in found) == [
        ("SUB-1015", "2026-03", Decimal(200), Decimal("9.14")),
        ("SUB-1016", "2026-03", Decimal(200), Decimal("9.14")),
        ("SUB-1017", "2026-03", Decimal(50), Decimal("9.14")),
        ("SUB-1018", "2026-03", Decimal(50), Decimal("9.14")),
    ]


def test_two_subscriptions_match_99_46_together(demo: Demo) -> None:
    found = [side for side in sides(demo) if side.status == "match"]
    assert sorted((side.subscription, side.month, side.charge, side.actual) for side in found) == [
        ("SUB-1048", "2026-04", "cpu_seconds", Decimal("11.46")),
        ("SUB-1048", "2026-04", "flat", Decimal("39.00")),
        ("SUB-1060", "2026-03", "flat", Decimal("49.00")),
    ]
    assert sum(side.actual or 0 for side in found) == Decimal("99.46")


def test_both_sides_of_each_month(demo: Demo) -> None:
    """How much is due by the list and how much was billed, by the month that the service range starts in."""
    found = sides(demo)

    def totals(month: str) -> tuple[Decimal, Decimal]:
        of_month = [side for side in found if side.month == month]
        return sum((one.expected or ZERO for one in of_month), ZERO), sum((one.actual or ZERO for one in of_month), ZERO)

    assert totals("2026-03") == (Decimal("1278.28"), Decimal("1166.66"))
    assert totals("2026-04") == (Decimal("1395.09"), Decimal("1051.38"))
    assert totals("2026-05") == (Decimal("1454.34"), Decimal("843.83"))


def test_matched_lines_are_taxed_alike_by_line_and_in_total(demo: Demo) -> None:
    taxes = demo.execute(
        """SELECT number, tax, sum(round(amount * 0.13, 2)) FROM invoices JOIN invoice_items ON invoice_id = id
           WHERE number IN ('NC-2026-0011', 'NC-2026-0021') GROUP BY 1, 2 ORDER BY 1"""
    ).fetchall()
    assert taxes == [
        ("NC-2026-0011", Decimal("6.37"), Decimal("6.37")),
        ("NC-2026-0021", Decimal("6.56"), Decimal("6.56")),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT number FROM invoices WHERE tax <> round(subtotal * 0.13, 2) OR total <> subtotal + tax OR currency <> 'CAD'",
        "SELECT number FROM invoices JOIN invoice_items ON invoice_id = id GROUP BY id HAVING sum(amount) <> subtotal",
        "SELECT invoice_id FROM invoice_items GROUP BY 1 HAVING min(position) <> 1 OR max(position) <> count(*)",
        "SELECT invoice_id FROM invoice_items WHERE num_nulls(period_start, period_end) = 1 OR period_end < period_start",
        "SELECT invoice_id FROM invoice_items WHERE period_start < '2026-03-01' OR period_start >= '2026-06-01'",
        "SELECT number FROM invoices WHERE subtotal = 0 OR (subtotal < 0) <> (number = 'NC-2026-0020')",
        "SELECT number FROM invoices WHERE (status = 'paid') <> (paid_at IS NOT NULL) OR paid_at > '2026-06-02'",
        f"SELECT number FROM invoices WHERE {MONTH} NOT BETWEEN '2026-03' AND '2026-05'",
        """SELECT number FROM invoices LEFT JOIN subscriptions ON subscriptions.id = subscription_id
           WHERE subscription_id <> '' AND invoices.user_id IS DISTINCT FROM subscriptions.user_id""",
        """SELECT number FROM invoices JOIN invoice_subscriptions AS noted ON noted.invoice_id = invoices.id
           JOIN subscriptions ON subscriptions.id = noted.subscription_id WHERE subscriptions.user_id <> invoices.user_id""",
        "SELECT invoice_id FROM invoice_items WHERE quantity > 1 AND description !~ '×'",
    ],
)
def test_no_invoice_breaks_a_rule_by_accident(demo: Demo, broken: LiteralString) -> None:
    assert demo.execute(broken).fetchall() == []


def test_the_sync_stamps_an_issue_on_the_night_before_by_local_time(demo: Demo) -> None:
    """By UTC these would be invoices of the next month."""
    late = demo.execute(
        f"SELECT number, {MONTH} FROM invoices WHERE to_char(created_at, 'YYYY-MM') <> {MONTH} ORDER BY 1"
    ).fetchall()
    assert late == [("NC-2026-0003", "2026-03"), ("NC-2026-0015", "2026-04"), ("NC-2026-0023", "2026-05")]


def test_provider_ids_and_states_are_mixed(demo: Demo) -> None:
    providers = "SELECT DISTINCT coalesce(substring(stripe_invoice_id FROM '^(in_|lago:)'), 'none') FROM invoices ORDER BY 1"
    assert [row[0] for row in demo.execute(providers)] == ["in_", "lago:", "none"]
    statuses = "SELECT status, count(*) FROM invoices GROUP BY 1 ORDER BY 1"
    assert demo.execute(statuses).fetchall() == [("open", 6), ("paid", 23), ("void", 1)]


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("Hosting service –%×%", 32),
        ("CPU overage –%×%", 3),
        ("Daily Backup × 5", 4),
        ("WhatsApp –%", 3),
        ("Forms Builder", 2),
        ("White Label", 1),
        ("Remaining time on %", 3),
        ("Unused time on %", 1),
        ("Coupon %", 2),
        ("Credit –%", 1),
        ("Set-up fee", 1),
        ("Manual fee", 1),
    ],
)
def test_descriptions_read_like_real_ones(demo: Demo, words: str, count: int) -> None:
    counted = (
        "SELECT count(*) FROM invoice_items JOIN invoices ON id = invoice_id WHERE status <> 'void' AND description LIKE %s"
    )
    found = demo.execute(counted, [words]).fetchone()
    assert found == (count,)


def test_the_comparison_knows_every_line(demo: Demo) -> None:
    found: list[Side] = sides(demo)
    assert all(side.charge for side in found)
    assert sum(side.actual or 0 for side in found) == Decimal("3061.87")
