from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.drafts import Article, Draft, Due, Kept, as_sold, draft, draft_key, summed, totals_in_odoo
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.expected import ExpectedLine, RatedLine
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.money import Money, amount_text, money, round_half_up, rounded
from fcb_pipelines.domain.pricing import Metered
from fcb_pipelines.domain.rating import Package
from fcb_pipelines.domain.tax import TaxComponent, TaxRounding
from fcb_pipelines_tests.builders import APRIL, TORONTO, expected
from fcb_pipelines_tests.domain.draft_lines import a_draft, a_draft_line

LINE, TOTAL = TaxRounding.LINE, TaxRounding.TOTAL
HST = (TaxComponent(component="HST", percent=Decimal(13), amount=money("6.50 CAD")),)


def rated(line: ExpectedLine, **changes: Any) -> RatedLine:
    """How it was rated: 61,000 cpu-seconds used, 1,000 included, 0.0075 per core-hour."""
    values: dict[str, Any] = {
        name: getattr(line, name)
        for name in (
            "line_key",
            "external_subscription_id",
            "charge",
            "service_from",
            "service_to",
            "due_at",
            "currency",
            "is_due",
        )
    }
    values |= {
        "quantity": Decimal(61000),
        "included_quantity": Decimal(1000),
        "unit_price": Decimal("0.0075"),
        "unit_batch": Decimal(3600),
        "exact": None if line.net is None else Fraction(line.net.amount),
    }
    return RatedLine(**values | changes)


def usage(net: str | None, **changes: Any) -> ExpectedLine:
    given_: dict[str, Any] = {"line_key": "s1/cpu_seconds/2026-04-01", "charge": "cpu_seconds", "due_at": APRIL.end}
    return expected(net, **given_ | changes)


def due(*lines: ExpectedLine, plan: str | None = "p1") -> Due:
    return Due(
        external_subscription_id="s1",
        external_plan_id=plan,
        plan_name="Basic",
        lines=tuple((line, rated(line)) for line in lines),
    )


def drawn(*lines: ExpectedLine, kept: Kept | None = None, **changes: Any) -> Draft | None:
    return draft(due(*lines, **changes), "2026-04", kept or Kept(), TORONTO)


@pytest.mark.parametrize(
    ("net", "quantity", "price", "kept", "sold"),
    [
        ("0.13", Fraction(60000, 3600), "0.0075", Kept(), ("16.666667", "0.0075")),
        ("0.13", Fraction(60000, 3600), "0.0075", Kept(quantity=2), ("16.67", "0.0075")),
        ("0.13", Fraction(60000, 3600), "0.0075", Kept(quantity=12), ("16.666667", "0.0075")),
        # 0 decimals make it 17 core-hours: the cents hold, and 0.1275 is 0.13 still.
        ("0.13", Fraction(60000, 3600), "0.0075", Kept(quantity=0), ("17", "0.0075")),
        ("15.19", Fraction(123456789123, 10**6), "0.000123", Kept(quantity=0), ("123457", "0.000123")),
        # Two decimals of a quantity make it 40.28 and not 40.27.
        ("40.27", Fraction(402749, 10**5), "10", Kept(quantity=2), ("1", "40.27")),
        ("40.27", Fraction(402749, 10**5), "10", Kept(), ("4.02749", "10")),
        # Odoo 18 would store a price of 0.00, whatever the product then is.
        ("15.19", Fraction(123456789, 1000), "0.000123", Kept(price=2), ("1", "15.19")),
        ("12.50", Fraction(5), "2.50", Kept(price=2), ("5", "2.50")),
        # Not what quantity and price come to, as after proration.
        ("1.00", Fraction(5), "2.50", Kept(), ("1", "1.00")),
    ],
)
def test_a_line_says_what_was_sold_where_that_comes_to_the_net(
    net: str, quantity: Fraction, price: str, kept: Kept, sold: tuple[str, str]
) -> None:
    assert as_sold(money(f"{net} CAD"), quantity, Decimal(price), kept) == (Decimal(sold[0]), Decimal(sold[1]))


@given(
    st.fractions(min_value=0, max_value=10**6, max_denominator=3600),
    st.decimals(min_value=0, max_value=1000, places=6),
    st.none() | st.integers(min_value=0, max_value=8),
    st.none() | st.integers(min_value=2, max_value=6),
)
def test_what_stands_on_a_line_survives_storing_and_comes_to_the_net(
    quantity: Fraction, price: Decimal, decimals: int | None, price_decimals: int | None
) -> None:
    net = rounded(quantity * Fraction(price), "CAD")
    sold, at = as_sold(net, quantity, price, Kept(quantity=decimals, price=price_decimals))
    stored = sold if decimals is None else round_half_up(sold, decimals)
    stored_price = at if price_decimals is None else round_half_up(at, price_decimals)
    assert (stored, stored_price) == (sold, at)
    assert rounded(Fraction(stored) * Fraction(stored_price), "CAD") == net


def adjusting(net: str, quantity: str) -> tuple[ExpectedLine, RatedLine]:
    """What the bill of April gives back of March's usage, or asks for."""
    line = usage(net, line_key="s1/cpu_seconds/2026-03-01/adjusted-in-2026-04", tax_components=HST)
    return line, rated(line, quantity=Decimal(quantity), included_quantity=Decimal(0), adjusts="2026-03")


@pytest.mark.parametrize(("quantity", "told"), [("3600.5", "3600.5 more"), ("-20", "20 fewer")])
def test_an_adjustment_is_one_of_its_net(quantity: str, told: str) -> None:
    made = draft(replace(due(), lines=(adjusting("0.13", quantity),)), "2026-04", Kept(), TORONTO)
    assert made is not None
    (line,) = made.lines
    assert (line.quantity, line.unit_price) == (Decimal(1), Decimal("0.13"))
    assert line.description.endswith(f"late cpu_seconds: {told} than billed before")


def test_what_is_given_back_beyond_what_is_charged_is_a_credit_note() -> None:
    both = due(expected("50", tax_components=HST))
    made = draft(replace(both, lines=(*both.lines, adjusting("-80", "-60000"))), "2026-04", Kept(), TORONTO)
    assert made is not None
    assert (made.is_refund, str(made.totals.gross), str(made.billed.gross)) == (True, "33.90 CAD", "-33.90 CAD")
    assert [line.unit_price for line in made.lines] == [Decimal(-50), Decimal(80)]
    assert totals_in_odoo(made.lines, "CAD", LINE) == made.totals
    on_order = draft(replace(both, lines=(adjusting("-80", "-60000"),)), "2026-04", Kept(), TORONTO, is_invoice=False)
    assert on_order is not None
    assert (on_order.is_refund, str(on_order.totals.net)) == (False, "-80.00 CAD")


def test_a_month_of_a_subscription_is_one_draft() -> None:
    made = drawn(expected("50", tax_components=HST), usage("0.13"))
    assert made is not None
    assert (made.key, made.external_user_id, made.currency, made.reference) == ("s1/2026-04", "u1", "CAD", "s1 2026-04")
    assert (made.issued_on, made.is_refund) == (None, False)
    flat, overage = made.lines
    assert (flat.key, flat.article) == ("flat/2026-04-01", Article(entity=Entity.PLAN, external_plan_id="p1"))
    assert (flat.quantity, flat.unit_price, flat.taxes, flat.place) == (Decimal(1), Decimal(50), HST, "CA-ON")
    assert flat.description == "Basic – 2026-04-01 to 2026-04-30 – flat price"
    assert (overage.key, overage.article) == (
        "cpu_seconds/2026-04-01",
        Article(entity=Entity.PLAN_USAGE, external_plan_id="p1"),
    )
    assert (overage.quantity, overage.unit_price) == (Decimal("16.666667"), Decimal("0.0075"))
    assert overage.description == (
        "Basic – 2026-04-01 to 2026-04-30 – cpu_seconds overage: 61000 used, 1000 included, 0.0075 per 3600"
    )
    assert str(made.totals.gross) == "56.65 CAD"


def test_a_charge_that_is_not_by_unit_is_one_times_its_net_and_names_its_price() -> None:
    charge = Package(package_size=Decimal(100), package_price=Decimal(3), included_quantity=Decimal(1000))
    line = usage("1800.00", line_key="s1/requests/2026-04-01", charge="requests")
    metered = Metered(charge=charge, quantity=Fraction(61000), metric="requests")
    made = draft(replace(due(), lines=((line, rated(line, metered=metered)),)), "2026-04", Kept(), TORONTO)
    assert made is not None
    (only,) = made.lines
    assert (only.quantity, only.unit_price, str(only.net)) == (Decimal(1), Decimal("1800.00"), "1800.00 CAD")
    assert only.description.endswith(" – requests: 61000 used, 1000 included, package price")
    assert only.article == Article(entity=Entity.PLAN_USAGE, external_plan_id="p1")


def test_a_further_charge_is_one_times_its_net() -> None:
    made = drawn(expected("-3.10", charge="adjustment", line_key="s1/adjustment/2026-04-01", is_due=True), expected("50"))
    assert made is not None
    (adjustment, _) = made.lines
    assert (adjustment.quantity, adjustment.unit_price) == (Decimal(1), Decimal("-3.10"))


def test_only_what_is_due_is_drafted() -> None:
    assert drawn() is None
    assert drawn(expected("0", is_due=False), usage(None, is_due=False)) is None
    made = drawn(expected("50"), usage("0", is_due=False))
    assert made is not None
    assert [line.key for line in made.lines] == ["flat/2026-04-01"]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((expected("50"), usage(None, is_due=True, notes=("term_unknown_at",))), "its charge cpu_seconds: term_unknown_at"),
        ((expected("50", tax=None, notes=("tax_undecided: no place",)),), "its charge flat: tax_undecided: no place"),
        ((expected(None, is_due=True),), "its charge flat: its amount is not known"),
        ((expected("50"), usage("1", currency="USD")), r"several customers or currencies \(CAD, USD\)"),
        ((expected("50"), usage("1", external_user_id="u2")), r"several customers or currencies \(u1, u2\)"),
        ((expected("-50", is_due=True),), "come to -56.50 CAD: an invoice below 0"),
    ],
)
def test_a_month_that_cannot_be_billed_whole_is_not_billed(lines: tuple[ExpectedLine, ...], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        drawn(*lines)


def test_a_subscription_that_is_not_known_sells_no_product() -> None:
    made = drawn(expected("50"), plan=None)
    assert made is not None
    assert made.lines[0].article is None


def test_the_key_of_a_draft_is_its_subscription_and_month() -> None:
    assert draft_key("s1", "2026-04") == "s1/2026-04"


SECTION_6 = [("1", "19.99", "13"), ("123456.79", "0.000123", "13"), ("0.33", "0.09", "13")]
SIX_DIGITS = [("1", "19.99", "13"), ("123456.789", "0.000123", "13"), ("0.333333", "0.09", "13")]


@pytest.mark.parametrize(
    ("lines", "per_line", "globally"),
    [
        (SECTION_6, "35.21 4.57 39.78", "35.20 4.58 39.78"),
        (SIX_DIGITS, "35.21 4.57 39.78", "35.21 4.58 39.79"),
        ([("1", "0.35", "13")] * 10, "3.50 0.50 4.00", "3.50 0.46 3.96"),
        ([("1", "0.004", "13")] * 10, "0.00 0.00 0.00", "0.04 0.01 0.05"),
        ([("1", "1.005", "13"), ("1", "2.675", "13"), ("3", "0.335", "13")], "4.70 0.61 5.31", "4.69 0.61 5.30"),
        ([("1", "16.67", "5", "9.975")], "16.67 2.49 19.16", "16.67 2.49 19.16"),
        # Each component is rounded by itself, over the lines that have it.
        ([("1", "16.67", "5", "9.975")] * 12, "200.04 29.88 229.92", "200.04 29.95 229.99"),
        ([("1", "10"), ("1", "0.35", "13"), ("1", "0.35", "5")], "10.70 0.07 10.77", "10.70 0.07 10.77"),
        ([], "0.00 0.00 0.00", "0.00 0.00 0.00"),
    ],
)
def test_what_odoo_makes_of_lines(lines: list[tuple[str, ...]], per_line: str, globally: str) -> None:
    drafted = [a_draft_line(*line) for line in lines]
    for rounding, wanted in ((LINE, per_line), (TOTAL, globally)):
        found = totals_in_odoo(drafted, "CAD", rounding)
        assert " ".join(amount_text(one.amount, "CAD") for one in (found.net, found.tax, found.gross)) == wanted, rounding


amounts = st.decimals(min_value=-1000, max_value=1000, places=4)
rates = st.lists(st.sampled_from(["5", "9.975", "13", "15"]), max_size=2, unique=True)


@given(st.lists(st.tuples(amounts, rates), max_size=8))
def test_per_line_odoo_makes_what_we_hold_a_draft_to_be(lines: list[tuple[Decimal, list[str]]]) -> None:
    made = a_draft(*(a_draft_line("1", str(price), *percents) for price, percents in lines))
    assert totals_in_odoo(made.lines, "CAD", LINE) == made.totals


@given(st.lists(st.tuples(amounts, rates), max_size=8))
def test_the_two_ways_differ_by_half_a_cent_a_rounding_at_most(lines: list[tuple[Decimal, list[str]]]) -> None:
    drafted = [a_draft_line("1", str(price), *percents) for price, percents in lines]
    per_line, globally = (totals_in_odoo(drafted, "CAD", rounding) for rounding in (LINE, TOTAL))
    roundings = len(drafted) + 1
    assert abs(per_line.net.amount - globally.net.amount) <= Decimal("0.005") * roundings
    taxes = sum(len(line.taxes) for line in drafted)
    assert abs(per_line.tax.amount - globally.tax.amount) <= Decimal("0.005") * (2 * taxes + 4)


@given(
    st.lists(st.decimals(min_value=0, max_value=1000, places=2), max_size=8), st.decimals(min_value=0, max_value=9, places=6)
)
def test_one_line_of_units_never_moves_the_net(nets: list[Decimal], quantity: Decimal) -> None:
    """What we draft, rounded prices and one overage, comes to the same net under both ways."""
    drafted = [*(a_draft_line("1", str(net), "13") for net in nets), a_draft_line(str(quantity), "0.0075", "13")]
    per_line, globally = (totals_in_odoo(drafted, "CAD", rounding) for rounding in (LINE, TOTAL))
    assert per_line.net == globally.net


def test_an_amount_without_cents_is_rounded_to_whole_units() -> None:
    line = a_draft_line("1", "104", "10", currency="JPY")
    assert totals_in_odoo([line], "JPY", TOTAL).tax == Money(Decimal(10), "JPY")


def test_totals_are_never_added_across_currencies() -> None:
    cad, yen = a_draft(a_draft_line("1", "10", "13")), a_draft(a_draft_line("1", "7", currency="JPY"), currency="JPY")
    found = summed([cad.totals, yen.totals, cad.totals])
    assert {code: str(one.gross) for code, one in found.items()} == {"CAD": "22.60 CAD", "JPY": "7 JPY"}


def test_rated_and_expected_lines_of_other_zones_are_the_same_days() -> None:
    made = drawn(replace(expected("50"), service_from=APRIL.start.astimezone(tz=None)))
    assert made is not None
    assert "2026-04-01 to 2026-04-30" in made.lines[0].description
    assert made.lines[0].article is not None
    assert made.lines[0].article.entity is Entity.PLAN
    assert FLAT in made.lines[0].key
