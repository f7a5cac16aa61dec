"""Rating: how a quantity becomes money under one charge.

Owns: the four charge models, their bounds, the priced lines of a quantity. Does not own: which quantity is due (usage), how a
charge is written down in JSON (acts/quote), tax. Nothing here is rounded but by `Rated.amount`, once, from the exact sum.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from math import ceil

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import ZERO, Money, plain, rounded

ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """One part of what a quantity costs; `amount` is always `quantity` × `unit_price`, exactly."""

    key: str
    """Names the part within its charge, the same at every rating: `units`, `tier-2`, `tier-2-flat`, `minimum`."""
    quantity: Fraction
    unit_price: Fraction

    @property
    def amount(self) -> Fraction:
        """What this part costs; below zero only for the line that a maximum takes off."""
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What a quantity costs: the lines, and their exact sum."""

    lines: tuple[PricedLine, ...]

    @property
    def exact(self) -> Fraction:
        """The amount before its one rounding."""
        return _sum_of(self.lines)

    def amount(self, currency: str) -> Money:
        """The amount to bill, rounded once to the currency's minor unit; raises `InvalidInput` for an unknown currency."""
        return rounded(self.exact, currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(ABC):
    """The price of one metric. Every number of a charge is an exact decimal that is not negative."""

    minimum_amount: Decimal | None = None
    """The least that is charged, also for quantity 0."""
    maximum_amount: Decimal | None = None
    """The most that is charged, flat amounts included."""

    def __post_init__(self) -> None:
        _check_numbers(self)
        low, high = self.minimum_amount, self.maximum_amount
        if low is not None and high is not None and low > high:
            raise InvalidInput(f"minimum_amount {plain(low)} is above maximum_amount {plain(high)}")
        self._check()

    @abstractmethod
    def _check(self) -> None:
        """Raise `InvalidInput` where the numbers do not make a price."""

    @abstractmethod
    def lines(self, quantity: Fraction) -> Iterator[PricedLine]:
        """The parts of a quantity that is not negative, before minimum and maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard(Charge):
    """A quota and a price for what is used above it."""

    unit_price: Decimal
    """Price of one unit batch."""
    included_quantity: Decimal = ZERO
    unit_batch: Decimal = ONE
    """Units that one unit price pays for; it scales the price, a part of a batch is not rounded up to a whole one."""

    def _check(self) -> None:
        _require_positive("unit_batch", self.unit_batch)

    def lines(self, quantity: Fraction) -> Iterator[PricedLine]:
        """One line: the overage in unit batches (core-hours for cpu-seconds), as Odoo will show it."""
        batches = _above(quantity, self.included_quantity) / Fraction(self.unit_batch)
        yield PricedLine(key="units", quantity=batches, unit_price=Fraction(self.unit_price))


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Charge):
    """A price per package of units, the last one charged in full however few units are taken from it."""

    package_size: Decimal
    package_price: Decimal
    included_quantity: Decimal = ZERO
    """Units before the first package is opened."""

    def _check(self) -> None:
        _require_positive("package_size", self.package_size)

    def lines(self, quantity: Fraction) -> Iterator[PricedLine]:
        """One line: the packages opened."""
        packages = ceil(_above(quantity, self.included_quantity) / Fraction(self.package_size))
        yield PricedLine(key="packages", quantity=Fraction(packages), unit_price=Fraction(self.package_price))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A stretch of quantities with a price of its own, from above the tier before it up to and including `up_to`."""

    up_to: Decimal | None
    """None for the last tier, which has no end."""
    unit_price: Decimal = ZERO
    flat_amount: Decimal = ZERO
    """Charged in full as soon as the tier is entered."""

    def __post_init__(self) -> None:
        _check_numbers(self)

    def reaches(self, quantity: Fraction) -> bool:
        """Whether a quantity goes no further than this tier."""
        return self.up_to is None or quantity <= Fraction(self.up_to)

    def lines(self, number: int, quantity: Fraction) -> Iterator[PricedLine]:
        """The units that fall into this tier and, if it has one, its flat amount."""
        yield PricedLine(key=f"tier-{number}", quantity=quantity, unit_price=Fraction(self.unit_price))
        if self.flat_amount:
            yield PricedLine(key=f"tier-{number}-flat", quantity=Fraction(1), unit_price=Fraction(self.flat_amount))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiered(Charge):
    """What graduated and volume prices share: tiers in ascending order, only the last without an end."""

    tiers: tuple[Tier, ...]

    def _check(self) -> None:
        if not self.tiers:
            raise InvalidInput("tiers is empty: give at least one, the last with up_to null")
        *bounded, last = (tier.up_to for tier in self.tiers)
        if last is not None:
            raise InvalidInput(f"the last tier must have up_to null, has {plain(last)}: above it there would be no price")
        _require_ascending(bounded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graduated(Tiered):
    """Each unit costs what its own tier says; the first tier is entered at quantity 0, the next above the bound before it."""

    def lines(self, quantity: Fraction) -> Iterator[PricedLine]:
        """The lines of every tier entered, in order."""
        start = Fraction(0)
        for number, tier in enumerate(self.tiers, 1):
            if tier.up_to is None or tier.reaches(quantity):
                yield from tier.lines(number, quantity - start)
                return
            yield from tier.lines(number, Fraction(tier.up_to) - start)
            start = Fraction(tier.up_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume(Tiered):
    """All units cost what the tier of the whole quantity says, so that one unit more may cost less in all."""

    def lines(self, quantity: Fraction) -> Iterator[PricedLine]:
        """The lines of the one tier that holds the quantity."""
        number, tier = next((number, tier) for number, tier in enumerate(self.tiers, 1) if tier.reaches(quantity))
        yield from tier.lines(number, quantity)


def rate(charge: Charge, quantity: Decimal | Fraction) -> Rated:
    """Price a quantity, exactly; a minimum or maximum that bites is a line of its own.

    `quantity` is in units of the metric, finite and not negative; raises `InvalidInput` otherwise, and for a float.
    """
    if not isinstance(quantity, Decimal | Fraction) or (isinstance(quantity, Decimal) and not quantity.is_finite()):
        raise InvalidInput(f"quantity {quantity!r} is not an exact number: use a decimal, never a float")
    if quantity < 0:
        raise InvalidInput("quantity is negative: usage can only be 0 or more")
    lines = tuple(charge.lines(Fraction(quantity)))
    return Rated(lines=(*lines, *_limit_lines(charge, _sum_of(lines))))


def _limit_lines(charge: Charge, exact: Fraction) -> Iterator[PricedLine]:
    low, high = charge.minimum_amount, charge.maximum_amount
    if low is not None and exact < low:
        yield PricedLine(key="minimum", quantity=Fraction(1), unit_price=Fraction(low) - exact)
    if high is not None and exact > high:
        yield PricedLine(key="maximum", quantity=Fraction(1), unit_price=Fraction(high) - exact)


def _sum_of(lines: tuple[PricedLine, ...]) -> Fraction:
    return sum((line.amount for line in lines), Fraction(0))


def _above(quantity: Fraction, included: Decimal) -> Fraction:
    return max(Fraction(0), quantity - Fraction(included))


def _check_numbers(record: Charge | Tier) -> None:
    for field in fields(record):
        value = getattr(record, field.name)
        if value is None or field.name == "tiers":
            continue
        if not isinstance(value, Decimal) or not value.is_finite():
            raise InvalidInput(f"{field.name} {value!r} is not an exact number: use a decimal, never a float")
        if value < ZERO:
            raise InvalidInput(f"{field.name} must not be negative, is {plain(value)}")


def _require_positive(name: str, value: Decimal) -> None:
    if value <= ZERO:
        raise InvalidInput(f"{name} must be above 0, is {plain(value)}")


def _require_ascending(bounds: list[Decimal | None]) -> None:
    before: Decimal | None = None
    for number, bound in enumerate(bounds, 1):
        if bound is None:
            raise InvalidInput(f"tier {number} has up_to null but is not the last one")
        if before is not None and bound <= before:
            raise InvalidInput(f"tiers must ascend: tier {number} ends at {plain(bound)}, the one before at {plain(before)}")
        before = bound
