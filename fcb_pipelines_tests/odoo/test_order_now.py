"""An order as it is now, the tokens of customers, and what else Odoo bills them, on each Odoo."""

import pytest

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import OrderNow, money, order_now, orders_now, others_live, tokens_of
from fcb_pipelines_tests.odoo.billed import MOVES, ORDERS, Billed


def test_an_order_is_read_as_it_is(importer: Odoo, billed: Billed) -> None:
    order, gone = billed.order(), billed.order()
    importer.call(ORDERS, "action_cancel", [gone])
    billed.odoo.unlink(ORDERS, [gone])
    (row,) = importer.search_read(ORDERS, [("id", "=", order)], ["name", "amount_tax", "amount_total", "currency_id"])
    code = row["currency_id"][1]
    assert orders_now(importer, [order, gone]) == {
        order: OrderNow(
            odoo_id=order,
            name=row["name"],
            state="draft",
            is_locked=False,
            invoices=(),
            partner_id=billed.partner,
            currency=code,
            net=money(12.0, code),
            tax=money(row["amount_tax"], code),
            gross=money(row["amount_total"], code),
        )
    }
    with pytest.raises(RuleViolation, match=f"order {gone} is not in Odoo any more: import again"):
        order_now(importer, gone)


def test_what_became_of_it_is_seen(importer: Odoo, billed: Billed) -> None:
    order = billed.running()
    importer.call(ORDERS, "action_lock", [order])
    move = billed.invoice_of(order)
    now = order_now(importer, order)
    assert (now.state, now.is_locked, now.invoices) == ("sale", True, (move,))


def test_active_tokens_are_told_the_newest_first_and_without_their_secret(importer: Odoo, billed: Billed) -> None:
    other = billed.made.partner("other")
    first, archived, second = (billed.token(details) for details in ("1111", "2222", "3333"))
    billed.odoo.write("payment.token", [archived], {"active": False})
    found = tokens_of(importer, [billed.partner, other])
    assert {owner: [each.odoo_id for each in tokens] for owner, tokens in found.items()} == {billed.partner: [second, first]}
    assert [each.label for each in found[billed.partner]] == ["•••• 3333", "•••• 1111"]
    assert "a-secret" not in repr(found)


def test_other_orders_that_odoo_will_bill_are_told(importer: Odoo, billed: Billed) -> None:
    ours, other, _quotation = billed.running(), billed.running(), billed.order()
    (row,) = importer.search_read(ORDERS, [("id", "=", other)], ["name"])
    said = {billed.partner: (f"order {row['name']}, still to be invoiced",)}
    assert others_live(importer, [billed.partner, billed.made.partner("nobody")], [ours]) == said
    importer.call(MOVES, "action_post", [billed.invoice_of(other)])
    assert others_live(importer, [billed.partner], [ours]) == {}


@pytest.mark.parametrize(("auto_post", "is_told"), [("monthly", True), ("yearly", True), ("at_date", False), ("no", False)])
def test_invoices_that_repeat_by_themselves_are_told(importer: Odoo, billed: Billed, auto_post: str, is_told: bool) -> None:
    billed.draft(auto_post=auto_post)
    found = others_live(importer, [billed.partner], [])
    assert [words.endswith(f"of 2026-05-31, which repeats {auto_post}") for words in found.get(billed.partner, ())] == (
        [True] if is_told else []
    )


def test_what_a_contact_of_the_same_company_has_counts_too(importer: Odoo, billed: Billed) -> None:
    contact = billed.made.partner("contact", parent_id=billed.partner)
    order = billed.made.order(contact, [{"product_id": billed.product}])
    importer.call(ORDERS, "action_confirm", [order])
    assert set(others_live(importer, [billed.partner], [])) == {billed.partner}
    assert set(others_live(importer, [contact], [])) == {contact}
    assert others_live(importer, [contact], [order]) == {}
