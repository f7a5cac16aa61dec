"""Invoices by `load`: with their lines, again and again, and what becomes of external ids when they go."""

from typing import Any

import pytest

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.made import Made

LINE_COLUMNS = ("id", "name", "product_id/.id", "quantity", "price_unit", "tax_ids/.id")
COLUMNS = [
    *("id", "move_type", "partner_id/.id", "currency_id/.id", "invoice_date", "ref"),
    *(f"invoice_line_ids/{name}" for name in LINE_COLUMNS),
]


def _rows(made: Made, partner: int, product: int, *, quantity: str = "2.567") -> list[list[Any]]:
    """Two invoices, the first of two lines."""
    taxes = f"{made.tax('5% GST')},{made.tax('9.975% QST')}"
    head = ["out_invoice", partner, made.currency("CAD"), "2026-05-31", made.name("R1")]
    credit = ["Customer Credit Note", partner, made.currency("CAD"), "2026-05-31", made.name("R2")]
    return [
        [made.xid("m1"), *head, made.xid("l1"), "a", product, quantity, "1.25", taxes],
        [*[""] * 6, made.xid("l2"), "b", "", "1", "5", str(made.tax("13% HST"))],
        [made.xid("m2"), *credit, made.xid("l3"), "c", product, 1, 4, ""],
    ]


def _named(odoo: Odoo, made: Made, model: str) -> dict[str, int]:
    domain = [("model", "=", model), ("name", "like", made.xid("").partition(".")[2])]
    return {
        row["name"].rpartition("_")[2]: row["res_id"] for row in odoo.search_read("ir.model.data", domain, ["name", "res_id"])
    }


@pytest.fixture
def partner(made: Made) -> int:
    """Somebody in Ontario."""
    return made.partner(**made.place("CA", "ON"))


def test_invoices_come_with_their_lines_and_again_as_the_same(odoo: Odoo, made: Made, partner: int) -> None:
    product = made.product()
    loaded = odoo.load("account.move", COLUMNS, _rows(made, partner, product))
    assert (len(loaded.ids), loaded.messages) == (2, ())
    first, second = (made.items(move, "name", "quantity", "price_unit", "tax_ids", "price_subtotal") for move in loaded.ids)
    assert [(one["name"], one["price_unit"], one["price_subtotal"]) for one in first] == [("a", 1.25, 3.21), ("b", 5.0, 5.0)]
    assert first[0]["quantity"] == 2.57
    assert [one["tax_ids"] for one in first] == [[made.tax("5% GST"), made.tax("9.975% QST")], [made.tax("13% HST")]]
    assert [(one["name"], one["tax_ids"]) for one in second] == [("c", [])]
    assert odoo.load("account.move", COLUMNS, _rows(made, partner, product)).ids == loaded.ids
    again = odoo.load("account.move", COLUMNS, _rows(made, partner, product, quantity="3"))
    assert again.ids == loaded.ids
    rows = odoo.search_read("account.move", [("id", "in", loaded.ids)], ["move_type", "amount_untaxed", "state"])
    assert [(row["move_type"], row["amount_untaxed"], row["state"]) for row in rows] == [
        ("out_invoice", 8.75, "draft"),
        ("out_refund", 4.0, "draft"),
    ]
    assert [row["id"] for row in made.items(loaded.ids[0])] == [row["id"] for row in first]


def test_a_line_that_is_left_out_stays(odoo: Odoo, made: Made, partner: int) -> None:
    rows = _rows(made, partner, made.product())
    (move, _) = odoo.load("account.move", COLUMNS, rows).ids
    assert odoo.load("account.move", COLUMNS, rows[:1]).ids == (move,)
    assert len(made.items(move)) == 2


def test_an_empty_cell_clears_what_the_product_would_give(odoo: Odoo, made: Made, partner: int) -> None:
    product = made.product()
    head = [made.xid("m1"), "out_invoice", partner, made.currency("CAD"), "", made.name("R1")]
    (move,) = odoo.load("account.move", COLUMNS, [[*head, made.xid("l1"), "", product, "", "", ""]]).ids
    (line,) = made.items(move, "name", "quantity", "price_unit", "tax_ids")
    assert (line["name"], line["quantity"], line["price_unit"], line["tax_ids"]) == (False, 0.0, 0.0, [])
    few = ["id", "move_type", "ref", "partner_id/.id", "invoice_line_ids/id", "invoice_line_ids/product_id/.id"]
    row = [made.xid("m2"), "out_invoice", made.name("R2"), partner, made.xid("l2"), product]
    (move,) = odoo.load("account.move", few, [row]).ids
    (line,) = made.items(move, "name", "quantity", "price_unit", "tax_ids")
    assert (line["name"], line["quantity"], line["price_unit"]) == (made.name("product"), 1.0, 1.5)
    assert line["tax_ids"] == [made.tax("13% HST")]


def test_taxes_may_be_named_by_their_external_ids(odoo: Odoo, made: Made) -> None:
    columns = ["id", "move_type", "ref", "invoice_line_ids/id", "invoice_line_ids/price_unit", "invoice_line_ids/tax_ids/id"]
    row = [made.xid("m1"), "out_invoice", made.name("R1"), made.xid("l1"), 10]
    (move,) = odoo.load("account.move", columns, [[*row, "account.1_hst_sale_tax_13,account.1_gst_sale_tax_5"]]).ids
    assert set(made.items(move, "tax_ids")[0]["tax_ids"]) == {made.tax("13% HST"), made.tax("5% GST")}
    (again,) = odoo.load("account.move", columns, [[*row, "account.1_hst_sale_tax_13"]]).ids
    assert (again, made.items(move, "tax_ids")[0]["tax_ids"]) == (move, [made.tax("13% HST")])


def test_a_line_may_be_named_by_its_own_id(odoo: Odoo, made: Made) -> None:
    move = made.invoice([{"name": "a", "price_unit": 1.0}])
    (line,) = made.items(move)
    columns = [".id", "invoice_line_ids/.id", "invoice_line_ids/name"]
    assert odoo.load("account.move", columns, [[str(move), str(line["id"]), "b"]]).ids == (move,)
    assert [row["name"] for row in made.items(move, "name")] == ["b"]


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (11, "999999", "No matching record found for database id '999999' in field 'Invoice lines/Taxes'"),
        (11, "13% HST", "Invalid database id '13% HST' for the field 'Invoice lines/Taxes'"),
        (10, "abc", "'abc' does not seem to be a number for field 'Invoice lines/Unit Price'"),
        (1, "nonsense", "Value 'nonsense' not found in selection field 'Type'"),
    ],
)
def test_one_bad_cell_takes_the_call_back(
    odoo: Odoo, made: Made, partner: int, *, column: int, cell: str, message: str
) -> None:
    rows = _rows(made, partner, made.product())
    rows[0][column] = cell
    loaded = odoo.load("account.move", COLUMNS, rows)
    assert (loaded.ids, loaded.messages[0].message, loaded.messages[0].record) == ((), message, 0)
    assert _named(odoo, made, "account.move") == {}


def test_an_entry_has_no_account_for_its_lines(odoo: Odoo, made: Made) -> None:
    columns = ["id", "ref", "invoice_line_ids/name", "invoice_line_ids/price_unit"]
    loaded = odoo.load("account.move", columns, [[made.xid("m1"), made.name("R1"), "x", 1]])
    assert loaded.ids == ()
    assert "account_move_line_check_accountable_required_fields" in loaded.messages[0].message


def test_external_ids_of_lines_go_with_their_invoice(odoo: Odoo, made: Made, partner: int) -> None:
    rows = _rows(made, partner, made.product())
    first, second = odoo.load("account.move", COLUMNS, rows).ids
    assert set(_named(odoo, made, "account.move.line")) == {"l1", "l2", "l3"}
    odoo.unlink("account.move", [first])
    assert _named(odoo, made, "account.move") == {"m2": second}
    assert set(_named(odoo, made, "account.move.line")) == {"l3"}
    assert odoo.search_read("account.move.line", [("move_id", "=", first)], ["id"]) == []
    (anew,) = odoo.load("account.move", COLUMNS, rows[:2]).ids
    assert anew != first


def test_a_posted_invoice_refuses_its_lines_and_dates_but_not_its_reference(odoo: Odoo, made: Made, partner: int) -> None:
    rows = _rows(made, partner, made.product())[:2]
    (move,) = odoo.load("account.move", COLUMNS, rows).ids
    odoo.call("account.move", "action_post", [move])
    loaded = odoo.load("account.move", COLUMNS, rows)
    (message,) = loaded.messages
    text, _, names = message.message.partition(": ")
    assert text == "You cannot modify the following readonly fields on a posted move"
    assert set(names.split(", ")) == {"partner_id", "currency_id", "invoice_date", "invoice_line_ids"}
    assert odoo.load("account.move", ["id", "ref"], [[made.xid("m1"), made.name("R9")]]).ids == (move,)
