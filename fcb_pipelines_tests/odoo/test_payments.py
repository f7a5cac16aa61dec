"""What happened to invoices of ours and to attempts to charge them, on each Odoo."""

from datetime import datetime, timedelta

from fcb_pipelines.domain.money import Money
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import money
from fcb_pipelines.odoo.payments import OVERLAP, Happened, MoveNow, happened, moves_now
from fcb_pipelines_tests.odoo.billed import DAY, MOVES, TRANSACTIONS, Billed

SECOND = timedelta(seconds=1)


def cad(amount: float) -> Money:
    return money(amount, "CAD")


def service(billed: Billed) -> str:
    """The word in external ids of this test: `fcb.<run>_…`."""
    return billed.made.xid("").removeprefix("fcb.").removesuffix("_")


def since(odoo: Odoo, billed: Billed, moment: datetime, *orders: int) -> Happened:
    return happened(odoo, service(billed), moment, orders=orders)


def test_an_invoice_of_ours_is_told_as_it_stands(importer: Odoo, billed: Billed) -> None:
    move = billed.ours("invoice_1")
    at = billed.written_at(MOVES, move)
    row = billed.move(move, "name", "invoice_date_due")
    expected = MoveNow(
        odoo_id=move,
        external_id=billed.made.xid("invoice_1"),
        name=row["name"],
        is_refund=False,
        partner_id=billed.partner,
        state="posted",
        payment_state="not_paid",
        total=cad(11.3),
        residual=cad(11.3),
        issued_on=DAY,
        due_on=datetime.fromisoformat(row["invoice_date_due"]).date(),
        written_at=at,
    )
    assert since(importer, billed, at) == Happened(moves=(expected,), transactions=())
    assert moves_now(importer, {expected.external_id: move, "fcb.gone": 2**31 - 1}) == {expected.external_id: expected}


def test_payments_show_on_the_invoice(importer: Odoo, billed: Billed) -> None:
    move = billed.ours("invoice_1")

    def now() -> tuple[str, Money]:
        (seen,) = since(importer, billed, billed.written_at(MOVES, move)).moves
        return seen.payment_state, seen.residual

    payment = billed.pay(move, 5.0)
    assert now() == ("partial", cad(6.3))
    billed.pay(move)
    assert now() == ("paid", cad(0.0))
    importer.call("account.payment", "action_cancel", [payment])
    assert now() == ("partial", cad(5.0))


def test_what_was_read_is_read_again_within_the_overlap_and_not_beyond(importer: Odoo, billed: Billed) -> None:
    move = billed.ours("invoice_1", is_posted=False)
    at = billed.written_at(MOVES, move)
    seen = since(importer, billed, at + OVERLAP)
    assert [each.odoo_id for each in seen.moves] == [move]
    assert since(importer, billed, at + OVERLAP + SECOND).moves == ()
    assert seen.cursor(at - SECOND) == at
    assert seen.cursor(at + OVERLAP) == at + OVERLAP


def test_a_moment_within_a_second_is_taken_as_its_beginning(importer: Odoo, billed: Billed) -> None:
    move = billed.ours("invoice_1", is_posted=False)
    at = billed.written_at(MOVES, move) + OVERLAP
    assert since(importer, billed, at + timedelta(milliseconds=999)).moves


def test_invoices_of_others_are_not_told_unless_they_came_of_our_orders(importer: Odoo, billed: Billed) -> None:
    order = billed.running()
    billed.ours("invoice_1", is_posted=False)
    others, made = billed.draft(), billed.invoice_of(order)
    billed.ours("elsewhere", is_posted=False, xid=f"fcb.x{service(billed)}_invoice_1")
    at = billed.written_at(MOVES, made)
    told = {each.odoo_id: each.external_id for each in since(importer, billed, at, order).moves}
    assert others not in told
    assert told[made] == ""
    assert {each.external_id for each in since(importer, billed, at).moves} == {billed.made.xid("invoice_1")}


def test_a_failed_charge_is_told_although_the_invoice_stays_as_it_was(importer: Odoo, billed: Billed) -> None:
    move = billed.ours("invoice_1")
    before = billed.written_at(MOVES, move)
    attempt = billed.charge(move, billed.draft())
    importer.write(TRANSACTIONS, [attempt], {"state": "error", "state_message": "card declined"})
    at = billed.written_at(TRANSACTIONS, attempt)
    (told,) = since(importer, billed, at).transactions
    assert (told.odoo_id, told.state, told.is_failed, told.message) == (attempt, "error", True, "card declined")
    assert (told.moves, told.orders, told.written_at) == ((move,), (), at)
    assert told.changed_at is not None
    assert (billed.written_at(MOVES, move), billed.move(move, "payment_state")) == (before, {"payment_state": "not_paid"})
    assert billed.move(move, "transaction_ids") == {"transaction_ids": [attempt]}
    assert since(importer, billed, at + OVERLAP + SECOND).transactions == ()


def test_a_charge_for_an_order_of_ours_is_told_and_one_for_nothing_of_ours_is_not(importer: Odoo, billed: Billed) -> None:
    order = billed.running()
    ours, _others = billed.charge(orders=[order]), billed.charge(billed.draft())
    at = billed.written_at(TRANSACTIONS, ours)
    assert [(each.odoo_id, each.orders, each.is_failed) for each in since(importer, billed, at, order).transactions] == [
        (ours, (order,), False)
    ]
    assert since(importer, billed, at).transactions == ()
