"""Quantities: exact decimals as the contract carries them, at most 18 digits before and 12 after the point.

Owns: what is a quantity, its one text form, and the change of unit. Does not own: what is measured (events, reader).
"""

import re
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

from fcb_host.errors import InvalidEvent

DIGITS_BEFORE, DIGITS_AFTER = 18, 12
SECONDS_PER_HOUR = Decimal(3600)

# Wide enough for every product of two quantities; a result that would be rounded is an error, never a rounded result.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_TEXT = re.compile(r"[0-9]{1,200}(?:\.[0-9]{1,200})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


def decimal(given: object) -> Decimal:
    """The exact number given as Decimal, int or str; at least 0. Raises InvalidEvent, for a float above all."""
    if isinstance(given, bool) or not isinstance(given, Decimal | int | str):
        raise InvalidEvent(
            f"a quantity is a Decimal, an int or a str, never a {type(given).__name__}: its digits must be exact"
        )
    if isinstance(given, str) and not _TEXT.fullmatch(given):
        raise InvalidEvent("a quantity given as text is digits with at most one point, such as '12.50'")
    number = Decimal(given)
    if not number.is_finite() or number < 0:
        raise InvalidEvent("a quantity is a finite number of at least 0")
    return number


def plain(number: Decimal) -> str:
    """The one text form: no exponent, no trailing zeros. Raises InvalidEvent when the contract cannot carry all digits."""
    if number == 0:
        return "0"
    _, digits, exponent = number.as_tuple()
    significant = len(bytes(digits).rstrip(b"\0"))
    lowest = int(exponent) + len(digits) - significant
    if number.adjusted() >= DIGITS_BEFORE or lowest < -DIGITS_AFTER:
        raise InvalidEvent(f"a quantity has at most {DIGITS_BEFORE} digits before the point and {DIGITS_AFTER} after it")
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds_of_hours(hours: Decimal) -> Decimal:
    """Core-hours as core-seconds, exact. Raises InvalidEvent for numbers too long to be multiplied exactly."""
    try:
        return _EXACT.multiply(hours, SECONDS_PER_HOUR)
    except ArithmeticError:
        raise InvalidEvent("a number of hours is too long to be turned into seconds exactly") from None
