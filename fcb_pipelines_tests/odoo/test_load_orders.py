"""`load` of orders with their lines as sub-rows."""

from collections.abc import Sequence
from typing import Any

from fcb_pipelines.odoo.client import LoadMessage, Odoo
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import Made

ORDER = ("id", "partner_id/.id", "client_order_ref", "order_line/id", "order_line/name", "order_line/price_unit")


def _order(odoo: Odoo, made: Made, partner: int, *lines: tuple[str, str, object]) -> Sequence[Any]:
    head = [made.xid("so"), str(partner), "ref"]
    rows = [[*(head if number == 0 else ["", "", ""]), made.xid(line), *rest] for number, (line, *rest) in enumerate(lines)]
    loaded = odoo.load("sale.order", ORDER, rows)
    assert not loaded.messages
    return loaded.ids


def test_lines_come_with_their_order_and_stay_as_many(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    (order,) = _order(odoo, made, partner, ("l1", "one", 1.5), ("l2", "two", "2.5"))
    before = made.lines(order, "name", "price_unit", "technical_price_unit")
    assert [(line["name"], line["price_unit"]) for line in before] == [("one", 1.5), ("two", 2.5)]
    assert _order(odoo, made, partner, ("l1", "one", 1.5), ("l2", "TWO", "3")) == (order,)
    after = made.lines(order, "name", "price_unit")
    assert [line["id"] for line in after] == [line["id"] for line in before]
    assert [(line["name"], line["price_unit"]) for line in after] == [("one", 1.5), ("TWO", 3.0)]


def test_a_line_that_is_not_in_the_rows_stays(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    (order,) = _order(odoo, made, partner, ("l1", "one", 1), ("l2", "two", 2))
    _order(odoo, made, partner, ("l1", "one", 1))
    assert len(made.lines(order, "name")) == 2


def test_a_bad_link_in_a_line_is_told_of_the_order(odoo: Odoo, made: Made) -> None:
    columns = ["id", "partner_id/.id", "order_line/id", "order_line/product_id/id"]
    rows = [[made.xid("so"), str(made.partner()), made.xid("l1"), "fcb.nope"]]
    text = "No matching record found for external id 'fcb.nope' in field 'Order Lines/Product'"
    assert odoo.load("sale.order", columns, rows).messages == (LoadMessage(record=0, field="order_line", message=text),)


def test_a_line_without_a_name_gives_a_misleading_message(odoo: Odoo, made: Made, names: Names) -> None:
    columns = ["id", "partner_id/.id", "order_line/id", "order_line/price_unit"]
    (message,) = odoo.load("sale.order", columns, [[made.xid("so"), str(made.partner()), made.xid("l1"), "2"]]).messages
    expected = names.either(
        "Missing required value for the field 'Order Reference' (name).\nModel: Unknown\n",
        "Missing required value for the field 'name' on a linked model [sale_order_line]",
    )
    assert message.message.startswith(expected)


def test_an_order_without_a_partner_is_told(odoo: Odoo, made: Made, names: Names) -> None:
    (message,) = odoo.load("sale.order", ["id", "client_order_ref"], [[made.xid("so"), "x"]]).messages
    assert message.field == "partner_id"
    text = "Missing required value for the field 'Customer' (partner_id)"
    assert message.message.startswith(names.either(f"{text}.\nModel: 'Sales Order'", text))


def test_a_deleted_order_leaves_the_external_ids_of_its_lines_free_for_new_ones(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    (gone,) = _order(odoo, made, partner, ("l1", "one", 1))
    odoo.unlink("sale.order", [gone])
    left = odoo.search_read("ir.model.data", [("name", "like", made.xid("").partition(".")[2])], ["model"])
    assert [row["model"] for row in left] == ["sale.order.line"]
    (order,) = _order(odoo, made, partner, ("l1", "one", 1))
    assert order != gone
    assert len(made.lines(order, "name")) == 1


def test_datetimes_are_read_as_utc(odoo: Odoo, made: Made) -> None:
    rows = [[made.xid("so"), str(made.partner()), "2026-01-02 03:04:05"]]
    (order,) = odoo.load("sale.order", ["id", "partner_id/.id", "date_order"], rows).ids
    assert odoo.search_read("sale.order", [("id", "=", order)], ["date_order"])[0]["date_order"] == "2026-01-02 03:04:05"
