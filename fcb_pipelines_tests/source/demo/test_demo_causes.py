"""The planted causes: every difference has one, and each one really produces the billed amount."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow

from fcb_pipelines.domain.money import round_half_up
from fcb_pipelines_tests.source.demo.comparison import Side, sides

Demo = psycopg.Connection[TupleRow]

CAUSES = """
    not_issued_yet issued_late test_account copied_twice double_billed consolidated_invoice credit_note reissue price_override
    plan_version billing_interval instalment quantity_change proration trial ended_early plan_change discount minimum maximum
    tier quota usage_missing usage_duplicate usage_late timezone_boundary tax_rate tax_inclusion tax_rounding account_credit
    deposit currency source_error missing_in_source missing_in_expected
"""
"""The words that a reconciliation has for causes."""

MONTHS = ("2026-03", "2026-04", "2026-05")
Key = tuple[str, str, str, str]


def key(side: Side) -> Key:
    if side.expected is None:
        assert side.line_key is not None
        return "invoice_line", side.line_key, side.month, side.charge
    assert side.subscription is not None
    return "subscription", side.subscription, side.month, side.charge


def truth(conn: Demo) -> dict[Key, list[str]]:
    rows = conn.execute("SELECT subject_kind, subject_id, month, charge, causes FROM planted_truth")
    return {(kind, subject, month, charge): causes for kind, subject, month, charge, causes in rows}


def test_every_difference_has_its_true_cause_and_nothing_else_has(demo: Demo) -> None:
    differences = {key(side) for side in sides(demo) if side.status != "match"}
    assert differences == truth(demo).keys()


def test_causes_are_named_in_the_words_of_the_reconciliation(demo: Demo) -> None:
    for causes in truth(demo).values():
        assert causes in (["carried"], ["unexplained"]) or set(causes) <= set(CAUSES.split())


def test_every_cause_says_why_in_a_note(demo: Demo) -> None:
    assert demo.execute("SELECT subject_id FROM planted_truth WHERE btrim(note) = ''").fetchall() == []


def test_so_often_is_each_cause_planted(demo: Demo) -> None:
    assert Counter(cause for causes in truth(demo).values() for cause in causes) == {
        "consolidated_invoice": 103,
        "unexplained": 18,
        "billing_interval": 15,
        "proration": 12,
        "carried": 11,
        "missing_in_source": 8,
        "discount": 8,
        "price_override": 6,
        "plan_change": 5,
        "ended_early": 5,
        "credit_note": 3,
        "timezone_boundary": 2,
        "tax_rounding": 1,
    }


@pytest.mark.parametrize(
    ("subscription", "charge", "months"),
    [
        ("SUB-1006", "flat", ["2026-03", "2026-04", "2026-05"]),
        ("SUB-1007", "cpu_seconds", ["2026-04"]),
        ("SUB-1035", "cpu_seconds", ["2026-05"]),
        ("SUB-1039", "flat", ["2026-04", "2026-05"]),
        ("SUB-1058", "flat", ["2026-05"]),
    ],
)
def test_a_leak_is_due_and_nowhere_billed(demo: Demo, subscription: str, charge: str, months: list[str]) -> None:
    due = sorted(
        s.month for s in sides(demo) if (s.subscription, s.charge, s.status) == (subscription, charge, "only_expected")
    )
    leaks = sorted(
        m for (_, subject, m, c), causes in truth(demo).items() if (subject, c, causes) == leak(subscription, charge)
    )
    assert set(months) == set(leaks) <= set(due)
    noted = "SELECT FROM invoice_subscriptions WHERE subscription_id = %s AND subscription_id <> 'SUB-1035'"
    assert demo.execute(noted, [subscription]).fetchall() == []


def leak(subscription: str, charge: str) -> tuple[str, str, list[str]]:
    return subscription, charge, ["missing_in_source"]


def part(price: str, days: int, of: int, share: Fraction = Fraction(1)) -> Decimal:
    return round_half_up(Fraction(price) * share * Fraction(days, of), 2)


@pytest.mark.parametrize(
    ("line", "billed", "predicted"),
    [
        ("a price per year, 17 of 31 days", "0007/1", part("200", 17, 31, Fraction(1, 12))),
        ("a price per quarter, 17 of 31 days", "0009/1", part("50", 17, 31, Fraction(1, 3))),
        ("prices per year, two subscriptions", "0014/7", 2 * part("200", 30, 30, Fraction(1, 12))),
        ("prices per quarter, two subscriptions", "0014/8", 2 * part("50", 30, 30, Fraction(1, 3))),
        ("a contract price", "0014/3", Decimal("65.00")),
        ("20 % off", "0002/5", -part("29", 20, 100)),
        ("ended after ten days", "0014/2", part("24", 10, 30)),
        ("started on the 9th", "0015/3", part("14", 22, 30)),
        ("started on 20 March", "0005/2", part("14", 12, 31)),
        ("started on 5 May", "0022/2", part("14", 27, 31)),
        ("the old plan's rest", "0017/1", -part("24", 15, 30)),
        ("the new plan's rest", "0017/2", part("48", 15, 30)),
        ("26 of 31 days credited", "0020/1", -part("9", 26, 31)),
    ],
    ids=lambda given: given if isinstance(given, str) and " " in given else "",
)
def test_the_cause_predicts_the_billed_amount_exactly(demo: Demo, line: str, billed: str, predicted: Decimal) -> None:
    number, position = billed.split("/")
    find = "SELECT amount FROM invoice_items JOIN invoices ON id = invoice_id WHERE number = %s AND position = %s"
    assert demo.execute(find, [f"NC-2026-{number}", position]).fetchone() == (predicted,), line


def test_the_linked_header_is_seventeen_of_thirty_days(demo: Demo) -> None:
    assert demo.execute("SELECT subtotal FROM invoices WHERE number = 'NC-2026-0019'").fetchone() == (part("79", 17, 30),)


OVERAGE: LiteralString = """
    SELECT round((sum(cpu_hours) - cpu_seconds_quota / 3600.0) * 0.0075, 2)
    FROM usage_records JOIN subscriptions ON id = subscription_id JOIN plans ON plans.id = plan_id
    WHERE subscription_id = %s AND period_start >= %s AND period_start < %s GROUP BY cpu_seconds_quota
"""


@pytest.mark.parametrize(
    ("subscription", "start", "end", "amount"),
    [
        ("SUB-1021", "2026-03-01 00:00", "2026-04-01 00:00", "3.76"),
        ("SUB-1021", "2026-03-01 05:00", "2026-04-01 04:00", "3.98"),
        ("SUB-1035", "2026-03-01 05:00", "2026-04-01 04:00", "6.30"),
        ("SUB-1035", "2026-04-01 04:00", "2026-05-01 04:00", "3.75"),
        ("SUB-1035", "2026-05-01 04:00", "2026-06-01 04:00", "2.34"),
        ("SUB-1048", "2026-04-01 04:00", "2026-05-01 04:00", "11.46"),
        ("SUB-1007", "2026-04-01 04:00", "2026-05-01 04:00", "1.88"),
    ],
    ids=["by UTC", "by Toronto", "March", "April", "May", "matched", "yearly"],
)
def test_overage_follows_from_the_records(demo: Demo, subscription: str, start: str, end: str, amount: str) -> None:
    assert demo.execute(OVERAGE, [subscription, start, end]).fetchone() == (Decimal(amount),)


def due_in_may(found: Iterable[Side], subscriptions: Iterable[str]) -> Decimal:
    wanted = set(subscriptions)
    return sum((s.expected or Decimal(0) for s in found if s.month == "2026-05" and s.subscription in wanted), Decimal(0))


@pytest.mark.parametrize(("customer", "header"), [(5, "NC-2026-0028"), (6, "NC-2026-0029")])
def test_a_header_alone_equals_all_that_its_customer_owed(demo: Demo, customer: int, header: str) -> None:
    own = [row[0] for row in demo.execute("SELECT id FROM subscriptions WHERE user_id = %s", [customer])]
    assert demo.execute("SELECT subtotal FROM invoices WHERE number = %s", [header]).fetchone() == (
        due_in_may(sides(demo), own),
    )


def noted_on(conn: Demo, number: str) -> list[str]:
    noted = """SELECT noted.subscription_id FROM invoice_subscriptions AS noted
               JOIN invoices ON id = invoice_id WHERE number = %s AND position = 0"""
    return [row[0] for row in conn.execute(noted, [number])]


def test_a_noted_header_equals_what_the_noted_ones_owed(demo: Demo) -> None:
    assert due_in_may(sides(demo), noted_on(demo, "NC-2026-0024")) == Decimal("115.00")


def test_a_noted_header_follows_from_four_records(demo: Demo) -> None:
    """The list less the contract, the coupon, and eleven of twelve or two of three months of the four."""
    listed = due_in_may(sides(demo), noted_on(demo, "NC-2026-0025"))
    agreed = (Decimal("79.00") - Decimal("65.00")) + Decimal("5.80")
    instalments = Decimal(500) - 4 * Decimal("16.67")
    assert listed - agreed - instalments == Decimal("250.88")


@pytest.mark.parametrize("number", ["0012", "0018", "0026", "0027"])
def test_evidence_is_really_withheld(demo: Demo, number: str) -> None:
    """Nothing is noted for these headers, and no total of a customer's dues is equal to one of them."""
    row = demo.execute("SELECT subtotal, user_id, id FROM invoices WHERE number = %s", [f"NC-2026-{number}"]).fetchone()
    assert row is not None
    assert demo.execute("SELECT FROM invoice_subscriptions WHERE invoice_id = %s", [row[2]]).fetchall() == []
    own = [one[0] for one in demo.execute("SELECT id FROM subscriptions WHERE user_id = %s", [row[1]])]
    dues = {month: sum(s.expected or 0 for s in sides(demo) if s.month == month and s.subscription in own) for month in MONTHS}
    assert row[0] not in dues.values()


def test_no_contract_is_on_record_for_the_price_by_word_of_mouth(demo: Demo) -> None:
    assert demo.execute("SELECT subscription_id FROM contract_prices").fetchall() == [("SUB-1021",)]
    assert truth(demo)["subscription", "SUB-1059", "2026-03", "flat"] == ["unexplained"]
