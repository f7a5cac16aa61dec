"""Shadow subscriptions against each Odoo: draft orders, made once, changed by difference, left alone once confirmed."""

from fcb_pipelines_tests.acts.chain import Chain, counts
from fcb_pipelines_tests.acts.source_records import records


def test_a_chain_makes_a_partner_two_products_and_a_draft_order(chain: Chain) -> None:
    assert [counts(done) for done in chain.all(records())] == [(1, 0, 0, 0, 0)] * 3
    order = chain.one("sale.order", "subscription_s1", "state", "currency_id", "partner_id", "client_order_ref")
    assert (order["state"], order["currency_id"][1], order["client_order_ref"]) == ("draft", "CAD", "s1")
    assert order["partner_id"][0] == chain.ids("res.partner")[chain.xid("user_u1")]
    assert (chain.line()["price_unit"], chain.line()["product_uom_qty"]) == (19.99, 1.0)


def test_a_second_import_does_nothing(chain: Chain) -> None:
    chain.all(records())
    assert [counts(done) for done in chain.all(records())] == [(0, 0, 1, 0, 0)] * 3
