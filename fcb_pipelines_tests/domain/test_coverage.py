"""Shares of money and of subscriptions that are decided."""

from decimal import Decimal

from fcb_pipelines.domain.coverage import NOTHING_BILLED, NOTHING_DUE, coverage
from fcb_pipelines.domain.reconciliation import RowOwner, reconcile
from fcb_pipelines.domain.rows import Row
from fcb_pipelines_tests.builders import a_month, actual, expected


def rows(due: dict[str, str], billed: dict[str, str], extra: str | None = None) -> tuple[Row, ...]:
    return reconcile(
        "demo/2026-04",
        [RowOwner(external_subscription_id=key, external_user_id="u1", currency="CAD") for key in {*due, *billed}],
        [expected(net, line_key=key, external_subscription_id=key) for key, net in due.items()],
        [
            *(actual(net, external_subscription_id=key, external_invoice_id=f"i-{key}") for key, net in billed.items()),
            *([actual(extra, external_subscription_id=None, external_invoice_id="i-none")] if extra else []),
        ],
        a_month(),
    )


def test_matched_money_is_covered_and_proved() -> None:
    found = coverage(rows({"a": "50", "b": "50"}, {"a": "50", "b": "40"}), "CAD")
    assert found.money == {"CAD": "0.5555"}  # 50 of 90
    assert found.proved_money == {"CAD": "0.5555"}
    assert found.subscriptions == "0.5000"
    assert not found.is_complete


def test_a_credit_weighs_by_its_absolute_amount() -> None:
    assert coverage(rows({"a": "50"}, {"a": "50"}, extra="-50"), "CAD").money == {"CAD": "0.5000"}


def test_an_empty_month_is_not_one_hundred_percent() -> None:
    found = coverage((), "CAD")
    assert (found.money, found.subscriptions) == ({"CAD": NOTHING_BILLED}, NOTHING_DUE)


def test_a_share_is_cut_and_never_rounded_up_to_complete() -> None:
    found = coverage(rows({"a": "999999"}, {"a": "999999"}, extra="1"), "CAD")
    assert found.money == {"CAD": "0.9999"}


def test_what_is_not_due_is_no_subscription_to_cover() -> None:
    found = coverage(rows({"a": "50", "free": "0"}, {"a": "50"}), "CAD")
    assert (found.subscriptions, found.is_complete) == ("1.0000", True)


def test_a_second_bill_for_a_matched_subscription_leaves_it_undecided() -> None:
    twice = reconcile(
        "demo/2026-04",
        [],
        [expected("50")],
        [actual("50"), actual("50", external_invoice_id="i2")],
        a_month(),
    )
    found = coverage(twice, "CAD")
    assert (found.money, found.subscriptions) == ({"CAD": "0.5000"}, "0.0000")
    assert Decimal(found.money["CAD"]) < 1
