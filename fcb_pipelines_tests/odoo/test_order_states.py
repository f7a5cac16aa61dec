"""Sales orders: their states, and what may be deleted when."""

from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.made import Made

ORDER = "sale.order"
LINE = "sale.order.line"


def _read(odoo: Odoo, order: int, *fields: str) -> dict[str, Any]:
    return dict(odoo.call(ORDER, "read", [order], list(fields))[0])


def test_drafts_become_orders_and_cancelled_ones_drafts(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(), "price_unit": 1.23}])

    def after(action: str) -> str:
        assert odoo.call(ORDER, action, [order]) is True
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
    odoo.call(ORDER, "action_cancel", [order])
    with pytest.raises(Refused, match="not in a state requiring confirmation"):
        odoo.call(ORDER, "action_confirm", [order])


def test_a_locked_order_is_not_cancelled(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner())
    odoo.call(ORDER, "action_confirm", [order])
    assert odoo.call(ORDER, "action_lock", [order]) is None
    with pytest.raises(Refused, match=r"^You cannot cancel a locked order. Please unlock it first.$"):
        odoo.call(ORDER, "action_cancel", [order])
    assert odoo.call(ORDER, "action_unlock", [order]) is None
    assert odoo.call(ORDER, "action_cancel", [order]) is True


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
    odoo.call(ORDER, "action_cancel", [order])
    odoo.unlink(ORDER, [order])
    assert odoo.search_read(ORDER, [("id", "=", order)], ["id"]) == []


def test_an_order_may_be_made_confirmed_and_then_has_no_pricelist(odoo: Odoo, made: Made) -> None:
    order = _read(odoo, made.order(made.partner(), state="sale"), "state", "pricelist_id", "currency_id")
    assert (order["state"], order["pricelist_id"], order["currency_id"][1]) == ("sale", False, "CAD")


def test_a_bad_state_is_refused(odoo: Odoo, made: Made) -> None:
    with pytest.raises(Refused, match=r"Wrong value for sale.order.state: 'done'"):
        odoo.write(ORDER, [made.order(made.partner())], {"state": "done"})


@pytest.mark.parametrize(
    ("model", "troublemaker"),
    [
        (
            "product.template",
            "'Sales Order Line' (sale.order.line)\nThanks to the following constraint: 'Product' (product_id)",
        ),
        ("res.partner", "'Sales Order' (sale.order)\nThanks to the following constraint: 'Customer' (partner_id)"),
    ],
)
def test_what_an_order_uses_is_not_deleted(odoo: Odoo, made: Made, model: str, troublemaker: str) -> None:
    product = made.product()
    made.order(made.partner(), [{"product_id": product}])
    (record,) = odoo.search_read(model, [("name", "like", made.name("")), ("name", "!=", False)], ["id"])
    with pytest.raises(Refused) as refusal:
        odoo.unlink(model, [record["id"]])
    assert f"Another model is using the record you are trying to delete.\n\nThe troublemaker is: {troublemaker}" in str(
        refusal.value
    )


def test_archived_things_may_still_be_ordered(odoo: Odoo, made: Made) -> None:
    product, partner = made.product(), made.partner(active=False)
    odoo.write("product.product", [product], {"active": False})
    assert made.order(partner, [{"product_id": product}])


def test_nothing_can_be_charged(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    assert odoo.search_read("payment.token", [("partner_id", "=", partner)], ["id"]) == []
    assert odoo.search_read("payment.transaction", [("partner_id", "=", partner)], ["state"]) == []
