"""Drafting invoices: what a new one takes from its customer and products, its lines, and how it goes again."""

import re
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.made import Made
from fcb_pipelines_tests.odoo.switched import FIRST_WITH_PRICES_IN_FULL, GLOBALLY, PER_LINE, rounding

DAY = "2026-05-31"


def _one(odoo: Odoo, move: int, *fields: str) -> dict[str, Any]:
    (row,) = odoo.search_read("account.move", [("id", "=", move)], list(fields))
    return {name: row[name] for name in fields}


def test_a_draft_needs_nothing(odoo: Odoo, made: Made) -> None:
    move = made.invoice()
    fields = ("name", "state", "payment_state", "status_in_payment", "partner_id", "invoice_date", "amount_total", "line_ids")
    assert _one(odoo, move, *fields) == {
        "name": False,
        "state": "draft",
        "payment_state": "not_paid",
        "status_in_payment": "draft",
        "partner_id": False,
        "invoice_date": False,
        "amount_total": 0.0,
        "line_ids": [],
    }
    seen = _one(odoo, move, "currency_id", "journal_id", "date", "invoice_date_due")
    (journal,) = odoo.search_read("account.journal", [("id", "=", seen["journal_id"][0])], ["type", "code"])
    assert (seen["currency_id"][1], journal["type"], journal["code"]) == ("CAD", "sale", "INV")
    assert seen["date"] == seen["invoice_date_due"]


@pytest.mark.parametrize(("move_type", "shown"), [("out_invoice", "Draft Invoice"), ("out_refund", "Draft Credit Note")])
def test_a_draft_is_shown_with_its_reference(odoo: Odoo, made: Made, move_type: str, shown: str) -> None:
    move = made.invoice(name="R1", move_type=move_type)
    assert _one(odoo, move, "display_name")["display_name"] == f"{shown} ({made.name('R1')})"


def test_the_day_of_the_invoice_is_that_of_the_books_and_not_when_it_is_due(odoo: Odoo, made: Made) -> None:
    move, without = made.invoice(invoice_date=DAY), made.invoice()
    assert _one(odoo, move, "date") == {"date": DAY}
    today = _one(odoo, without, "date")["date"]
    assert _one(odoo, move, "invoice_date_due") == {"invoice_date_due": today}
    odoo.write("account.move", [without], {"invoice_date": DAY})
    assert _one(odoo, without, "date", "invoice_date_due") == {"date": DAY, "invoice_date_due": today}


def test_payment_terms_say_when_it_is_due(odoo: Odoo, made: Made) -> None:
    (terms,) = odoo.search_read("account.payment.term", [("name", "=", "30 Days")], ["id"])
    line = {"name": "x", "price_unit": 1.0}
    move = made.invoice([line], invoice_date=DAY, invoice_payment_term_id=terms["id"])
    assert _one(odoo, move, "invoice_date_due") == {"invoice_date_due": "2026-06-30"}
    odoo.write("account.move", [move], {"invoice_date": "2026-05-01"})
    assert _one(odoo, move, "invoice_date_due") == {"invoice_date_due": "2026-05-31"}


def test_a_line_takes_what_it_lacks_from_its_product(odoo: Odoo, made: Made) -> None:
    product = made.product(default_code="C1", description_sale="more", list_price=7.0)
    move = made.invoice([{"product_id": product}, {"name": "free", "price_unit": 1.5}, {"product_id": product, "tax_ids": []}])
    first, free, untaxed = made.items(
        move, "name", "quantity", "price_unit", "tax_ids", "product_uom_id", "price_total", "sequence"
    )
    assert (first["name"], first["quantity"], first["price_unit"]) == (f"[C1] {made.name('product')}\nmore", 1.0, 7.0)
    assert (first["tax_ids"], first["price_total"], first["product_uom_id"][1]) == ([made.tax("13% HST")], 7.91, "Units")
    assert (free["tax_ids"], free["price_total"], free["product_uom_id"], free["sequence"]) == ([], 1.5, False, 100)
    assert (untaxed["tax_ids"], untaxed["price_total"]) == ([], 7.0)


@pytest.mark.parametrize(
    ("country", "state", "place", "tax"),
    [
        ("CA", "ON", "Ontario (ON)", "13% HST"),
        ("CA", "QC", "Quebec (QC)", "14.975% GST+QST"),
        ("CA", None, "International (INTL)", "0% Int"),
        ("US", None, "International (INTL)", "0% Int"),
        (None, None, None, "13% HST"),
    ],
)
def test_taxes_follow_the_customers_place_on_invoices_and_orders(
    odoo: Odoo, made: Made, *, country: str | None, state: str | None, place: str | None, tax: str
) -> None:
    partner, product = made.partner(**made.place(country, state)), made.product()
    move = made.invoice([{"product_id": product}], partner_id=partner)
    order = made.order(partner, [{"product_id": product}])
    (ordered,) = odoo.search_read("sale.order", [("id", "=", order)], ["fiscal_position_id"])
    for seen in (_one(odoo, move, "fiscal_position_id"), ordered):
        assert (seen["fiscal_position_id"][1] if place else seen["fiscal_position_id"]) == (place or False)
    assert made.items(move, "tax_ids")[0]["tax_ids"] == made.lines(order, "tax_ids")[0]["tax_ids"] == [made.tax(tax)]


def test_another_customer_leaves_the_taxes_of_lines_that_are_there(odoo: Odoo, made: Made) -> None:
    product = made.product()
    move = made.invoice([{"product_id": product}], partner_id=made.partner(**made.place("CA", "ON")))
    odoo.write("account.move", [move], {"partner_id": made.partner("abroad", **made.place("US"))})
    assert _one(odoo, move, "fiscal_position_id")["fiscal_position_id"][1] == "International (INTL)"
    assert made.items(move, "tax_ids")[0]["tax_ids"] == [made.tax("13% HST")]


def test_the_currency_is_the_companys_whatever_the_customers_pricelist(odoo: Odoo, made: Made) -> None:
    values = {"name": made.name("dollars"), "currency_id": made.currency("USD")}
    pricelist = odoo.call("product.pricelist", "create", values)
    partner = made.partner(property_product_pricelist=pricelist)
    assert _one(odoo, made.invoice(partner_id=partner), "currency_id")["currency_id"][1] == "CAD"
    (order,) = odoo.search_read("sale.order", [("id", "=", made.order(partner))], ["currency_id", "pricelist_id"])
    assert (order["currency_id"][1], order["pricelist_id"][0]) == ("USD", pricelist)
    made.remove()
    odoo.unlink("product.pricelist", [pricelist])


def test_prices_are_kept_in_full_from_19_on_and_quantities_cut(odoo: Odoo, made: Made) -> None:
    price, subtotal = (0.000123, 15.19) if odoo.version().major >= FIRST_WITH_PRICES_IN_FULL else (0.0, 0.0)
    move = made.invoice([{"name": "x", "price_unit": 0.000123, "quantity": 123456.789}])
    (line,) = made.items(move, "price_unit", "quantity", "price_subtotal")
    assert (line["price_unit"], line["quantity"], line["price_subtotal"]) == (price, 123456.79, subtotal)


PRODUCT, SECOND = "product", "second"


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ({"quantity": 5.0}, (5.0, 3.0, "5% GST", "mine")),
        ({"product_id": PRODUCT}, (2.0, 3.0, "5% GST", "mine")),
        ({"product_id": PRODUCT, "quantity": 2.0, "price_unit": 3.0}, (2.0, 3.0, "5% GST", "mine")),
        ({"product_id": PRODUCT, "quantity": 5.0}, (5.0, 7.0, "13% HST", "mine")),
        ({"product_id": PRODUCT, "price_unit": 4.0}, (2.0, 4.0, "13% HST", "mine")),
        ({"product_id": PRODUCT, "name": "other"}, (2.0, 7.0, "13% HST", "other")),
        ({"product_id": SECOND}, (2.0, 9.0, None, "mine")),
        ({"product_id": SECOND, "price_unit": 1.0}, (2.0, 1.0, None, "mine")),
        ({"product_id": False}, (2.0, 3.0, "5% GST", "mine")),
    ],
)
def test_a_product_that_is_written_brings_price_and_taxes_unless_nothing_changes(
    odoo: Odoo, made: Made, values: dict[str, Any], seen: tuple[Any, ...]
) -> None:
    products = {PRODUCT: made.product(list_price=7.0), SECOND: made.product("second", list_price=9.0, taxes_id=[(5, 0, 0)])}
    line = {"product_id": products[PRODUCT], "price_unit": 3.0, "quantity": 2.0, "name": "mine"}
    move = made.invoice([{**line, "tax_ids": [made.tax("5% GST")]}])
    (before,) = made.items(move)
    written = {name: products.get(value, value) for name, value in values.items()}
    odoo.write("account.move", [move], {"invoice_line_ids": [(1, before["id"], written)]})
    (after,) = made.items(move, "quantity", "price_unit", "tax_ids", "name")
    quantity, price, tax, name = seen
    assert (after["quantity"], after["price_unit"], after["name"]) == (quantity, price, name)
    assert after["tax_ids"] == ([made.tax(tax)] if tax else [])
    assert _one(odoo, move, "amount_untaxed") == {"amount_untaxed": quantity * price}


def test_writing_the_same_computes_nothing_anew(odoo: Odoo, made: Made) -> None:
    line = {"name": "x", "price_unit": 0.35, "tax_ids": [made.tax("13% HST")]}
    with rounding(odoo, PER_LINE):
        move = made.invoice([line] * 10)
    with rounding(odoo, GLOBALLY):
        same = [(1, row["id"], line) for row in made.items(move)]
        odoo.write("account.move", [move], {"invoice_line_ids": same})
        assert _one(odoo, move, "amount_total") == {"amount_total": 4.0}
        odoo.write("account.move", [move], {"invoice_line_ids": [(0, 0, {**line, "price_unit": 1.0})]})
        assert _one(odoo, move, "amount_total") == {"amount_total": 5.09}


def test_lines_are_read_in_the_order_they_were_made(odoo: Odoo, made: Made) -> None:
    move = made.invoice([{"name": "a", "sequence": 9}, {"name": "b", "sequence": 5}])
    odoo.write("account.move", [move], {"invoice_line_ids": [(0, 0, {"name": "c", "sequence": 1})]})
    ids = _one(odoo, move, "invoice_line_ids")["invoice_line_ids"]
    rows = odoo.call("account.move.line", "read", ids, ["name"])
    assert [row["name"] for row in rows] == ["a", "b", "c"]


def test_notes_have_no_amount(odoo: Odoo, made: Made) -> None:
    move = made.invoice([{"name": "n", "display_type": "line_note"}, {"name": "x", "price_unit": 2.0}])
    (note,) = made.items(move, "quantity", "price_subtotal", kinds=("line_note",))
    assert (note["quantity"], note["price_subtotal"]) == (0.0, 0.0)
    assert len(_one(odoo, move, "invoice_line_ids")["invoice_line_ids"]) == 2
    assert _one(odoo, move, "amount_total") == {"amount_total": 2.0}


@pytest.mark.parametrize(
    ("commands", "names", "total"),
    [
        ([(0, 0, {"name": "c", "price_unit": 4.0})], ["a", "b", "c"], 7.0),
        ([(1, "b", {"price_unit": 5.0})], ["a", "b"], 6.0),
        ([(2, "a", 0)], ["b"], 2.0),
        ([(5, 0, 0), (0, 0, {"name": "c", "price_unit": 4.0})], ["c"], 4.0),
        ([(6, 0, ["b"])], ["b"], 2.0),
        ([(6, 0, [])], [], 0.0),
    ],
)
def test_commands_change_the_lines(odoo: Odoo, made: Made, *, commands: list[Any], names: list[str], total: float) -> None:
    move = made.invoice([{"name": "a", "price_unit": 1.0}, {"name": "b", "price_unit": 2.0}])
    ids = {row["name"]: row["id"] for row in made.items(move, "name")}
    known = [[_known(ids, part) for part in command] for command in commands]
    odoo.write("account.move", [move], {"invoice_line_ids": known})
    assert [row["name"] for row in made.items(move, "name")] == names
    assert _one(odoo, move, "amount_total", "amount_residual") == {"amount_total": total, "amount_residual": total}


def _known(ids: dict[str, int], part: Any) -> Any:
    if isinstance(part, list):
        return [ids[name] for name in part]
    return ids.get(part, part) if isinstance(part, str) else part


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("tax", "You cannot delete a tax line as it would impact the tax report"),
        ("payment_term", "You cannot delete a payable/receivable line as it would not be consistent with the payment terms"),
    ],
)
def test_the_lines_that_odoo_makes_stay(odoo: Odoo, made: Made, kind: str, text: str) -> None:
    move = made.invoice([{"name": "x", "price_unit": 1.0, "tax_ids": [made.tax("13% HST")]}])
    with pytest.raises(Refused, match=re.escape(text)):
        odoo.unlink("account.move.line", [row["id"] for row in made.items(move, kinds=(kind,))])


def test_entries_other_than_invoices_ask_for_accounts(made: Made) -> None:
    with pytest.raises(Refused, match="Missing required account on accountable line"):
        made.invoice([{"name": "x", "price_unit": 1.0}], move_type="entry")


def test_a_customer_with_invoices_stays(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    move = made.invoice(partner_id=partner)
    with pytest.raises(Refused, match="The partner cannot be deleted because it is used in Accounting"):
        odoo.unlink("res.partner", [partner])
    odoo.unlink("account.move", [move])
    odoo.unlink("res.partner", [partner])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"partner_id": 99_999_999}, "Record does not exist or has been deleted"),
        ({"move_type": "zz"}, "Wrong value for account.move.move_type: 'zz'"),
        ({"currency_id": False}, "(currency_id)"),
        ({"state": "posted"}, "You cannot create a move already in the posted state"),
    ],
)
def test_what_is_wrong_is_refused(made: Made, values: dict[str, Any], text: str) -> None:
    with pytest.raises(Refused, match=re.escape(text)):
        made.invoice(**values)


def test_a_tax_is_found_by_its_record(odoo: Odoo, made: Made) -> None:
    fields = ["amount", "amount_type", "type_tax_use", "company_id", "active", "price_include", "price_include_override"]
    more = ["tax_group_id", "invoice_label", "description", "children_tax_ids", "country_id"]
    (tax,) = odoo.search_read("account.tax", [("id", "=", made.tax("14.975% GST+QST"))], [*fields, *more])
    assert [tax[name] for name in fields[:3]] == [100.0, "group", "sale"]
    assert (tax["active"], tax["price_include"], tax["price_include_override"]) == (True, False, False)
    assert (tax["tax_group_id"][1], tax["invoice_label"], tax["country_id"][1]) == ("Taxes", "14.975%", "Canada")
    assert "5% GST + 9.975% QST" in tax["description"]
    assert tax["children_tax_ids"] == [made.tax("5% GST"), made.tax("9.975% QST")]
    rows = odoo.search_read("account.tax", [("name", "=", "13% HST")], ["type_tax_use"])
    assert sorted(row["type_tax_use"] for row in rows) == ["purchase", "sale"]


def test_the_importer_drafts_changes_and_deletes(odoo: Odoo, importer: Odoo, made: Made) -> None:
    line = (0, 0, {"name": "x", "price_unit": 10.0, "tax_ids": [made.tax("13% HST")]})
    values = {"move_type": "out_invoice", "ref": made.name("mine"), "invoice_line_ids": [line]}
    with rounding(odoo, GLOBALLY):
        move = importer.call("account.move", "create", values)
    importer.write("account.move", [move], {"ref": made.name("ours")})
    assert importer.search_read("account.move", [("id", "=", move)], ["amount_total"])[0]["amount_total"] == 11.3
    importer.unlink("account.move", [move])
    assert odoo.search_read("account.move", [("id", "=", move)], ["id"]) == []
