"""What an administrator sets and what follows from it, and what the user with the least rights may not set."""

import re
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.made import Made
from fcb_pipelines_tests.odoo.switched import UNITS, active, digits

LEDGER = {
    "account.move": ("read", "create", "write", "unlink"),
    "account.move.line": ("read", "create", "write", "unlink"),
    "account.tax": ("read",),
    "account.tax.group": ("read",),
    "account.journal": ("read",),
    "account.payment.term": ("read",),
    "account.fiscal.position": ("read",),
    "res.company": ("read",),
    "res.currency": ("read",),
    "decimal.precision": (),
    "ir.model.data": (),
}


@pytest.mark.parametrize("model", LEDGER)
def test_what_the_importer_may_do_in_the_ledger(importer: Odoo, model: str) -> None:
    operations = ("read", "create", "write", "unlink")
    allowed = tuple(operation for operation in operations if importer.call(model, "has_access", [], operation))
    assert allowed == LEDGER[model]


def test_more_digits_hold_at_once_and_for_new_values_only(odoo: Odoo, made: Made) -> None:
    line = {"name": "x", "price_unit": 1.0, "quantity": 1.23456789}
    with digits(odoo, UNITS, 2):
        move = made.invoice([line])
        assert _quantities(made, move) == [1.23]
    with digits(odoo, UNITS, 6):
        odoo.write("account.move", [move], {"invoice_line_ids": [(0, 0, {**line, "name": "y"})]})
        assert _quantities(made, move) == [1.23, 1.234568]
        assert tuple(odoo.fields("account.move.line")["quantity"]["digits"]) == (16, 6)
    assert _quantities(made, move) == [1.23, 1.234568]


def _quantities(made: Made, move: int) -> list[Any]:
    return [row["quantity"] for row in made.items(move, "quantity")]


@pytest.mark.parametrize(
    ("model", "values", "label"),
    [
        ("res.company", {"tax_calculation_rounding_method": "round_per_line"}, "Companies"),
        ("res.currency", {"active": True}, "Currency"),
        ("decimal.precision", {"digits": 6}, "Decimal Precision"),
        ("account.tax", {"amount": 1}, "Tax"),
    ],
)
def test_the_importer_sets_nothing(importer: Odoo, model: str, values: dict[str, Any], label: str) -> None:
    with pytest.raises(Refused, match=re.escape(f"You are not allowed to modify '{label}' ({model}) records.")):
        importer.write(model, [1], values)


def test_an_unknown_rounding_is_refused(odoo: Odoo) -> None:
    with pytest.raises(Refused, match="tax_calculation_rounding_method: 'zz'"):
        odoo.write("res.company", [1], {"tax_calculation_rounding_method": "zz"})


def test_currencies_are_switched_on_and_off_but_for_the_companys(odoo: Odoo, made: Made) -> None:
    yen = made.currency("JPY")
    fields = ["active", "decimal_places", "rounding", "symbol"]
    (before,) = odoo.search_read("res.currency", [("id", "=", yen)], fields)
    assert before == {"id": yen, "active": False, "decimal_places": 0, "rounding": 1.0, "symbol": "¥"}
    with active(odoo, yen):
        assert odoo.call("res.currency", "search_count", [("name", "=", "JPY"), ("active", "=", True)]) == 1
    with pytest.raises(Refused, match="This currency is set on a company and therefore cannot be deactivated"):
        odoo.write("res.currency", [made.currency("CAD")], {"active": False})


def test_a_pricelist_is_the_companys_unless_it_says_otherwise(odoo: Odoo, made: Made) -> None:
    names = [made.name("usual"), made.name("dollars")]
    ids = [
        odoo.call("product.pricelist", "create", {"name": names[0]}),
        odoo.call("product.pricelist", "create", {"name": names[1], "currency_id": made.currency("USD")}),
    ]
    rows = odoo.search_read("product.pricelist", [("id", "in", ids)], ["currency_id", "company_id", "display_name"])
    assert [(row["currency_id"][1], row["company_id"][0]) for row in rows] == [("CAD", 1), ("USD", 1)]
    assert rows[1]["display_name"] == f"{names[1]} (USD)"
    odoo.unlink("product.pricelist", ids)


def test_another_pricelist_turns_an_order_to_its_currency_and_leaves_the_lines(odoo: Odoo, made: Made) -> None:
    yen = made.currency("JPY")
    with active(odoo, yen):
        pricelist = odoo.call("product.pricelist", "create", {"name": made.name("yen"), "currency_id": yen})
        order = made.order(made.partner(), [{"name": "x", "price_unit": 10.7, "product_uom_qty": 3.3}], pricelist_id=pricelist)
        assert _ordered(odoo, order) == ("JPY", 35.0)
        (usual,) = odoo.search_read(
            "product.pricelist", [("name", "=", "Default"), ("currency_id", "=", "CAD")], ["id"], limit=1
        )
        odoo.write("sale.order", [order], {"pricelist_id": usual["id"]})
        assert _ordered(odoo, order) == ("CAD", 35.31)
        assert made.lines(order, "price_subtotal")[0]["price_subtotal"] == 35.0
        made.remove()
        odoo.unlink("product.pricelist", [pricelist])


def _ordered(odoo: Odoo, order: int) -> tuple[str, float]:
    (row,) = odoo.search_read("sale.order", [("id", "=", order)], ["currency_id", "amount_untaxed"])
    return row["currency_id"][1], row["amount_untaxed"]


def _external_id(made: Made, partner: int, name: str = "p") -> dict[str, Any]:
    module, _, rest = made.xid(name).partition(".")
    return {"module": module, "name": rest, "model": "res.partner", "res_id": partner}


def test_who_may_gives_an_external_id_to_a_partner_that_is_there(odoo: Odoo, importer: Odoo, made: Made) -> None:
    partner = made.partner()
    given = odoo.call("ir.model.data", "create", [_external_id(made, partner)])
    assert importer.call("res.partner", "get_external_id", [partner]) == {str(partner): made.xid("p")}
    assert importer.load("res.partner", ["id", "name"], [[made.xid("p"), made.name("renamed")]]).ids == (partner,)
    with pytest.raises(Refused, match='violates unique constraint "ir_model_data_module_name_uniq_index"'):
        odoo.call("ir.model.data", "create", _external_id(made, made.partner("other")))
    odoo.unlink("ir.model.data", given)
    assert odoo.search_read("res.partner", [("id", "=", partner)], ["name"])[0]["name"] == made.name("renamed")


def test_the_importer_gives_no_external_ids_but_to_what_it_loads(importer: Odoo, made: Made) -> None:
    with pytest.raises(Refused, match=re.escape("You are not allowed to create 'Model Data' (ir.model.data) records.")):
        importer.call("ir.model.data", "create", _external_id(made, made.partner()))
