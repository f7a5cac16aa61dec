"""What is open in Odoo beside invoices of ours, on each Odoo, and with which sign."""

from fcb_pipelines.odoo.balances import balances, open_items
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.order_now import money
from fcb_pipelines_tests.odoo.bent import Server
from fcb_pipelines_tests.odoo.billed import MOVES, PAYMENTS, Billed


def test_nothing_is_open_of_who_has_nothing(importer: Odoo, billed: Billed) -> None:
    assert balances(importer, [billed.partner]) == {}
    assert balances(importer, []) == {}


def test_invoices_of_ours_are_no_balance(importer: Odoo, billed: Billed) -> None:
    order = billed.running()
    billed.ours("invoice_1")
    importer.call(MOVES, "action_post", [billed.invoice_of(order)])
    assert balances(importer, [billed.partner], orders=[order]) == {}
    assert balances(importer, [billed.partner])[billed.partner, "CAD"].amount < 0


def test_a_deposit_is_in_the_customers_favour_until_it_pays_something(importer: Odoo, billed: Billed) -> None:
    billed.deposit(25.0)
    (item,) = open_items(importer, [billed.partner])
    assert (item.partner_id, item.amount, item.kind) == (billed.partner, money(25.0, "CAD"), "payment or entry")
    billed.pay(billed.ours("invoice_1"), 4.0)
    assert balances(importer, [billed.partner]) == {(billed.partner, "CAD"): money(25.0, "CAD")}


def test_what_was_paid_too_much_is_open(importer: Odoo, billed: Billed) -> None:
    billed.pay(billed.ours("invoice_1"), 20.0)
    assert balances(importer, [billed.partner]) == {(billed.partner, "CAD"): money(8.7, "CAD")}


def test_credit_notes_count_for_and_invoices_of_others_against_the_customer(importer: Odoo, billed: Billed) -> None:
    billed.posted(10.0)
    billed.posted(3.0, move_type="out_refund")
    billed.draft(99.0)
    items = open_items(importer, [billed.partner])
    assert sorted((item.kind, item.amount) for item in items) == [
        ("credit note", money(3.39, "CAD")),
        ("invoice that is not ours", money(-11.3, "CAD")),
    ]
    assert balances(importer, [billed.partner]) == {(billed.partner, "CAD"): money(-7.91, "CAD")}


def test_each_currency_is_for_itself(importer: Odoo, billed: Billed) -> None:
    billed.posted(3.0, move_type="out_refund")
    billed.posted(4.0, move_type="out_refund", currency_id=billed.made.currency("USD"))
    assert balances(importer, [billed.partner]) == {
        (billed.partner, "CAD"): money(3.39, "CAD"),
        (billed.partner, "USD"): money(4.52, "USD"),
    }


def test_what_is_booked_on_the_company_is_told_of_its_contact(importer: Odoo, billed: Billed) -> None:
    contact = billed.made.partner("contact", parent_id=billed.partner)
    billed.posted(3.0, move_type="out_refund", partner_id=contact)
    assert balances(importer, [contact]) == {(contact, "CAD"): money(3.39, "CAD")}
    assert balances(importer, [billed.partner]) == {(billed.partner, "CAD"): money(3.39, "CAD")}
    assert balances(importer, [billed.made.partner("other")]) == {}


WITHOUT_ENTRY = [
    ("inbound", "customer", "in_process", 25.0),
    ("inbound", "customer", "paid", 25.0),
    ("outbound", "customer", "paid", -25.0),
    ("inbound", "customer", "draft", None),
    ("inbound", "customer", "canceled", None),
    ("outbound", "supplier", "paid", None),
]
"""What a payment is, and what it comes to in the customer's favour."""


def test_a_payment_that_odoo_keeps_without_an_entry_counts_too(server: Server) -> None:
    for payment_type, partner_type, state, amount in WITHOUT_ENTRY:
        partner = server.admin.call("res.partner", "create", {"name": "Who pays without an entry"})
        kind = {"payment_type": payment_type, "partner_type": partner_type}
        payment = server.admin.call(PAYMENTS, "create", {"partner_id": partner, "amount": 25.0, **kind})
        server.run(f"UPDATE account_payment SET state = '{state}' WHERE id = {payment}")
        assert balances(server.importer, [partner]) == ({} if amount is None else {(partner, "CAD"): money(amount, "CAD")})
