"""Sales orders: what they need, how they are taxed and rounded, and their states."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import Made

ORDER = "sale.order"
LINE = "sale.order.line"
CENTS = 2


def _read(odoo: Odoo, order: int, *fields: str) -> dict[str, Any]:
    return dict(odoo.call(ORDER, "read", [order], list(fields))[0])


def _amounts(odoo: Odoo, order: int) -> tuple[float, float, float]:
    row = _read(odoo, order, "amount_untaxed", "amount_tax", "amount_total")
    return row["amount_untaxed"], row["amount_tax"], row["amount_total"]


def _tax_names(odoo: Odoo, ids: Sequence[int]) -> list[str]:
    return [tax["name"] for tax in odoo.search_read("account.tax", [("id", "in", list(ids))], ["name"])]


def test_only_the_partner_is_needed(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    order = _read(
        odoo,
        made.order(partner),
        "name",
        "state",
        "partner_invoice_id",
        "partner_shipping_id",
        "company_id",
        "currency_id",
        "locked",
        "order_line",
        "amount_total",
        "invoice_status",
        "date_order",
        "validity_date",
        "transaction_ids",
    )
    assert order["name"].startswith("S")
    assert len(order["name"]) >= 6
    assert order["partner_invoice_id"] == order["partner_shipping_id"] == [partner, made.name("partner")]
    assert (order["state"], order["locked"], order["order_line"], order["amount_total"]) == ("draft", False, [], 0.0)
    assert (order["company_id"][0], order["currency_id"][1], order["invoice_status"]) == (1, "CAD", "no")
    assert order["transaction_ids"] == []
    assert order["validity_date"] > order["date_order"][:10]


def test_names_come_from_a_sequence_unless_given(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    first, second = (_read(odoo, made.order(partner), "name")["name"] for _ in range(2))
    assert int(second[1:]) > int(first[1:])
    assert _read(odoo, made.order(partner, name=first), "name")["name"] == first


def test_a_line_takes_everything_from_its_product(odoo: Odoo, made: Made, names: Names) -> None:
    product = made.product("plan", default_code="QX", description_sale="more", list_price="12.345678")
    order = made.order(made.partner(), [{"product_id": product}])
    (line,) = made.lines(order, "name", "price_unit", "product_uom_qty", "product_uom_id", "tax_ids", "sequence", "discount")
    assert line["name"] == f"[QX] {made.name('plan')}\nmore"
    assert (line["price_unit"], line["product_uom_qty"], line["product_uom_id"][1]) == (
        names.price(12.345678),
        1.0,
        "Units",
    )
    assert (line["sequence"], line["discount"]) == (10, 0.0)
    assert _tax_names(odoo, line["tax_ids"]) == ["13% HST"]


def test_a_line_without_a_product_needs_a_name(odoo: Odoo, made: Made, names: Names) -> None:
    partner = made.partner()
    (line,) = made.lines(made.order(partner, [{"name": "free"}]), "price_unit", "product_uom_qty", "product_uom_id", "tax_ids")
    assert (line["price_unit"], line["product_uom_qty"], line["product_uom_id"], line["tax_ids"]) == (0.0, 1.0, False, [])
    with pytest.raises(
        Refused, match=names.either("required value for the field 'Description'", r"Field: Description \(name\)")
    ):
        made.order(partner, [{"price_unit": 2}])


@pytest.mark.parametrize(
    ("country", "state", "position", "taxes"),
    [
        ("CA", "ON", "Ontario (ON)", ["13% HST"]),
        ("CA", "AB", "Alberta (AB)", ["5% GST"]),
        ("CA", "NB", "New Brunswick (NB)", ["15% HST"]),
        ("CA", "NS", "Nova Scotia (NS)", ["14% HST"]),
        ("CA", "QC", "Quebec (QC)", ["14.975% GST+QST"]),
        ("CA", "BC", "British Columbia (BC)", ["12% GST+PST BC"]),
        ("CA", None, "International (INTL)", ["0% Int"]),
        ("US", None, "International (INTL)", ["0% Int"]),
        ("US", "NY", "International (INTL)", ["0% Int"]),
        (None, None, None, ["13% HST"]),
    ],
)
def test_taxes_follow_the_partners_place(
    odoo: Odoo, made: Made, names: Names, *, country: str | None, state: str | None, position: str | None, taxes: list[str]
) -> None:
    if state == "NS":
        # The chart of 18 still charges what held until March 2025.
        taxes = names.either(taxes, ["15% HST"])
    order = made.order(made.partner(**made.place(country, state)), [{"product_id": made.product()}])
    shown = _read(odoo, order, "fiscal_position_id")["fiscal_position_id"]
    assert (shown and shown[1]) == (position or False)
    (line,) = made.lines(order, "tax_ids")
    assert _tax_names(odoo, line["tax_ids"]) == taxes


@pytest.mark.parametrize(
    ("place", "total"),
    [(("CA", "ON"), (3.0, 0.39, 3.39)), (("CA", "QC"), (3.0, 0.45, 3.45)), (("US", None), (3.0, 0.0, 3.0))],
)
def test_totals_are_taxed(odoo: Odoo, made: Made, place: tuple[str, str | None], total: tuple[float, ...]) -> None:
    order = made.order(made.partner(**made.place(*place)), [{"product_id": made.product(), "product_uom_qty": 2}])
    assert _amounts(odoo, order) == total


def test_taxes_given_are_kept(odoo: Odoo, made: Made) -> None:
    (tax,) = odoo.search_read("account.tax", [("name", "=", "5% GST"), ("type_tax_use", "=", "sale")], ["amount"])
    line = {"product_id": made.product(), "price_unit": 10, "tax_ids": [(6, 0, [tax["id"]])]}
    assert _amounts(odoo, made.order(made.partner(), [line])) == (10.0, 0.5, 10.5)


@pytest.mark.parametrize(
    ("unit_price", "quantity", "subtotal", "of_cents"),
    [
        ("1.005", 1, 1.01, 1.01),
        ("2.675", 1, 2.68, 2.68),
        ("0.335", 3, 1.01, 1.02),
        ("19.99", 1, 19.99, 19.99),
        ("0.004", 1, 0.0, 0.0),
    ],
)
def test_subtotals_round_half_up(
    made: Made, names: Names, *, unit_price: str, quantity: int, subtotal: float, of_cents: float
) -> None:
    line = {"product_id": made.product(), "price_unit": unit_price, "product_uom_qty": quantity}
    (shown,) = made.lines(made.order(made.partner(), [line]), "price_subtotal", "price_unit")
    expected = of_cents if names.decimals == CENTS else subtotal
    assert (shown["price_subtotal"], shown["price_unit"]) == (expected, names.price(unit_price))


@pytest.fixture
def rounding(odoo: Odoo, names: Names, request: pytest.FixtureRequest) -> Iterator[None]:
    """Set the company's rounding method and the precision of quantities for one test; prices are kept whole."""
    method, digits = request.param
    company = odoo.search_read("res.company", [("id", "=", 1)], ["tax_calculation_rounding_method"])[0]
    wanted = {names.edition.quantity_precision: digits, **names.either({}, {"Product Price": 6})}
    before = odoo.search_read("decimal.precision", [("name", "in", list(wanted))], ["name", "digits"])
    odoo.write("res.company", [1], {"tax_calculation_rounding_method": method})
    for row in before:
        odoo.write("decimal.precision", [row["id"]], {"digits": wanted[row["name"]]})
    yield
    for row in before:
        odoo.write("decimal.precision", [row["id"]], {"digits": row["digits"]})
    odoo.write("res.company", [1], {"tax_calculation_rounding_method": company["tax_calculation_rounding_method"]})


MIXED = (("19.99", "1"), ("0.000123", "123456.789"), ("0.09", "0.333333"))
LINE_BY_LINE, GLOBALLY = "round_per_line", "round_globally"


@pytest.mark.parametrize(
    ("rounding", "lines", "total"),
    [
        ((LINE_BY_LINE, 2), MIXED, (35.21, 4.57, 39.78)),
        ((GLOBALLY, 2), MIXED, (35.20, 4.58, 39.78)),
        ((LINE_BY_LINE, 6), MIXED, (35.21, 4.57, 39.78)),
        ((GLOBALLY, 6), MIXED, (35.21, 4.58, 39.79)),
        ((LINE_BY_LINE, 2), (("0.35", "1"),) * 10, (3.50, 0.50, 4.00)),
        ((GLOBALLY, 2), (("0.35", "1"),) * 10, (3.50, 0.46, 3.96)),
        ((LINE_BY_LINE, 2), (("0.004", "1"),) * 10, (0.00, 0.00, 0.00)),
        ((GLOBALLY, 2), (("0.004", "1"),) * 10, (0.04, 0.01, 0.05)),
        ((GLOBALLY, 2), (("1.005", "1"), ("2.675", "1"), ("0.335", "3")), (4.69, 0.61, 5.30)),
    ],
    indirect=["rounding"],
)
@pytest.mark.usefixtures("rounding")
def test_totals_follow_the_rounding_method(
    odoo: Odoo, made: Made, lines: Sequence[tuple[str, str]], total: tuple[float, float, float]
) -> None:
    product = made.product()
    rows = [{"product_id": product, "price_unit": price, "product_uom_qty": quantity} for price, quantity in lines]
    assert _amounts(odoo, made.order(made.partner(), rows)) == total


@pytest.mark.parametrize(
    ("rounding", "kept"), [((GLOBALLY, 2), 123456.79), ((GLOBALLY, 6), 123456.789123)], indirect=["rounding"]
)
@pytest.mark.usefixtures("rounding")
def test_quantities_are_cut_to_the_precision_at_once(odoo: Odoo, made: Made, kept: float) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(), "product_uom_qty": "123456.7891234"}])
    assert [line["product_uom_qty"] for line in made.lines(order, "product_uom_qty")] == [kept]
    assert odoo.fields(LINE)["product_uom_qty"]["digits"] == [16, 2 if kept == 123456.79 else 6]


def test_unit_prices_are_kept_in_full_or_cut_to_the_precision_of_prices(made: Made, names: Names) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(list_price="0.000123")}])
    assert [line["price_unit"] for line in made.lines(order, "price_unit")] == [names.price("0.000123")]


@pytest.mark.parametrize(
    ("line", "change", "price"),
    [
        ({"price_unit": 1.23}, {"product_uom_qty": 9}, 1.5),
        ({"price_unit": 1.23}, {"product_uom_qty": 9, "price_unit": 1.23}, 1.23),
        ({"price_unit": 1.23, "technical_price_unit": -1.0}, {"product_uom_qty": 9}, 1.23),
        ({"price_unit": 1.23, "technical_price_unit": 0.0}, {"product_uom_qty": 9}, 1.23),
        ({"price_unit": 0.000123, "technical_price_unit": 0.0}, {"product_uom_qty": 9}, 1.5),
        ({"price_unit": 1.23}, {"product_uom_qty": 1}, 1.5),
        ({"price_unit": 1.23}, {"discount": 10}, 1.23),
        ({"price_unit": 0.0}, {"name": "other"}, 0.0),
        ({}, {"product_uom_qty": 9}, 1.5),
    ],
)
def test_a_change_of_the_quantity_alone_resets_the_price(
    odoo: Odoo, made: Made, line: dict[str, Any], change: dict[str, Any], price: float
) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(), **line}])
    odoo.write(LINE, [made.lines(order, "id")[0]["id"]], change)
    assert [row["price_unit"] for row in made.lines(order, "price_unit")] == [price]


@pytest.mark.parametrize(
    ("change", "price", "name", "taxes"),
    [
        ({}, 1.5, None, 1),
        ({"price_unit": 1.23, "name": "custom"}, 1.23, "custom", 1),
        ({"price_unit": 1.23, "tax_ids": [(6, 0, [])]}, 1.23, None, 0),
    ],
)
def test_writing_the_same_product_again_resets_what_is_not_written_along(
    odoo: Odoo, made: Made, names: Names, *, change: dict[str, Any], price: float, name: str | None, taxes: int
) -> None:
    product = made.product("plan")
    line = {"product_id": product, "name": "custom", "price_unit": 1.23, "tax_ids": [(6, 0, [])]}
    order = made.order(made.partner(), [line])
    odoo.write(LINE, [made.lines(order, "id")[0]["id"]], {"product_id": product, **names.here(change)})
    (shown,) = made.lines(order, "name", "price_unit", "tax_ids")
    assert (shown["name"], shown["price_unit"], len(shown["tax_ids"])) == (name or made.name("plan"), price, taxes)


def test_another_product_brings_all_that_is_its_own(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"product_id": made.product("one"), "product_uom_qty": 2}])
    odoo.write(LINE, [made.lines(order, "id")[0]["id"]], {"product_id": made.product("two", list_price=2.5, taxes_id=[])})
    (shown,) = made.lines(order, "name", "price_unit", "tax_ids", "price_total", "product_uom_qty")
    assert (shown["name"], shown["price_unit"], shown["tax_ids"], shown["price_total"]) == (made.name("two"), 2.5, [], 5.0)


def test_a_line_that_loses_its_product_loses_price_unit_and_taxes(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(), "name": "custom", "discount": 10}])
    odoo.write(LINE, [made.lines(order, "id")[0]["id"]], {"product_id": False})
    (shown,) = made.lines(order, "name", "price_unit", "tax_ids", "product_uom_id", "discount")
    assert (shown["name"], shown["price_unit"], shown["tax_ids"]) == ("custom", 0.0, [])
    assert (shown["product_uom_id"], shown["discount"]) == (False, 0.0)


def test_a_line_without_a_product_loses_its_price_with_the_quantity(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"name": "free", "price_unit": 2}])
    odoo.write(LINE, [made.lines(order, "id")[0]["id"]], {"product_uom_qty": 3})
    assert [row["price_unit"] for row in made.lines(order, "price_unit")] == [0.0]


def test_load_with_the_quantity_alone_resets_the_price_too(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), [{"product_id": made.product(), "price_unit": 1.23}])
    line = made.lines(order, "id")[0]["id"]
    assert odoo.load(LINE, [".id", "product_uom_qty"], [[str(line), "9"]]).ids == (line,)
    assert [row["price_unit"] for row in made.lines(order, "price_unit")] == [1.5]


def test_totals_follow_their_lines(odoo: Odoo, made: Made) -> None:
    product = made.product()
    order = made.order(made.partner(), [{"product_id": product, "price_unit": 10}])
    (line,) = made.lines(order, "id")
    odoo.write(ORDER, [order], {"order_line": [(0, 0, {"product_id": product, "price_unit": 5})]})
    assert _amounts(odoo, order) == (15.0, 1.95, 16.95)
    odoo.write(ORDER, [order], {"order_line": [(1, line["id"], {"price_unit": 20})]})
    assert _amounts(odoo, order) == (25.0, 3.25, 28.25)
    odoo.write(LINE, [line["id"]], {"discount": 50})
    assert _amounts(odoo, order) == (15.0, 1.95, 16.95)
    odoo.write(ORDER, [order], {"order_line": [(2, line["id"], 0)]})
    assert _amounts(odoo, order) == (5.0, 0.65, 5.65)
    odoo.write(ORDER, [order], {"order_line": [(5, 0, 0)]})
    assert _amounts(odoo, order) == (0.0, 0.0, 0.0)


def test_another_partner_brings_its_place_but_not_its_taxes(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner("here"), [{"product_id": made.product(), "price_unit": 10}])
    there = made.partner("there", **made.place("US"))
    odoo.write(ORDER, [order], {"partner_id": there})
    shown = _read(odoo, order, "fiscal_position_id", "partner_invoice_id")
    assert (shown["fiscal_position_id"][1], shown["partner_invoice_id"][0]) == ("International (INTL)", there)
    assert _amounts(odoo, order) == (10.0, 1.3, 11.3)
