"""Payment facts: which follow from what Odoo has now, and of whose invoices."""

from dataclasses import replace

import pytest

from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.payments import Fact, FailedPayment, InvoiceNow, OurInvoice, facts

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
