"""Every expectation meets good rows, and each is missed by one bad row."""

from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.expectations import CRITICAL, SUITES, WARNING, Met, check_query, check_rows
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.quality import usage_query
from fcb_pipelines_tests.store.readings import event, reading

pytestmark = pytest.mark.usefixtures("great_expectations")

Row = dict[str, Any]
GOOD: dict[str, Row] = {
    "users": {"external_user_id": "1", "name": "Ada", "email": "ada@example.org"},
    "plans": {
        "external_plan_id": "p",
        "currency": "CAD",
        "price_monthly": "9.14",
        "price_yearly": None,
        "included_quantity": "0",
        "unit_price": "0.0075",
        "unit_batch": "3600",
    },
    "subscriptions": {
        "external_subscription_id": "s",
        "billing_interval": "monthly",
        "has_user": True,
        "has_plan": True,
        "started_at": "2026-03-15T04:00:00+00:00",
    },
    "invoices": {
        "external_invoice_id": "i",
        "status": "paid",
        "currency": "CAD",
        "has_user": True,
        "total_gap": "0.00",
    },
}
KEYS = {entity: next(iter(row)) for entity, row in GOOD.items()}


def rows(entity: str, **bad: Any) -> list[Row]:
    """A good row and one with these values."""
    key = KEYS[entity]
    return [GOOD[entity], {**GOOD[entity], key: f"{GOOD[entity][key]}-2", **bad}]


def missed(found: list[Met]) -> list[tuple[str, str, str]]:
    return [(met.expectation, met.column, met.severity) for met in found if not met.is_met]


@pytest.mark.parametrize("entity", sorted(GOOD))
def test_good_rows_meet_every_expectation(entity: str) -> None:
    found = check_rows(entity, rows(entity))
    assert missed(found) == []
    assert len(found) == len(SUITES[entity])


@pytest.mark.parametrize(
    ("entity", "column", "value", "expectation", "severity"),
    [
        ("users", "external_user_id", "1", "column values to be unique", CRITICAL),
        ("users", "name", None, "column values to not be null", WARNING),
        ("users", "email", None, "column values to not be null", WARNING),
        ("users", "email", "ada at example", "column values to match regex", WARNING),
        ("plans", "external_plan_id", "p", "column values to be unique", CRITICAL),
        ("plans", "currency", "XXX", "column values to be in set", WARNING),
        ("plans", "price_monthly", "-0.01", "column values to be between", WARNING),
        ("plans", "price_yearly", "-1", "column values to be between", WARNING),
        ("plans", "included_quantity", "-1", "column values to be between", WARNING),
        ("plans", "unit_price", "-0.0001", "column values to be between", WARNING),
        ("plans", "unit_batch", "0", "column values to be between", WARNING),
        ("plans", "unit_batch", "-0.5", "column values to be between", WARNING),
        ("subscriptions", "external_subscription_id", "s", "column values to be unique", CRITICAL),
        ("subscriptions", "billing_interval", "weekly", "column values to be in set", WARNING),
        ("subscriptions", "has_user", False, "column values to be in set", WARNING),
        ("subscriptions", "has_plan", False, "column values to be in set", WARNING),
        ("subscriptions", "started_at", None, "column values to not be null", WARNING),
        ("invoices", "external_invoice_id", "i", "column values to be unique", CRITICAL),
        ("invoices", "status", "sent", "column values to be in set", WARNING),
        ("invoices", "currency", "XXX", "column values to be in set", WARNING),
        ("invoices", "has_user", False, "column values to be in set", WARNING),
        ("invoices", "total_gap", "0.01", "column values to be in set", WARNING),
    ],
)
def test_one_bad_row_misses_its_expectation_and_no_other(
    entity: str, column: str, value: object, expectation: str, severity: str
) -> None:
    found = check_rows(entity, rows(entity, **{column: value}))
    assert missed(found) == [(expectation, column, severity)]


@pytest.mark.parametrize("entity", ["users", "plans", "subscriptions"])
def test_an_entity_that_is_empty_is_critical(entity: str) -> None:
    empty = [met for met in check_rows(entity, []) if met.expectation == "table row count to be between"]
    assert [(met.is_met, met.severity, met.examples) for met in empty] == [(False, CRITICAL, "0")]


def test_a_service_that_has_billed_nothing_yet_is_in_order() -> None:
    assert missed(check_rows("invoices", [])) == []


def test_what_misses_is_counted_and_shown() -> None:
    (met,) = (met for met in check_rows("plans", rows("plans", unit_batch="0")) if not met.is_met)
    assert (met.unexpected, met.examples) == (1, "0")


def test_a_batch_of_less_than_one_unit_is_in_order() -> None:
    assert missed(check_rows("plans", rows("plans", unit_batch="0.5"))) == []


def test_only_what_spoils_the_whole_snapshot_is_critical() -> None:
    critical = {(entity, one.type) for entity, suite in SUITES.items() for one in suite if one.severity == CRITICAL}
    of_all = {"ExpectTableRowCountToBeBetween", "ExpectColumnValuesToBeUnique"}
    assert {kind for _, kind in critical} == of_all
    assert not [entity for entity, _ in critical if entity == "usage"]


def test_amounts_are_compared_as_exact_decimals() -> None:
    small = Decimal("0.00000000000000000001")
    assert missed(check_rows("invoices", rows("invoices", total_gap=str(small)))) != []


@pytest.fixture
def store(store_database: str) -> Database:
    """One event that is in order, of a subscription that the snapshot has."""
    db = Database(store_database)
    with db.transaction() as conn:
        reading(conn, [event("e-1")])
        conn.execute("INSERT INTO source_record VALUES ('\\x01', '{}')")
        conn.execute("INSERT INTO snapshot_record VALUES (1, 'subscriptions', 1, 's-1', '\\x01')")
    return db


def usage_suite(db: Database) -> list[Met]:
    return check_query("usage", db.url, usage_query("small", 1))


def test_good_usage_meets_every_expectation_inside_postgres(store: Database) -> None:
    found = usage_suite(store)
    assert missed(found) == []
    assert len(found) == len(SUITES["usage"])


@pytest.mark.parametrize(
    ("bad", "missing"),
    [
        ("usage_event SET quantity = -0.000001", ("column values to be between", "quantity", WARNING)),
        ("usage_series SET external_subscription_id = 'gone'", ("column values to be in set", "has_subscription", WARNING)),
        (
            "usage_event SET ended_at = started_at - interval '1 second'",
            ("column values to be in set", "ends_after_start", WARNING),
        ),
    ],
)
def test_bad_usage_is_found_inside_postgres(store: Database, bad: str, missing: tuple[str, str, str]) -> None:
    with store.transaction() as conn:
        conn.execute(f"UPDATE {bad}".encode())
    assert missed(usage_suite(store)) == [missing]


def test_usage_of_later_snapshots_and_other_services_is_not_looked_at(store: Database) -> None:
    with store.transaction() as conn:
        reading(conn, [event("e-2", "-5")])
    assert missed(usage_suite(store)) == []
    assert missed(check_query("usage", store.url, usage_query("other", 1))) == []


def test_every_entity_of_the_source_has_a_suite_and_only_two_severities() -> None:
    assert set(SUITES) == {"users", "plans", "subscriptions", "invoices", "usage"}
    assert {one.severity for suite in SUITES.values() for one in suite} == {CRITICAL, WARNING}
