"""Read-back: every way in which Odoo may have something otherwise is a difference that says why, and any one blocks."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.changes import FieldChange, Fields, Value
from fcb_pipelines.domain.read_back import Cutting, Difference, Part, fields_differing, objections, text, why_field
from fcb_pipelines.domain.read_back_orders import LineSent, LineStored, OrderSent, OrderStored, TaxStored, follows
from fcb_pipelines.domain.tax import TaxRate, TaxRounding, TaxTable, TaxUndecided, tax_on

NOW = datetime(2026, 6, 2, tzinfo=UTC)
TODAY = date(2026, 6, 2)
CUTTING = Cutting(quantity=2, price=2, quantity_setting="Product Unit")
TABLE = TaxTable(
    rates=(
        TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1)),
        TaxRate(place="CA-QC", component="GST", percent=Decimal(5), valid_from=date(2008, 1, 1)),
        TaxRate(place="CA-QC", component="QST", percent=Decimal("9.975"), valid_from=date(2013, 1, 1)),
    )
)
HST = TaxStored(name="13% HST", percent=Decimal(13), is_included=False)
SERVED = (
    TaxStored(name="9.975% QST", percent=Decimal("9.975"), is_included=False),
    TaxStored(name="5% GST", percent=Decimal(5), is_included=False),
)
ONE = Difference(external_id="fcb.s_user_1", field="name", sent="a", stored=None, why="because")


def why(before: Value, after: Value, field: str = "price", cutting: Cutting = CUTTING) -> str:
    return why_field(cutting, FieldChange(field=field, before=before, after=after))


def sent(*prices: str, place: str | None = "CA-ON", quantity: str = "1") -> OrderSent:
    lines = {f"line{number}": LineSent(quantity=Decimal(quantity), price=Decimal(price)) for number, price in enumerate(prices)}
    nets = [line.net("CAD") for line in lines.values()]
    return OrderSent(currency="CAD", place=place, taxed=tax_on(nets, place, TODAY, TABLE, TaxRounding.LINE), lines=lines)


def stored(order: OrderSent, *taxes: TaxStored, **values: Any) -> OrderStored:
    """The order as it must be, with what a test makes of it."""
    tax = Decimal(0) if isinstance(order.taxed, TaxUndecided) else order.taxed.tax.amount
    lines = {
        xid: LineStored(subtotal=line.net("CAD").amount, discount=Decimal(0), taxes=taxes or (HST,))
        for xid, line in order.lines.items()
    }
    made: dict[str, Any] = {
        "currency": "CAD",
        "position": "Ontario (ON)",
        "place": order.place,
        "untaxed": order.untaxed.amount,
        "tax": tax,
        "total": order.untaxed.amount + tax,
        "lines": lines,
    }
    return OrderStored(**{**made, **values})


def found(order: OrderSent, there: OrderStored, odoos: TaxRounding = TaxRounding.LINE) -> dict[str, Difference]:
    return {one.field: one for one in follows("order", order, there, ours=TaxRounding.LINE, odoos=odoos)}


def with_line(there: OrderStored, **values: Any) -> OrderStored:
    return replace(there, lines={xid: replace(line, **values) for xid, line in there.lines.items()})


class TestFields:
    """What was sent, field by field."""

    def test_a_field_that_differs_is_told_in_words(self) -> None:
        given_: Fields = {"is_sold": True, "price": Decimal("1.50")}
        there: Fields = {"is_sold": False, "price": Decimal("1.5")}
        (one,) = fields_differing({"x": given_}, {"x": there}, lambda change: change.field)
        assert one == Difference(external_id="x", field="is_sold", sent="yes", stored="no", why="is_sold")

    def test_a_record_that_is_not_there_is_one_difference(self) -> None:
        (one,) = fields_differing({"x": {"a": 1, "b": 2}}, {}, lambda _: "")
        assert (one.field, one.sent, one.stored) == ("record", "there", None)
        assert "import again" in one.why

    @pytest.mark.parametrize(
        ("value", "shown"), [(None, None), (True, "yes"), (Decimal("1E+2"), "100"), (7, "7"), ("", ""), ("x", "x")]
    )
    def test_values_are_shown_for_people(self, value: Value, shown: str | None) -> None:
        assert text(value) == shown

    @pytest.mark.parametrize(
        ("field", "before", "after", "said"),
        [
            (
                "quantity",
                Decimal("123456.79"),
                Decimal("123456.789"),
                "keeps 2 decimals of a quantity (decimal accuracy 'Product",
            ),
            ("price", Decimal("0"), Decimal("0.000123"), "keeps 2 decimals of a price (decimal accuracy 'Product Price')"),
            ("price", Decimal("1.50"), Decimal("1.23"), "puts the list price back"),
            ("quantity", Decimal(3), Decimal(2), "somebody, or a module of Odoo"),
            ("currency", "USD", "CAD", "took a price list in USD: make one in CAD"),
            ("state", None, "CA-ON", "taxes follow from the customer's address"),
            ("name", "a", "b", "somebody, or a module of Odoo"),
        ],
    )
    def test_the_cause_is_named_as_far_as_it_is_known(self, field: str, before: Value, after: Value, said: str) -> None:
        assert said in why(before, after, field)

    def test_nothing_is_blamed_on_digits_where_odoo_cuts_none(self) -> None:
        whole = Cutting(quantity_setting="Product Unit")
        assert "puts the list price back" in why(Decimal(0), Decimal("0.000123"), cutting=whole)


class TestOrders:
    """What must follow from an order's lines."""

    @pytest.mark.parametrize(("place", "taxes"), [("CA-ON", (HST,)), ("CA-QC", SERVED)])
    def test_an_order_as_it_must_be_has_no_difference(self, place: str, taxes: tuple[TaxStored, ...]) -> None:
        order = sent("19.99", "0.35", place=place)
        assert found(order, stored(order, *taxes)) == {}

    @given(st.lists(st.decimals("0", "9999", places=6), min_size=1, max_size=5))
    def test_a_cent_anywhere_is_seen(self, prices: list[Decimal]) -> None:
        order = sent(*map(str, prices))
        there = stored(order)
        cent = Decimal("0.01")
        assert found(order, there) == {}
        for field in ("untaxed", "tax", "total"):
            assert set(found(order, replace(there, **{field: getattr(there, field) + cent}))) == {field}
        moved = with_line(there, subtotal=there.lines["line0"].subtotal + cent)
        assert "subtotal" in found(order, moved)

    def test_amounts_are_shown_with_the_decimals_of_the_currency(self) -> None:
        order = sent("20")
        one = found(order, replace(stored(order), tax=Decimal("2.5")))["tax"]
        assert (one.external_id, one.sent, one.stored) == ("order", "2.60", "2.50")

    def test_a_rate_of_another_day_is_named_with_what_is_due(self) -> None:
        order = sent("20")
        old = TaxStored(name="15% HST", percent=Decimal(15), is_included=False)
        one = found(order, stored(order, old))["taxes"]
        assert (one.external_id, one.sent, one.stored) == ("line0", "HST (13 %)", "15% HST (15 %)")

    @pytest.mark.parametrize(
        "taxes",
        [
            (HST, HST),
            (SERVED[0],),
            (replace(HST, percent=None),),
            (TaxStored(name="0% Int", percent=Decimal(0), is_included=False),),
        ],
    )
    def test_other_taxes_than_those_due_are_a_difference(self, taxes: tuple[TaxStored, ...]) -> None:
        assert "taxes" in found(sent("20"), stored(sent("20"), *taxes))

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            ("CA", "address is in CA without a province, while it is taxed in CA-ON"),
            (None, "address is without a country"),
            ("CA-QC", "address is in CA-QC, while"),
            ("CA-ON", "if the customer has moved since, delete this draft"),
        ],
    )
    def test_why_taxes_are_others(self, place: str | None, said: str) -> None:
        order = sent("20")
        assert said in found(order, stored(order, SERVED[0], place=place))["taxes"].why

    def test_an_undecided_tax_is_a_difference_whatever_odoo_has(self) -> None:
        order = sent("20", place=None)
        for taxes in ((HST,), (replace(HST, percent=Decimal(0)),)):
            one = found(order, stored(order, *taxes, position="International"))["taxes"]
            assert one.sent is None
            assert "fiscal position 'International'" in one.why
        assert "no fiscal position" in found(order, stored(order, HST, position=None))["taxes"].why

    def test_a_line_without_any_tax_says_where_taxes_come_from(self) -> None:
        order = sent("20")
        there = with_line(stored(order), taxes=())
        assert "give the product, or the company, its sales tax" in found(order, there)["taxes"].why

    def test_a_tax_in_the_price_is_named_wherever_it_shows(self) -> None:
        order = sent("20")
        there = with_line(stored(order, replace(HST, is_included=True), untaxed=Decimal("17.70")), subtotal=Decimal("17.70"))
        differing = found(order, there)
        assert set(differing) == {"subtotal", "untaxed"}
        assert all("included in the price" in one.why for one in differing.values())

    def test_a_total_under_another_rounding_names_the_setting(self) -> None:
        order = sent("0.35", "0.35")
        there = stored(order, tax=Decimal("0.09"), total=Decimal("0.79"))
        assert "Odoo rounds taxes by total and we by line" in found(order, there, TaxRounding.TOTAL)["tax"].why
        assert "follows from what Odoo has on the lines" in found(order, there)["tax"].why

    def test_a_discount_is_named(self) -> None:
        order = sent("20")
        there = with_line(stored(order), subtotal=Decimal(18), discount=Decimal(10))
        assert "a discount of 10 %" in found(order, there)["subtotal"].why

    def test_lines_of_somebody_else_are_a_difference_and_no_total_is_compared(self) -> None:
        order = sent("20")
        assert set(found(order, stored(order, total=Decimal(99), strangers=1))) == {"lines"}

    def test_lines_of_another_part_of_ours_leave_the_total_to_it(self) -> None:
        order = sent("20")
        assert found(order, stored(order, total=Decimal(99), companions=1)) == {}

    def test_amounts_of_another_currency_are_not_compared(self) -> None:
        order = sent("20")
        assert found(order, stored(order, total=Decimal(99), currency="USD")) == {}

    def test_a_line_that_is_gone_is_left_to_the_fields(self) -> None:
        order = sent("20")
        assert found(order, stored(order, lines={})) == {}


class TestObjections:
    """What blocks posting."""

    def test_what_was_never_read_back_blocks(self) -> None:
        (one,) = objections(Part.DRAFT_INVOICES, "2026-05", None, ())
        never = "never read back from Odoo since they were last written, or since the month was rated anew"
        assert one == f"draft_invoices of 2026-05: {never}"

    def test_what_was_read_back_clean_does_not(self) -> None:
        assert objections(Part.PARTNERS, "", NOW, ()) == ()

    def test_every_difference_blocks(self) -> None:
        found = objections(Part.PARTNERS, "", NOW, (ONE, replace(ONE, sent=None, stored="b")))
        assert found == (
            "partners: fcb.s_user_1 has name none and not a: because",
            "partners: fcb.s_user_1 has name b and not none: because",
        )
