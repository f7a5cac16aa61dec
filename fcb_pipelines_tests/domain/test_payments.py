"""Payment facts: which follow from what Odoo has now, and of whose invoices."""

from dataclasses import replace
from datetime import date

import pytest

from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.payments import Fact, FailedPayment, InvoiceNow, OurInvoice, Past, facts, gone

OURS = {7: OurInvoice(xid="fcb.demo_live_invoice_s1=2f2026-07", external_user_id="u1", external_subscription_id="s1")}
NOW = InvoiceNow(
    move_id=7,
    name="INV/7",
    partner_id=3,
    total=money("11.18 CAD"),
    residual=money("0 CAD"),
    payment_state="paid",
    settled_by="4",
)
FAILED = FailedPayment(
    transaction_id=9, move_id=7, amount=money("11.18 CAD"), failed_at="2026-07-08T10:00:00+00:00", message="card declined"
)


@pytest.mark.parametrize(
    ("state", "fact"),
    [
        ("paid", Fact.INVOICE_PAID),
        ("in_payment", Fact.INVOICE_PAID),
        ("reversed", Fact.INVOICE_REVERSED),
        ("not_paid", None),
        ("partial", None),
        ("blocked", None),
    ],
)
def test_what_an_invoice_tells(state: str, fact: Fact | None) -> None:
    found = list(facts(OURS, [replace(NOW, payment_state=state)], []))
    assert [one.fact for one in found] == ([] if fact is None else [fact])


@pytest.mark.parametrize(
    ("state", "past", "told"),
    [
        ("paid", Past(settled=Fact.INVOICE_PAID), []),  # the bank confirms what was in payment: the same payment
        ("paid", Past(settled=Fact.PAYMENT_TAKEN_BACK, taken_back=1), [(Fact.INVOICE_PAID, "4/1")]),
        ("reversed", Past(settled=Fact.INVOICE_PAID), [(Fact.INVOICE_REVERSED, "4")]),
        ("not_paid", Past(settled=Fact.INVOICE_PAID), [(Fact.PAYMENT_TAKEN_BACK, "1")]),
        ("partial", Past(settled=Fact.INVOICE_REVERSED, taken_back=1), [(Fact.PAYMENT_TAKEN_BACK, "2")]),
        ("not_paid", Past(settled=Fact.PAYMENT_TAKEN_BACK, taken_back=1), []),
        ("blocked", Past(settled=Fact.INVOICE_PAID), []),
    ],
)
def test_what_was_recorded_and_is_still_so_is_no_new_fact(state: str, past: Past, told: list[tuple[Fact, str]]) -> None:
    found = facts(OURS, [replace(NOW, payment_state=state)], [], {7: past})
    assert [(one.fact, one.happened) for one in found] == told


@pytest.mark.parametrize(
    ("due", "before", "past", "told"),
    [
        ("2026-07-01", "2026-07-02", Past(), [(Fact.INVOICE_OVERDUE, "2026-07-01")]),
        ("2026-07-01", "2026-07-01", Past(), []),
        ("2026-07-01", None, Past(), []),
        (None, "2026-07-02", Past(), []),
        ("2026-07-01", "2026-07-02", Past(is_overdue=True), []),
        (
            "2026-07-01",
            "2026-07-02",
            Past(taken_back=1, settled=Fact.PAYMENT_TAKEN_BACK),
            [(Fact.INVOICE_OVERDUE, "2026-07-01/1")],
        ),
        (
            "2026-07-01",
            "2026-07-02",
            Past(settled=Fact.INVOICE_PAID, is_overdue=True),
            [(Fact.PAYMENT_TAKEN_BACK, "1"), (Fact.INVOICE_OVERDUE, "2026-07-01/1")],
        ),
    ],
)
def test_an_invoice_is_overdue_once_after_its_grace(
    due: str | None, before: str | None, past: Past, told: list[tuple[Fact, str]]
) -> None:
    due_on = None if due is None else date.fromisoformat(due)
    one = replace(NOW, payment_state="not_paid", residual=money("11.18 CAD"), due_on=due_on)
    day = None if before is None else date.fromisoformat(before)
    assert [(each.fact, each.happened) for each in facts(OURS, [one], [], {7: past}, overdue_before=day)] == told


def test_what_failed_is_told_before_what_was_paid_after_it() -> None:
    assert [one.fact for one in facts(OURS, [NOW], [FAILED])] == [Fact.PAYMENT_FAILED, Fact.INVOICE_PAID]


def test_a_failure_without_an_invoice_is_of_its_order() -> None:
    failed = replace(FAILED, move_id=None, order_id=5)
    (one,) = facts(OURS, [], [failed, replace(failed, order_id=6), replace(failed, order_id=None)], orders={5: OURS[7]})
    assert (one.fact, one.move_id, one.order_id, one.external_subscription_id) == (Fact.PAYMENT_FAILED, 0, 5, "s1")


def test_a_fact_names_everything_that_a_message_needs() -> None:
    (one,) = facts(OURS, [NOW], [])
    assert (one.move_xid, one.external_user_id, one.external_subscription_id, one.happened) == (OURS[7].xid, "u1", "s1", "4")
    assert (one.amount, one.data["total"], one.data["residual"]) == (money("11.18 CAD"), "11.18", "0.00")
    assert (one.data["invoice"], one.data["partner_id"], one.data["currency"]) == ("INV/7", 3, "CAD")


def test_a_failure_shows_in_its_transaction_alone() -> None:
    (one,) = facts(OURS, [replace(NOW, payment_state="not_paid", residual=money("11.18 CAD"))], [FAILED])
    assert (one.fact, one.transaction_id, one.happened) == (Fact.PAYMENT_FAILED, 9, FAILED.failed_at)
    assert (one.data["message"], one.data["payment_state"]) == ("card declined", "not_paid")


def test_nobody_elses_invoice_tells_anything() -> None:
    """Those from before a boundary are not ours: whatever happens to them drives nothing."""
    other = replace(NOW, move_id=8)
    assert list(facts(OURS, [other], [replace(FAILED, move_id=8), FAILED])) == []


@pytest.mark.parametrize(
    ("past", "told"),
    [
        (Past(), []),
        (Past(failures=1), [(Fact.INVOICE_REVERSED, "cancel")]),
        (Past(is_overdue=True), [(Fact.INVOICE_REVERSED, "cancel")]),
        (Past(settled=Fact.PAYMENT_TAKEN_BACK, taken_back=1), [(Fact.INVOICE_REVERSED, "cancel/1")]),
        (Past(settled=Fact.INVOICE_PAID, failures=1), []),
        (Past(settled=Fact.INVOICE_REVERSED, failures=1), []),
    ],
)
def test_an_invoice_that_is_cancelled_is_told_where_it_was_told_not_paid(past: Past, told: list[tuple[Fact, str]]) -> None:
    gone = replace(NOW, payment_state="not_paid", is_cancelled=True)
    found = list(facts(OURS, [gone], [], {7: past}, overdue_before=date(2027, 1, 1)))
    assert [(one.fact, one.happened) for one in found] == told


@pytest.mark.parametrize(
    ("past", "told"),
    [
        ({}, []),
        ({7: Past(failures=1)}, [(Fact.INVOICE_REVERSED, "cancel", None)]),
        ({7: Past(settled=Fact.PAYMENT_TAKEN_BACK, taken_back=2)}, [(Fact.INVOICE_REVERSED, "cancel/2", None)]),
        ({7: Past(settled=Fact.INVOICE_REVERSED, failures=1)}, []),
    ],
)
def test_an_invoice_that_is_deleted_is_told_by_what_was_told_last(
    past: dict[int, Past], told: list[tuple[Fact, str, int | None]]
) -> None:
    owed = replace(NOW, payment_state="partial", residual=money("1 CAD"))
    found = list(gone(facts(OURS, [owed], [replace(FAILED, amount=money("1 CAD"))]), past))
    assert [(one.fact, one.happened, one.transaction_id) for one in found] == told
    assert all((one.amount, one.data["state"], one.data["message"]) == (NOW.total, "cancel", None) for one in found)
