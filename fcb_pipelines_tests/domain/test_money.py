from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import (
    MOST_DIGITS,
    ZERO,
    Money,
    Rounding,
    amount_text,
    decimal,
    exact_text,
    minor_units,
    money,
    plain,
    round_half_up,
    round_to,
    rounded,
    total,
)

AMOUNTS = st.decimals(-(10**40), 10**40, places=10)
MONIES = AMOUNTS.map(lambda amount: Money(amount, "CAD"))
FRACTIONS = st.fractions(-(10**6), 10**6, max_denominator=10**6)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12.50", "12.5"),
        (" 7\n", "7"),
        ("-0.0075", "-0.0075"),
        ("+1", "1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1E-30", "1E-30"),
    ],
)
def test_decimals_are_read_exactly(written: str, value: str) -> None:
    assert decimal(written) == Decimal(value)


@pytest.mark.parametrize("given_value", [3, Decimal("0.1")])
def test_exact_numbers_are_taken_as_they_are(given_value: int | Decimal) -> None:
    assert decimal(given_value) == given_value


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (0.1, "not an exact decimal"),
        (True, "not an exact decimal"),
        (None, "not an exact decimal"),
        ("", "not a decimal number"),
        ("12,50", "not a decimal number"),
        ("1_000", "not a decimal number"),
        ("１２", "not a decimal number"),
        ("1 2", "not a decimal number"),
        ("NaN", "not a decimal number"),
        ("-Infinity", "not a decimal number"),
        ("0x10", "not a decimal number"),
        (Decimal("NaN"), "not a finite number"),
        (Decimal("Infinity"), "not a finite number"),
        ("1e999999999999999999999", "out of range"),
        ("1e999999999", "more than 90 digits"),
        ("1e-999999999", "more than 90 digits"),
        ("0e-999999999", "more than 90 digits"),
        ("9" * (MOST_DIGITS + 1), "more than 90 digits"),
    ],
)
def test_what_is_no_exact_decimal_is_refused(written: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decimal(written)


def test_a_long_wrong_number_is_not_repeated_in_full() -> None:
    with pytest.raises(InvalidInput) as refusal:
        decimal("x" * 10_000)
    assert len(str(refusal.value)) < 100


def test_the_largest_number_accepted_keeps_every_digit() -> None:
    number = "9" * MOST_DIGITS + "." + "9" * MOST_DIGITS
    assert plain(decimal(number)) == number


@pytest.mark.parametrize("amount", [0.1, 1, Decimal("NaN"), Decimal("Infinity"), Decimal("1E+90")])
def test_money_is_an_exact_finite_decimal(amount: Any) -> None:
    with pytest.raises(InvalidInput):
        Money(amount, "CAD")


def test_money_has_a_currency_that_we_bill_in() -> None:
    for currency in ("XYZ", "cad", ""):
        with pytest.raises(InvalidInput, match="is not known; known are AUD, CAD"):
            Money(ZERO, currency)
        with pytest.raises(InvalidInput, match="is not known"):
            rounded(ZERO, currency)
        with pytest.raises(InvalidInput, match="is not known"):
            amount_text(ZERO, currency)


def test_currencies_are_never_summed_or_ordered() -> None:
    one, other = money("1 CAD"), money("2 USD")
    for combine in (lambda: one + other, lambda: one - other, lambda: one < other, lambda: one >= other):
        with pytest.raises(InvalidInput, match="different currencies"):
            combine()
    with pytest.raises(InvalidInput, match="different currencies"):
        total([one, other], "CAD")
    assert one != money("1 USD")


def test_the_text_form_reads_back() -> None:
    assert str(money("12.50 CAD")) == "12.50 CAD"
    assert money(str(money("-0.000001 CAD"))) == Money(Decimal("-0.000001"), "CAD")


@given(one=MONIES, other=MONIES, third=MONIES)
def test_money_adds_like_numbers_without_losing_a_digit(one: Money, other: Money, third: Money) -> None:
    assert one + other == other + one
    assert (one + other) + third == one + (other + third)
    assert (one + other) - other == one
    assert one + (-one) == Money(ZERO, "CAD")
    assert Fraction((one + other).amount) == Fraction(one.amount) + Fraction(other.amount)


@given(one=MONIES, other=MONIES)
def test_money_is_ordered_by_amount_and_has_a_size(one: Money, other: Money) -> None:
    assert (one < other) == (one.amount < other.amount)
    assert (one <= other) == (one.amount <= other.amount)
    assert abs(one) == abs(-one) == max(one, -one)
    assert bool(one) == (one.amount != 0)


@given(amounts=st.lists(MONIES, max_size=6), order=st.randoms(use_true_random=False))
def test_the_order_of_a_sum_does_not_matter(amounts: list[Money], order: Any) -> None:
    shuffled = sorted(amounts, key=lambda _: order.random())
    assert total(amounts, "CAD") == total(shuffled, "CAD")
    assert total(amounts, "CAD").amount == sum((Fraction(amount.amount) for amount in amounts), Fraction(0))


def test_an_empty_sum_is_zero_of_its_currency() -> None:
    assert total([], "JPY") == money("0 JPY")


@pytest.mark.parametrize(
    ("value", "decimals", "result"),
    [
        ("1.005", 2, "1.01"),
        ("-1.005", 2, "-1.01"),
        ("1.00499999", 2, "1.00"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1/3", 6, "0.333333"),
        ("2/3", 2, "0.67"),
        ("-1/1000", 2, "0.00"),
        ("1/200", 2, "0.01"),
        (f"{10**60}", 2, f"{10**60}.00"),
    ],
)
def test_rounding_is_half_away_from_zero(value: str, decimals: int, result: str) -> None:
    assert str(round_half_up(Fraction(value), decimals)) == result


@pytest.mark.parametrize(
    ("value", "half_up", "half_even"),
    [
        ("0.005", "0.01", "0.00"),
        ("0.015", "0.02", "0.02"),
        ("0.025", "0.03", "0.02"),
        ("-0.025", "-0.03", "-0.02"),
        ("-0.035", "-0.04", "-0.04"),
        ("0.0250000000001", "0.03", "0.03"),
        ("0.0249999999999", "0.02", "0.02"),
        ("2/3", "0.67", "0.67"),
        ("1.00", "1.00", "1.00"),
    ],
)
def test_the_two_ways_of_rounding_differ_only_half_way(value: str, half_up: str, half_even: str) -> None:
    assert str(rounded(Fraction(value), "CAD")) == f"{half_up} CAD"
    assert str(rounded(Fraction(value), "CAD", Rounding.HALF_UP)) == f"{half_up} CAD"
    assert str(rounded(Fraction(value), "CAD", Rounding.HALF_EVEN)) == f"{half_even} CAD"


@given(value=FRACTIONS, decimals=st.integers(0, 12), rounding=st.sampled_from(Rounding))
def test_rounding_moves_by_half_a_step_at_most_and_only_once(value: Fraction, decimals: int, rounding: Rounding) -> None:
    once = round_to(value, decimals, rounding)
    assert abs(Fraction(once) - value) <= Fraction(1, 2 * 10**decimals)
    assert round_to(once, decimals, rounding) == once
    assert round_to(-value, decimals, rounding) == -once


@given(value=st.fractions(-(10**6), 10**6, max_denominator=1000), decimals=st.integers(0, 3))
def test_rounding_half_to_even_is_what_python_does_with_fractions(value: Fraction, decimals: int) -> None:
    assert Fraction(round_to(value, decimals, Rounding.HALF_EVEN)) == round(value, decimals)


def test_money_is_rounded_to_the_currency() -> None:
    assert rounded(Fraction(200, 3), "CAD") == money("66.67 CAD")
    assert rounded(Fraction(200, 3), "JPY") == money("67 JPY")
    assert (minor_units("CAD"), minor_units("JPY")) == (2, 0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+2", "100"),
        ("0.50", "0.5"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0E+5", "0"),
        ("1E-30", "0." + "0" * 29 + "1"),
        ("-10", "-10"),
    ],
)
def test_plain_text_has_no_exponent_and_no_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1/3", "0.333333333333"),
        ("2/3", "0.666666666667"),
        ("1/8", "0.125"),
        ("-7", "-7"),
        ("1/10000000000000", "0"),
        (f"{10**40}", f"{10**40}"),
    ],
)
def test_exact_text_has_at_most_twelve_decimals(value: str, text: str) -> None:
    assert exact_text(Fraction(value)) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("9.5", "CAD", "9.50"),
        ("0", "CAD", "0.00"),
        ("-0", "CAD", "0.00"),
        ("7.00", "JPY", "7"),
        ("1E+40", "CAD", f"{10**40}.00"),
    ],
)
def test_an_amount_is_shown_with_its_currencys_decimals(value: str, currency: str, text: str) -> None:
    assert amount_text(Decimal(value), currency) == text


def test_an_amount_is_never_rounded_by_showing_it() -> None:
    assert amount_text(Decimal("1.0050"), "CAD") == "1.005"
