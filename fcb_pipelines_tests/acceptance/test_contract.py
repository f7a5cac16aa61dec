"""The JSON that programs rely on: its keys, its amounts as strings, its order, and null for a side that is absent."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fcb_pipelines_tests.acceptance.fixtures import PERIODS, Again, AllPlans, Demo

STATUSES = ("match", "delta", "only_expected", "only_actual", "nothing_due")
COUNTS = ("created", "changed", "unchanged", "skipped", "failed")
AMOUNT = re.compile(r"-?\d+\.\d{2}")
SHARE = re.compile(r"[01]\.\d{4}|nothing billed|nothing due")
ROW = {"row_id", "service", "period", "subscription", "partner", "currency", "line_key", "external_invoice_ids", "expected",
       "actual", "difference", "abs_difference", "status", "verdict", "causes", "instances", "evidence"}  # fmt: skip
INSTANCE = {"charge", "service_from", "service_to", "due_at", "expected", "actual", "difference", "status", "verdict", "causes"}
INVOICE = {"external_invoice_id", "partner", "subscription", "status", "counts", "currency", "net", "tax", "gross", "lines"}
PERIOD = {
    "rows",
    "verdicts",
    "open_remedies",
    "coverage_money",
    "proved_money",
    "coverage_subscriptions",
    "revision",
    "closed_at",
}


def sides(rows: list[Any]) -> Iterator[Any]:
    """Both sides of every row and instance."""
    for row in rows:
        for each in (row, *row["instances"]):
            yield each["expected"]
            yield each["actual"]


def test_status(demo: Demo) -> None:
    assert set(demo.status) == {"services"}
    service = demo.status["services"]["nexacloud"]
    assert set(service) == {"partners", "plans", "subscriptions", "import", "read_back", "invoices", "periods", "webhooks"}
    assert set(service["subscriptions"]) == {"shadow", "live"}
    assert set(service["import"]) == set(COUNTS)
    assert [(one["part"], one["period"], one["records"], one["differences"]) for one in service["read_back"]] == [
        ("partners", "", service["partners"], 0),
        ("plans", "", 2 * service["plans"], 0),
        ("subscriptions", "", service["subscriptions"]["shadow"], 0),
    ]
    assert list(service["periods"]) == list(PERIODS)


@pytest.mark.parametrize("period", PERIODS)
def test_status_of_a_period(demo: Demo, period: str) -> None:
    found = demo.status["services"]["nexacloud"]["periods"][period]
    assert set(found) == PERIOD
    assert set(found["rows"]) == set(STATUSES)
    shares = [*found["coverage_money"].values(), *found["proved_money"].values(), found["coverage_subscriptions"]]
    assert all(isinstance(share, str) and SHARE.fullmatch(share) for share in shares)
    assert {status: found["rows"][status] for status in STATUSES} == {
        status: sum(row["status"] == status for row in demo.rows[period]) for status in STATUSES
    }


@pytest.mark.parametrize("period", PERIODS)
def test_rows(demo: Demo, period: str) -> None:
    rows = demo.rows[period]
    assert all(set(row) >= ROW for row in rows)
    assert all(set(one) >= INSTANCE for row in rows for one in row["instances"])
    assert all(set(one) == {"kind", "reference"} for row in rows for one in row["evidence"])
    assert {(row["service"], row["period"], row["currency"]) for row in rows} == {("nexacloud", period, "CAD")}
    assert [row["row_id"] for row in rows] == sorted({row["row_id"] for row in rows})
    assert all(row["external_invoice_ids"] == sorted(row["external_invoice_ids"]) for row in rows)
    assert all(row["instances"] for row in rows)
    assert all(set(one) == {"cause", "remedy"} for row in rows for one in row["causes"])
    assert any(row["causes"] for row in rows)


@pytest.mark.parametrize("period", PERIODS)
def test_amounts_are_strings_of_two_decimals(demo: Demo, period: str) -> None:
    rows = demo.rows[period]
    for side in sides(rows):
        assert side is None or (set(side) == {"net", "tax", "gross"} and all(AMOUNT.fullmatch(side[name]) for name in side))
    differences = [each["difference"] for row in rows for each in (row, *row["instances"])]
    assert all(AMOUNT.fullmatch(each) for each in (*differences, *(row["abs_difference"] for row in rows)))


def test_a_side_that_is_absent_is_null_and_one_of_nothing_is_zero(demo: Demo) -> None:
    by_status = {status: [row for row in demo.all_rows if row["status"] == status] for status in STATUSES}
    assert all(row["actual"] is None and row["expected"] for row in by_status["only_expected"])
    assert all(row["expected"] is None and row["actual"] for row in by_status["only_actual"])
    assert all(row["expected"] and row["actual"] for row in (*by_status["match"], *by_status["delta"]))
    free = [row for row in by_status["nothing_due"] if row["expected"] is not None]
    assert free, "the demo has trials and an internal account"
    assert {row["expected"]["net"] for row in free if not row["is_due"]} >= {"0.00"}


def test_lines_of_no_subscription_have_a_line_key_and_others_none(demo: Demo) -> None:
    for row in demo.all_rows:
        assert (row["subscription"] is None) == (row["line_key"] is not None)
        if row["line_key"]:
            invoice, _, ordinal = row["line_key"].rpartition("/")
            assert row["external_invoice_ids"] == [invoice]
            assert ordinal.isdigit()


def test_register(demo: Demo) -> None:
    months = demo.register["months"]
    assert [month["month"] for month in months] == list(PERIODS)
    for invoice in (invoice for month in months for invoice in month["invoices"]):
        assert set(invoice) >= INVOICE
        assert all(AMOUNT.fullmatch(invoice[name]) for name in ("net", "tax", "gross"))
        assert invoice["lines"]
        assert all(line["kind"] and AMOUNT.fullmatch(line["net"]) for line in invoice["lines"])
        assert [line["line_key"] for line in invoice["lines"]] == sorted(
            (line["line_key"] for line in invoice["lines"]), key=lambda key: int(key.rpartition("/")[2])
        )


def test_the_bridge_of_the_register_names_every_line_of_a_row(demo: Demo) -> None:
    keys = {line["line_key"] for month in demo.register["months"] for invoice in month["invoices"] for line in invoice["lines"]}
    assert {row["line_key"] for row in demo.all_rows if row["line_key"]} <= keys


def test_import(again: Again, all_plans: AllPlans) -> None:
    for answer in (again.imported, again.dry, all_plans.imported):
        assert set(answer) >= {"service", "dry_run", *COUNTS, "entities"}
        assert {name: answer[name] for name in COUNTS} == {
            name: sum(one[name] for one in answer["entities"].values()) for name in COUNTS
        }
    assert (again.imported["dry_run"], again.dry["dry_run"]) == (False, True)


def test_run(again: Again) -> None:
    assert set(again.run) >= PERIOD | {"service", "period", "snapshot", "changes"}
    assert (again.run["service"], again.run["period"]) == ("nexacloud", "2026-04")
    assert set(again.run["changes"]) == {"because", "rows"}


def test_prune(all_plans: AllPlans) -> None:
    assert set(all_plans.prunable) == {"service", "prunable", "removed", "archived", "refused"}
    assert all(set(one) == {"external_id", "model", "name"} for one in all_plans.prunable["prunable"])
