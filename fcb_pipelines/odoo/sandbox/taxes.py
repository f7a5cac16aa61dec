"""How order lines are taxed: which taxes apply at a place, and what they come to.

Owns: fiscal positions and both rounding methods, exactly in decimals. Taxes included in the price are not known here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.odoo.sandbox.values import CENT, rounded

HUNDRED = Decimal(100)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A tax; a group is only the sum of its children, whatever its own amount says (Odoo writes 100)."""

    amount_type: str
    amount: Decimal
    children: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxedLine:
    """What a line's amounts are computed from; the discount is in percent."""

    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    taxes: tuple[int, ...]

    @property
    def base(self) -> Decimal:
        """Price without tax, not rounded."""
        return self.quantity * self.unit_price * (HUNDRED - self.discount) / HUNDRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Without tax, tax, and both."""

    untaxed: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """Both together."""
        return self.untaxed + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A fiscal position: where it applies, and which tax takes the place of which."""

    position: int
    country: int | None
    states: tuple[int, ...]
    replaces: Mapping[int, tuple[int, ...]]
    has_taxes: bool


def line_amounts(line: TaxedLine, taxes: Mapping[int, Tax]) -> Amounts:
    """A line's amounts, each rounded to the cent."""
    parts = _tax_parts(line, line.base, taxes)
    return Amounts(untaxed=rounded(line.base, CENT), tax=sum((rounded(amount, CENT) for _, amount in parts), ZERO))


def order_amounts(lines: Sequence[TaxedLine], taxes: Mapping[int, Tax], *, rounds_globally: bool) -> Amounts:
    """An order's amounts: rounded once per tax over all lines, or once per line and tax."""
    bases = [line.base if rounds_globally else rounded(line.base, CENT) for line in lines]
    sums: dict[int, Decimal] = {}
    for line, base in zip(lines, bases, strict=True):
        for tax_id, amount in _tax_parts(line, base, taxes):
            part = amount if rounds_globally else rounded(amount, CENT)
            sums[tax_id] = sums.get(tax_id, ZERO) + part
    tax = sum((rounded(amount, CENT) for amount in sums.values()), ZERO)
    return Amounts(untaxed=rounded(sum(bases, ZERO), CENT), tax=tax)


def place_of(country: int | None, state: int | None, places: Iterable[Place]) -> Place | None:
    """The most precise place that matches; nowhere for a partner without a country.

    A partner of a country whose places all name states, but without a state, is abroad, as in Odoo.
    """
    if country is None:
        return None
    matching = [place for place in places if _matches(place, country, state)]
    return max(matching, key=lambda place: (bool(place.states), place.country is not None), default=None)


def taxes_at(place: Place | None, product_taxes: Sequence[int]) -> list[int]:
    """The taxes of a product sold there; a place without taxes removes them all."""
    if place is None:
        return list(product_taxes)
    if not place.has_taxes:
        return []
    return list(dict.fromkeys(mapped for tax in product_taxes for mapped in place.replaces.get(tax, (tax,))))


def _matches(place: Place, country: int, state: int | None) -> bool:
    if place.states:
        return state in place.states
    return place.country in {None, country}


def _tax_parts(line: TaxedLine, base: Decimal, taxes: Mapping[int, Tax]) -> list[tuple[int, Decimal]]:
    leaves = [leaf for tax_id in line.taxes for leaf in (taxes[tax_id].children or (tax_id,))]
    return [(leaf, _amount(taxes[leaf], line, base)) for leaf in dict.fromkeys(leaves)]


def _amount(tax: Tax, line: TaxedLine, base: Decimal) -> Decimal:
    return line.quantity * tax.amount if tax.amount_type == "fixed" else base * tax.amount / HUNDRED
