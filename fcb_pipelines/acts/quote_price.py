"""The exact price that a request asks for: a quantity under a charge, in instalments, prorated.

Owns: the keys beside a charge, what an exact price shows of itself. Does not own: rounding, discounts, taxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from fcb_pipelines.acts.quote_proration import read_share
from fcb_pipelines.domain.charges import read_charge
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import exact_text, plain, round_half_up
from fcb_pipelines.domain.rating import PricedLine, rate
from fcb_pipelines.domain.written import number

REQUIRED = ("quantity", "charge")
OPTIONAL = ("instalments", "proration")

_FRACTION_DECIMALS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a quantity costs, before any rounding."""

    lines: tuple[PricedLine, ...]
    share: Fraction | None
    """Which part of the whole price it is; None where nobody asked for a part."""

    @property
    def exact(self) -> Fraction:
        """The sum of the lines."""
        return sum((line.amount for line in self.lines), Fraction(0))

    def fraction(self) -> dict[str, str]:
        """The share as the answer shows it, always with 12 decimals; nothing where there is none."""
        return {} if self.share is None else {"fraction": format(round_half_up(self.share, _FRACTION_DECIMALS), "f")}


def read_price(written: Mapping[str, object]) -> Price:
    """Price a quantity under its charge: the whole price, minimum and maximum included, ÷ instalments × the share."""
    quantity = number("quantity", written["quantity"])
    charge = read_charge(written["charge"])
    parts = _instalments(written["instalments"]) if "instalments" in written else Fraction(1)
    part = read_share(written["proration"]) if "proration" in written else None
    factor = (1 if part is None else part) / parts
    lines = (replace(line, unit_price=line.unit_price * factor) for line in rate(charge, quantity).lines)
    return Price(lines=tuple(lines), share=part)


def shown(price: Price) -> list[dict[str, str]]:
    """The priced lines; each shows what it adds to the sum so far as shown, so that they add up to the written total."""
    texts, total, before = [], Fraction(0), Fraction(0)
    for line in price.lines:
        total += line.amount
        so_far = Fraction(exact_text(total))
        values = (_in_full(line.quantity), _in_full(line.unit_price), exact_text(so_far - before))
        texts.append(dict(zip(("quantity", "unit_price", "amount"), values, strict=True)))
        before = so_far
    return texts


def _instalments(written: object) -> Fraction:
    parts = number("instalments", written)
    exact = Fraction(parts)
    if exact < 1 or exact.denominator != 1:
        raise InvalidInput(f"instalments must be a whole number from 1 on, such as 12, is {plain(parts)}")
    return exact


def _in_full(value: Fraction) -> str:
    """Show every decimal of a number that ends, so that a price of half a millionth of a millionth is not shown as 0."""
    denominator = value.denominator
    twos = (denominator & -denominator).bit_length() - 1
    fives, odd = 0, denominator >> twos
    while odd % 5 == 0:
        fives, odd = fives + 1, odd // 5
    return plain(round_half_up(value, max(twos, fives))) if odd == 1 else exact_text(value)
