"""Money: an exact amount and its currency, and the one place where an amount is rounded.

Owns: the currencies we bill in with their minor units, exact arithmetic, rounding. Does not own: prices, taxes.
An amount may be a `Fraction` until it is rounded, because a price per core-hour applied to cpu-seconds divides by 3600.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from enum import StrEnum
from fractions import Fraction
from functools import total_ordering
from reprlib import repr as shortened

from fcb_pipelines.domain.errors import InvalidInput

MINOR_UNITS = {"CAD": 2, "USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "AUD": 2, "JPY": 0}
"""ISO 4217 minor units of the currencies we accept."""

EXACT_DECIMALS = 12
"""How many decimals an exact amount shows at most; the amount itself is never cut to them."""

ZERO = Decimal(0)

MOST_DIGITS = 90
"""How many digits a number may have before its point, and behind it; `1e999999999` would otherwise fill the memory."""

_WIDE = Context(prec=1000, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
"""Wide enough for every sum and product of accepted numbers; Python's own context would cut them at 28 digits."""

_WRITTEN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class Rounding(StrEnum):
    """What becomes of an amount that lies exactly between two; every other goes to the nearest."""

    HALF_UP = "half_up"
    """Away from zero, as Odoo and most invoices do."""
    HALF_EVEN = "half_even"
    """To the one whose last digit is even."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency; adding or ordering two currencies raises."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise InvalidInput(f"{self.amount!r} is not an exact amount: use a decimal, never a float")
        _check_size(self.amount)
        minor_units(self.currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(_WIDE.add(self.amount, self._same(other)), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(_WIDE.subtract(self.amount, self._same(other)), self.currency)

    def __neg__(self) -> "Money":
        return Money(_WIDE.minus(self.amount), self.currency)

    def __abs__(self) -> "Money":
        return Money(self.amount.copy_abs(), self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{amount_text(self.amount, self.currency)} {self.currency}"

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise InvalidInput(f"{self} and {other} are of different currencies: they are never summed or ordered")
        return other.amount


def money(text: str) -> Money:
    """Read `"12.50 CAD"`; for settings, fixtures and logs."""
    amount, _, currency = text.partition(" ")
    return Money(decimal(amount), currency)


def decimal(text: str | int | Decimal) -> Decimal:
    """Read an exact decimal; floats, NaN, infinities and more than `MOST_DIGITS` digits on a side are refused."""
    if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
        raise InvalidInput(f'{shortened(text)} is not an exact decimal: write it as text, such as "12.50"')
    # Decimal itself would also read "1_000" and the digits of other scripts, which no source means.
    if isinstance(text, str) and not _WRITTEN.fullmatch(text.strip()):
        raise InvalidInput(f"{shortened(text)} is not a decimal number")
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(f"{shortened(text)} is out of range") from error
    if not value.is_finite():
        raise InvalidInput(f"{text} is not a finite number")
    _check_size(value)
    return value


def _check_size(value: Decimal) -> None:
    exponent = value.as_tuple().exponent
    if value.adjusted() >= MOST_DIGITS or not isinstance(exponent, int) or exponent < -MOST_DIGITS:
        raise InvalidInput(f"a number has more than {MOST_DIGITS} digits before or behind its point")


def minor_units(currency: str) -> int:
    """How many decimals a currency has; raises `InvalidInput` for one that we do not bill in."""
    try:
        return MINOR_UNITS[currency]
    except KeyError as error:
        known = ", ".join(sorted(MINOR_UNITS))
        raise InvalidInput(f"currency {shortened(currency)} is not known; known are {known}") from error


def rounded(amount: Decimal | Fraction, currency: str, rounding: Rounding = Rounding.HALF_UP) -> Money:
    """Round to the currency's minor unit, half away from zero if nothing else is said: the one place where money is rounded."""
    return Money(round_to(amount, minor_units(currency), rounding), currency)


def round_half_up(value: Decimal | Fraction, decimals: int) -> Decimal:
    """Round an exact value once, half away from zero, as Odoo and invoices do."""
    return round_to(value, decimals, Rounding.HALF_UP)


def round_to(value: Decimal | Fraction, decimals: int, rounding: Rounding) -> Decimal:
    """Round an exact value once, to so many decimals."""
    # In whole numbers, because every line of every bill passes here and Fraction takes five times as long.
    above, below = value.as_integer_ratio()
    whole, rest = divmod(2 * abs(above) * 10**decimals + below, 2 * below)
    if rest == 0 and rounding is Rounding.HALF_EVEN:
        whole -= whole % 2
    return Decimal(-whole if above < 0 else whole).scaleb(-decimals, _WIDE)


def exact_text(value: Decimal | Fraction) -> str:
    """Show an exact value with as many decimals as it needs, at most `EXACT_DECIMALS`."""
    return plain(round_half_up(value, EXACT_DECIMALS))


def plain(value: Decimal) -> str:
    """Show a decimal without exponent and without trailing zeros: `1E+2` is `100`, `0.50` is `0.5`, `-0` is `0`."""
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def amount_text(value: Decimal, currency: str) -> str:
    """Show an amount with the currency's decimals, and with more where it has more: showing never rounds."""
    shown = round_half_up(value, minor_units(currency))
    return format(shown, "f") if shown == value else plain(value)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Sum amounts of one currency; an empty sum is zero of that currency."""
    result = Money(ZERO, currency)
    for amount in amounts:
        result += amount
    return result
