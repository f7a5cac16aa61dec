from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rating import Charge, Graduated, Package, Standard, Tier, Volume, rate

HUGE = "1" + "0" * 30
TINY = "1E-30"


def standard(**numbers: str) -> Standard:
    return Standard(**{"unit_price": Decimal(1), **exact(numbers)})


def package(**numbers: str) -> Package:
    return Package(**{"package_size": Decimal(10), "package_price": Decimal(3), **exact(numbers)})


def tier(up_to: str | None, unit_price: str = "0", flat_amount: str = "0") -> Tier:
    bound = None if up_to is None else Decimal(up_to)
    return Tier(up_to=bound, unit_price=Decimal(unit_price), flat_amount=Decimal(flat_amount))


def exact(numbers: dict[str, str]) -> dict[str, Any]:
    return {key: Decimal(value) for key, value in numbers.items()}


TIERS = (tier("10", "1", "5"), tier("20", "0.5", "2"), tier(None, "0.1"))
GRADUATED = Graduated(tiers=TIERS)
VOLUME = Volume(tiers=TIERS)
FREE_FLAT = Graduated(tiers=(tier("0", flat_amount="4"), tier(None, "1", "7")))


@pytest.mark.parametrize(
    ("charge", "quantity", "costs"),
    [
        (standard(), "0", "0"),
        (standard(), "21", "21"),
        (standard(unit_price="0.0075", unit_batch="3600"), "3600", "0.0075"),
        (standard(unit_price="0.0075", unit_batch="3600"), "1800", "0.00375"),
        (standard(unit_price="0.01", unit_batch="3"), "1", "1/300"),
        (standard(included_quantity="100"), "99.999", "0"),
        (standard(included_quantity="100"), "100", "0"),
        (standard(included_quantity="100"), "100.001", "0.001"),
        (standard(unit_price="0.000001"), HUGE, "1" + "0" * 24),
        (standard(), TINY, TINY),
        (standard(unit_price="0"), HUGE, "0"),
        (package(), "0", "0"),
        (package(), TINY, "3"),
        (package(), "10", "3"),
        (package(), "10.0000001", "6"),
        (package(), HUGE, "3" + "0" * 29),
        (package(included_quantity="5"), "5", "0"),
        (package(included_quantity="5"), "5.1", "3"),
        (package(included_quantity="5"), "15", "3"),
        (package(included_quantity="5"), "15.1", "6"),
        (package(package_size="0.3"), "0.9", "9"),
        (GRADUATED, "0", "5"),
        (GRADUATED, "9.5", "14.5"),
        (GRADUATED, "10", "15"),
        (GRADUATED, "10.5", "17.25"),
        (GRADUATED, "20", "22"),
        (GRADUATED, "21", "22.1"),
        (VOLUME, "0", "5"),
        (VOLUME, "10", "15"),
        (VOLUME, "10.5", "7.25"),
        (VOLUME, "20", "12"),
        (VOLUME, "21", "2.1"),
        (Graduated(tiers=(tier(None, "2"),)), "3", "6"),
        (Volume(tiers=(tier(None, "2", "1"),)), "0", "1"),
        (FREE_FLAT, "0", "4"),
        (FREE_FLAT, TINY, f"{11 * 10**30 + 1}E-30"),
        (standard(minimum_amount="5"), "0", "5"),
        (standard(minimum_amount="5"), "5", "5"),
        (standard(minimum_amount="5"), "5.01", "5.01"),
        (standard(maximum_amount="5"), "5.01", "5"),
        (standard(minimum_amount="5", maximum_amount="5"), "3", "5"),
        (standard(minimum_amount="5", maximum_amount="5"), "7", "5"),
        (standard(maximum_amount="0"), "7", "0"),
        (Graduated(tiers=TIERS, maximum_amount=Decimal("1.5")), "0", "1.5"),
        (Volume(tiers=TIERS, minimum_amount=Decimal(6)), "0", "6"),
        (package(minimum_amount="4"), "1", "4"),
    ],
)
def test_a_quantity_costs_what_its_charge_says(charge: Charge, quantity: str, costs: str) -> None:
    assert rate(charge, Decimal(quantity)).exact == Fraction(costs)


def lines_of(charge: Charge, quantity: str) -> list[tuple[str, str, str]]:
    return [(line.key, str(line.quantity), str(line.amount)) for line in rate(charge, Decimal(quantity)).lines]


def test_each_entered_tier_shows_its_units_and_its_flat_amount() -> None:
    expected = [("tier-1", "10", "10"), ("tier-1-flat", "1", "5"), ("tier-2", "10", "5"), ("tier-2-flat", "1", "2")]
    assert lines_of(GRADUATED, "20") == expected
    assert lines_of(GRADUATED, "21") == [*expected, ("tier-3", "1", "1/10")]
    assert lines_of(VOLUME, "20") == [("tier-2", "20", "10"), ("tier-2-flat", "1", "2")]


def test_a_minimum_or_maximum_that_bites_is_a_line_of_its_own() -> None:
    assert lines_of(standard(minimum_amount="5"), "3") == [("units", "3", "3"), ("minimum", "1", "2")]
    assert lines_of(standard(maximum_amount="5"), "7") == [("units", "7", "7"), ("maximum", "1", "-2")]
    assert lines_of(standard(minimum_amount="3", maximum_amount="7"), "7") == [("units", "7", "7")]


def test_a_line_of_a_standard_charge_counts_unit_batches_above_the_quota() -> None:
    (line,) = rate(standard(unit_price="0.0075", unit_batch="3600", included_quantity="3600"), Decimal(9000)).lines
    assert (line.quantity, line.unit_price) == (Fraction("1.5"), Fraction("0.0075"))


def test_a_line_of_packages_counts_whole_packages() -> None:
    (line,) = rate(package(), Decimal("10.5")).lines
    assert (line.key, line.quantity, line.unit_price) == ("packages", Fraction(2), Fraction(3))


@pytest.mark.parametrize(
    ("unit_price", "quantity", "bill"),
    [("0.005", "1", "0.01 CAD"), ("0.004999", "1", "0.00 CAD"), ("0.5", "1", "1 JPY"), ("1.005", "1", "1.01 CAD")],
)
def test_the_amount_is_rounded_half_up_to_the_currency(unit_price: str, quantity: str, bill: str) -> None:
    assert rate(standard(unit_price=unit_price), Decimal(quantity)).amount(bill[-3:]) == money(bill)


def test_only_the_sum_is_rounded_not_the_lines() -> None:
    halves = Graduated(tiers=(tier("1", "0.004"), tier("2", "0.004"), tier(None, "0.004")))
    assert rate(halves, Decimal(3)).amount("CAD") == money("0.01 CAD")


def test_an_amount_in_a_currency_that_we_do_not_bill_in_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'XYZ' is not known"):
        rate(standard(), Decimal(1)).amount("XYZ")


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"unit_price": "-1"}, "unit_price must not be negative, is -1"),
        ({"included_quantity": "-0.1"}, "included_quantity must not be negative"),
        ({"unit_batch": "0"}, "unit_batch must be above 0, is 0"),
        ({"unit_batch": "-3600"}, "unit_batch must not be negative"),
        ({"unit_price": "NaN"}, "unit_price .* is not an exact number"),
        ({"unit_price": "Infinity"}, "unit_price .* is not an exact number"),
        ({"minimum_amount": "-1"}, "minimum_amount must not be negative"),
        ({"maximum_amount": "-1"}, "maximum_amount must not be negative"),
        ({"minimum_amount": "2", "maximum_amount": "1.99"}, "minimum_amount 2 is above maximum_amount 1.99"),
    ],
)
def test_a_standard_charge_refuses_numbers_that_make_no_price(numbers: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        standard(**numbers)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"package_size": "0"}, "package_size must be above 0"),
        ({"package_size": "-1"}, "package_size must not be negative"),
        ({"package_price": "-1"}, "package_price must not be negative"),
    ],
)
def test_a_package_charge_refuses_numbers_that_make_no_price(numbers: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        package(**numbers)


@pytest.mark.parametrize("model", [Graduated, Volume])
@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ([], "tiers is empty"),
        (["10"], "last tier must have up_to null, has 10"),
        ([None, None], "tier 1 has up_to null but is not the last"),
        (["10", None, "20", None], "tier 2 has up_to null but is not the last"),
        (["10", "10", None], "tier 2 ends at 10, the one before at 10"),
        (["20", "10", None], "tier 2 ends at 10, the one before at 20"),
    ],
)
def test_tiers_ascend_and_only_the_last_has_no_end(
    model: type[Graduated | Volume], bounds: list[str | None], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        model(tiers=tuple(tier(bound) for bound in bounds))


@pytest.mark.parametrize("name", ["up_to", "unit_price", "flat_amount"])
def test_a_tier_refuses_negative_numbers(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} must not be negative"):
        Tier(**{"up_to": Decimal(1), **exact({name: "-1"})})


def test_a_float_is_no_price_and_no_quantity() -> None:
    inexact: Any = 0.1
    with pytest.raises(InvalidInput, match="never a float"):
        Standard(unit_price=inexact)
    with pytest.raises(InvalidInput, match="never a float"):
        rate(standard(), inexact)


@pytest.mark.parametrize(("quantity", "reason"), [("-0.000001", "negative"), ("NaN", "exact"), ("Infinity", "exact")])
def test_a_quantity_is_finite_and_not_negative(quantity: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        rate(standard(), Decimal(quantity))


def test_a_negative_zero_is_zero() -> None:
    assert rate(standard(), Decimal("-0")).exact == 0
