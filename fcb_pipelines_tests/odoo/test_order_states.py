"""Sales orders: their states, and what may be deleted when."""

from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import AT_ONCE, Made

ORDER = "sale.order"
LINE = "sale.order.line"


def _read(odoo: Odoo, order: int, *fields: str) -> dict[str, Any]:
    return dict(odoo.call(ORDER, "read", [order], list(fields))[0])


def test_drafts_become_orders_and_cancelled_ones_drafts(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(), "price_unit": 1.23}])

    def after(action: str) -> str:
        assert odoo.call(ORDER, action, [order], context=AT_ONCE) is True
        return str(_read(odoo, order, "state")["state"])

    assert after("action_confirm") == "sale"
    assert after("action_draft") == "sale"
    assert after("action_cancel") == "cancel"
    assert after("action_cancel") == "cancel"
    assert after("action_draft") == "draft"
    assert [line["price_unit"] for line in made.lines(order, "price_unit")] == [1.23]
    assert odoo.search_read("account.move", [("partner_id.name", "=", made.name("partner"))], ["state"]) == []


def test_orders_are_confirmed_once(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner())
    odoo.call(ORDER, "action_confirm", [order])
    with pytest.raises(Refused, match=r"^Some orders are not in a state requiring confirmation.$"):
        odoo.call(ORDER, "action_confirm", [order])
    odoo.call(ORDER, "action_cancel", [order], context=AT_ONCE)
    with pytest.raises(Refused, match="not in a state requiring confirmation"):
        odoo.call(ORDER, "action_confirm", [order])


def test_a_locked_order_is_not_cancelled(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner())
    odoo.call(ORDER, "action_confirm", [order])
    assert odoo.call(ORDER, "action_lock", [order]) is None
    with pytest.raises(Refused, match=r"^You cannot cancel a locked order. Please unlock it first.$"):
        odoo.call(ORDER, "action_cancel", [order], context=AT_ONCE)
    assert odoo.call(ORDER, "action_unlock", [order]) is None
    assert odoo.call(ORDER, "action_cancel", [order], context=AT_ONCE) is True


def test_a_confirmed_order_is_not_deleted_but_may_be_changed(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"product_id": made.product()}])
    odoo.call(ORDER, "action_confirm", [order])
    with pytest.raises(
        Refused, match=r"You can not delete a sent quotation or a confirmed sales order. You must first cancel it."
    ):
        odoo.unlink(ORDER, [order])
    (line,) = made.lines(order, "id")
    with pytest.raises(Refused, match=r"Once a sales order is confirmed, you can't remove one of its lines"):
        odoo.unlink(LINE, [line["id"]])
    odoo.write(LINE, [line["id"]], {"price_unit": 7, "product_uom_qty": 2})
    assert _read(odoo, order, "amount_total")["amount_total"] == 15.82
    odoo.call(ORDER, "action_cancel", [order], context=AT_ONCE)
    odoo.unlink(ORDER, [order])
    assert odoo.search_read(ORDER, [("id", "=", order)], ["id"]) == []


def test_an_order_may_be_made_confirmed_and_then_has_no_pricelist(odoo: Odoo, made: Made) -> None:
    order = _read(odoo, made.order(made.partner(), state="sale"), "state", "pricelist_id", "currency_id")
    assert (order["state"], order["pricelist_id"], order["currency_id"][1]) == ("sale", False, "CAD")


def test_a_bad_state_is_refused(odoo: Odoo, made: Made) -> None:
    with pytest.raises(Refused, match=r"Wrong value for sale.order.state: 'done'"):
        odoo.write(ORDER, [made.order(made.partner())], {"state": "done"})


def test_18_asks_before_it_cancels_what_is_no_draft(odoo: Odoo, made: Made, names: Names) -> None:
    order = made.order(made.partner())
    odoo.call(ORDER, "action_confirm", [order])
    answer = odoo.call(ORDER, "action_cancel", [order])
    assert (answer is True, _read(odoo, order, "state")["state"]) == names.either((True, "cancel"), (False, "sale"))


def test_a_product_that_an_order_uses_is_not_deleted(odoo: Odoo, made: Made, names: Names) -> None:
    made.order(made.partner(), [{"product_id": made.product()}])
    (record,) = odoo.search_read("product.template", [("name", "like", made.name(""))], ["id"])
    with pytest.raises(Refused) as refusal:
        odoo.unlink("product.template", [record["id"]])
    assert str(refusal.value).endswith(
        names.either(
            "Another model is using the record you are trying to delete.\n\n"
            "The troublemaker is: 'Sales Order Line' (sale.order.line)\n"
            "Thanks to the following constraint: 'Product' (product_id)\nHow about archiving the record instead?",
            "another model requires the record being deleted. If possible, archive it instead.\n\n"
            "Model: Sales Order Line (sale.order.line)\nConstraint: sale_order_line_product_id_fkey\n",
        )
    )


@pytest.mark.parametrize("field", ["partner_id", "partner_invoice_id", "partner_shipping_id"])
def test_a_partner_that_a_draft_uses_is_not_deleted_from_19_on_and_takes_it_along_before(
    odoo: Odoo, made: Made, names: Names, field: str
) -> None:
    used = made.partner("used")
    order = made.order(made.partner("other"), [], **{field: used})
    if names.is_18:
        odoo.unlink("res.partner", [used])
    else:
        with pytest.raises(Refused, match=r"The troublemaker is: 'Sales Order' \(sale.order\)"):
            odoo.unlink("res.partner", [used])
    there = [row["id"] for row in odoo.search_read(ORDER, [("id", "=", order)], ["id"])]
    assert there == names.either([order], [])


def test_a_partner_of_a_confirmed_order_is_never_deleted(odoo: Odoo, made: Made) -> None:
    used = made.partner("used")
    odoo.call(ORDER, "action_confirm", [made.order(used)])
    with pytest.raises(Refused, match=r"another model|Another model"):
        odoo.unlink("res.partner", [used])


def test_archived_things_may_still_be_ordered(odoo: Odoo, made: Made) -> None:
    product, partner = made.product(), made.partner(active=False)
    odoo.write("product.product", [product], {"active": False})
    assert made.order(partner, [{"product_id": product}])


def test_nothing_can_be_charged(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    assert odoo.search_read("payment.token", [("partner_id", "=", partner)], ["id"]) == []
    assert odoo.search_read("payment.transaction", [("partner_id", "=", partner)], ["state"]) == []


def test_the_pricelist_of_a_confirmed_order_refuses_all_that_comes_with_it(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(), "price_unit": 1.23}])
    odoo.call(ORDER, "action_confirm", [order])
    (line,) = made.lines(order, "id")
    row = [order, "", line["id"], 7]
    loaded = odoo.load(ORDER, [".id", "pricelist_id/.id", "order_line/.id", "order_line/price_unit"], [row])
    assert [each.message for each in loaded.messages] == ["You cannot change the pricelist of a confirmed order !"]
    assert [each["price_unit"] for each in made.lines(order, "price_unit")] == [1.23]
