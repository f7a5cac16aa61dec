"""How the lines of orders and invoices are taxed: which taxes apply at a place, and what they come to.

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
class Rounding:
    """How a company rounds taxes, and to how many decimals the currency goes."""

    is_global: bool
    decimals: int = CENT

    def of(self, amount: Decimal) -> Decimal:
        """Half up, away from zero."""
        return rounded(amount, self.decimals)

    def base(self, line: TaxedLine) -> Decimal:
        """What a line's taxes are computed from: rounded first, if rounding is per line."""
        return line.base if self.is_global else self.of(line.base)

    def part(self, amount: Decimal) -> Decimal:
        """One tax of one line."""
        return amount if self.is_global else self.of(amount)


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
class Leaf:
    """A tax that is charged, and the group it is charged in, if it is."""

    tax: int
    group: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What lines come to together: what is booked for each line, and for each tax."""

    bases: tuple[Decimal, ...]
    taxes: Mapping[Leaf, Decimal]

    @property
    def amounts(self) -> Amounts:
        """The document's totals."""
        return Amounts(untaxed=sum(self.bases, ZERO), tax=sum(self.taxes.values(), ZERO))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A fiscal position: where it applies, and which tax takes the place of which."""

    position: int
    country: int | None
    states: tuple[int, ...]
    replaces: Mapping[int, tuple[int, ...]]
    has_taxes: bool


def line_amounts(line: TaxedLine, taxes: Mapping[int, Tax], rounding: Rounding) -> Amounts:
    """A line's amounts, each rounded, as the line alone would be charged."""
    base = rounding.base(line)
    parts = _tax_parts(line, base, taxes)
    return Amounts(untaxed=rounding.of(base), tax=sum((rounding.of(amount) for _, amount in parts), ZERO))


def document(lines: Sequence[TaxedLine], taxes: Mapping[int, Tax], rounding: Rounding) -> Document:
    """The amounts of an order or invoice.

    Rounded globally, the sum of the exact bases is rounded once, and so is the sum of each tax; what that changes is laid on
    the largest parts, cent by cent.
    """
    exact = [rounding.base(line) for line in lines]
    parts = [
        (leaf, rounding.part(tax))
        for line, base in zip(lines, exact, strict=True)
        for leaf, tax in _tax_parts(line, base, taxes)
    ]
    sums = {leaf: ZERO for leaf, _ in parts}
    for tax in dict.fromkeys(leaf.tax for leaf, _ in parts):
        same = [(leaf, amount) for leaf, amount in parts if leaf.tax == tax]
        for (leaf, _), amount in zip(same, _settled([amount for _, amount in same], rounding), strict=True):
            sums[leaf] += amount
    # Odoo leaves the lines as they are where they come to exactly nothing.
    bases = _settled(exact, rounding) if sum(exact, ZERO) else [rounding.of(base) for base in exact]
    return Document(bases=tuple(bases), taxes=sums)


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


def _tax_parts(line: TaxedLine, base: Decimal, taxes: Mapping[int, Tax]) -> list[tuple[Leaf, Decimal]]:
    """What each tax of a line comes to; a tax that is there twice is charged once."""
    leaves: dict[int, Leaf] = {}
    for tax_id in line.taxes:
        for child in taxes[tax_id].children:
            leaves.setdefault(child, Leaf(tax=child, group=tax_id))
        if not taxes[tax_id].children:
            leaves.setdefault(tax_id, Leaf(tax=tax_id, group=None))
    return [(leaf, _amount(taxes[leaf.tax], line, base)) for leaf in leaves.values()]


def _amount(tax: Tax, line: TaxedLine, base: Decimal) -> Decimal:
    if tax.amount_type == "fixed":
        return line.quantity * tax.amount * (-1 if line.unit_price < 0 else 1)
    return base * tax.amount / HUNDRED


def _settled(amounts: Sequence[Decimal], rounding: Rounding) -> list[Decimal]:
    """Each rounded, then corrected so that together they are the rounded sum.

    Odoo lays the cents on the amounts by their share, the largest first, and what is left over once more from the largest on.
    """
    settled = [rounding.of(amount) for amount in amounts]
    step = Decimal(1).scaleb(-rounding.decimals)
    missing = rounding.of(sum(amounts, ZERO)) - sum(settled, ZERO)
    cents = left = int(abs(missing) / step)
    largest_first = sorted(range(len(amounts)), key=lambda index: -abs(amounts[index]))
    whole = sum(map(abs, amounts), ZERO)
    for index in largest_first:
        share = abs(amounts[index]) / whole if whole else Decimal(1) / len(amounts)
        given = min(round(share * cents), left)
        left -= given
        settled[index] += step.copy_sign(missing) * given
    for index in largest_first[:left]:
        settled[index] += step.copy_sign(missing)
    return settled
