"""What the demo is explained by, against the causes that were planted; then decided by two people until nothing is open."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.source.demo.truth import planted_truth
from fcb_pipelines_tests.acceptance.decided import Decided
from fcb_pipelines_tests.acceptance.fixtures import PERIODS, Demo

Key = tuple[str, str, str, str]
TRUTH: dict[Key, list[str]] = {
    (str(kind), str(subject), str(month), str(charge)): list(causes)  # type: ignore[call-overload]
    for kind, subject, month, charge, causes, _ in planted_truth().rows
}
LEAK = ["missing_in_source"]


def instances(demo: Demo) -> Iterator[tuple[Key, Any]]:
    """Every instance that is due or billed, as the truth names it."""
    for row in demo.all_rows:
        for one in row["instances"]:
            if one["verdict"] == "nothing_due":
                continue
            subject = ("subscription", row["subscription"]) if row["subscription"] else ("invoice_line", row["line_key"])
            yield (*subject, row["period"], one["charge"]), one


def test_every_instance_is_explained_by_its_true_causes_and_by_no_other(demo: Demo) -> None:
    wrong = {}
    for key, one in instances(demo):
        found, true = sorted(cause["cause"] for cause in one["causes"]), sorted(TRUTH.get(key, ["match"]))
        told = {"match": ["match"], "carried": ["carried"]}.get(one["verdict"], found or ["unexplained"])
        is_decided_rightly = one["verdict"] in {"match", "carried"} or (one["verdict"] == "explained") == (
            true not in (["unexplained"], LEAK)
        )
        if told != true or not is_decided_rightly:
            wrong[key] = (one["verdict"], found, true)
    assert wrong == {}


def test_every_planted_difference_of_a_subscription_is_looked_at(demo: Demo) -> None:
    looked_at = {key for key, _ in instances(demo)}
    assert {key for key in TRUTH if key[0] == "subscription"} - looked_at == set()


def test_every_line_is_in_one_row_or_in_the_evidence_of_what_it_pays_for(demo: Demo) -> None:
    rows = {row["line_key"] for row in demo.all_rows if row["line_key"]}
    evidence = {one["reference"] for row in demo.all_rows if not row["line_key"] for one in row["evidence"]}
    lines = {
        line["line_key"]
        for month in demo.register["months"]
        for invoice in month["invoices"]
        if invoice["counts"]
        for line in invoice["lines"]
    }
    assert (rows | evidence, rows & evidence) == (lines, set())


def test_what_is_unexplained_says_what_would_decide_it(demo: Demo) -> None:
    for key, one in instances(demo):
        if one["verdict"] == "unexplained" and not one["causes"]:
            assert one["missing"], key


@pytest.mark.parametrize(
    ("subscription", "sentence"),
    [
        (
            "SUB-1015",
            "Billed 9.14 CAD, 200.00 CAD expected (flat): yearly price 200.00 ÷ 12; 17 of 31 days (calendar_days); started "
            "2026-03-15.",
        ),
        (
            "SUB-1017",
            "Billed 9.14 CAD, 50.00 CAD expected (flat): quarterly price 50.00 ÷ 3; 17 of 31 days (calendar_days); started "
            "2026-03-15.",
        ),
    ],
)
def test_the_four_of_nine_fourteen_are_said_in_a_sentence(demo: Demo, subscription: str, sentence: str) -> None:
    (row,) = (row for row in demo.rows["2026-03"] if row["subscription"] == subscription)
    assert row["sentence"] == sentence
    (flat,) = (one for one in row["instances"] if one["charge"] == "flat")
    assert [step["amount"] for step in flat["waterfall"]][-1] == "9.14"
    assert flat["waterfall"][-1]["residual"] == "0.00"


def test_money_by_verdict_is_what_was_billed(demo: Demo) -> None:
    by_verdict: dict[str, Decimal] = {}
    for _, one in instances(demo):
        net = Decimal(one["actual"]["net"]) if one["actual"] else Decimal(0)
        by_verdict[one["verdict"]] = by_verdict.get(one["verdict"], Decimal(0)) + net
    assert sum(by_verdict.values()) == Decimal("3061.87")
    assert by_verdict["unexplained"] == Decimal("705.35")


def test_two_people_decide_the_rest(decided: Decided) -> None:
    assert decided.unapproved_coverage < Decimal(1), "a decision above the limit waits for a second person"
    for period in PERIODS:
        found = decided.status["services"]["nexacloud"]["periods"][period]
        assert found["coverage_money"] == {"CAD": "1.0000"}, period
        assert found["coverage_subscriptions"] == "1.0000", period
    assert decided.remedies == []


def test_adopted_terms_turn_what_they_explained_into_a_match(decided: Decided) -> None:
    rows = {row["subscription"]: row for row in decided.rows["2026-03"]}
    for subscription in ("SUB-1015", "SUB-1016", "SUB-1017", "SUB-1018"):
        row = rows[subscription]
        assert (row["status"], row["verdict"], row["expected"]["net"], row["actual"]["net"]) == (
            "match",
            "match",
            "9.14",
            "9.14",
        )


def test_orders_in_odoo_follow_the_adopted_terms(decided: Decided) -> None:
    assert decided.prices == {"SUB-1015": 16.67, "SUB-1017": 16.67, "SUB-1021": 65.0, "SUB-1031": 23.2, "SUB-1019": 24.0}


def test_what_was_signed_is_on_a_whole_chain(decided: Decided) -> None:
    assert decided.verified.code == 0
    signed = {one["author"] for one in decided.acceptances}
    approved = {one["approval"]["by"] for one in decided.acceptances if one["approval"]}
    assert (signed, approved) == ({"ada"}, {"grace"})
