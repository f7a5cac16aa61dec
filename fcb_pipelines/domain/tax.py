"""Tax: which taxes a place asks on a day, and how much they are on given net amounts.

Owns: the dated rates, the two rounding conventions, the outcome "undecided". Does not own: the reviewed figures (fcb.toml),
which customer is exempt, the day that counts (a credit note uses that of its original).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import combinations

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import ZERO, Money, Rounding, rounded, total

_PLACE = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_HUNDRED = Decimal(100)


class TaxRounding(StrEnum):
    """Where the tax of an invoice is rounded: on each line, or once on their sum. It makes cents of difference."""

    LINE = "line"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """One component of the tax of a place, valid on the days `[valid_from, valid_to)`."""

    place: str
    """ISO 3166-2, such as `CA-ON`."""
    component: str
    """Its name on invoices: GST, HST, QST."""
    percent: Decimal
    """Above 0: a zero rate is an exemption, which needs a reason, and never a row of this table."""
    valid_from: date
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if not _PLACE.fullmatch(self.place):
            raise InvalidInput(f"{self}: the place must be a code such as CA-ON")
        if not self.component.strip():
            raise InvalidInput(f"{self}: the component has no name")
        if not _is_percent(self.percent):
            raise InvalidInput(f"{self}: percent must be an exact decimal above 0 and at most 100")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise InvalidInput(f"{self}: valid_to must be later than valid_from")

    def __str__(self) -> str:
        return f"tax {self.component} of {self.place} from {self.valid_from} to {self.valid_to or 'now on'}"

    def is_valid(self, on: date) -> bool:
        """Whether the rate holds on a day."""
        return self.valid_from <= on and not self.has_ended(on)

    def has_ended(self, on: date) -> bool:
        """Whether the rate held before a day and no longer does."""
        return self.valid_to is not None and self.valid_to <= on


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTable:
    """The reviewed rates; no component of a place has two of them on one day."""

    rates: tuple[TaxRate, ...]

    def __post_init__(self) -> None:
        for one, other in combinations(self.rates, 2):
            if (one.place, one.component) == (other.place, other.component) and _overlap(one, other):
                raise InvalidInput(f"{one} overlaps with {other}: end one before the other starts")

    def of(self, place: str) -> tuple[TaxRate, ...]:
        """The rates of a place on any day."""
        return tuple(rate for rate in self.rates if rate.place == place)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxComponent:
    """What one component asks."""

    component: str
    percent: Decimal
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxed:
    """The tax by component, sorted by name, each rounded by itself. Never empty."""

    components: tuple[TaxComponent, ...]

    @property
    def tax(self) -> Money:
        """All components together."""
        return total((part.amount for part in self.components), self.components[0].amount.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxUndecided:
    """No tax can be told, which is not a tax of 0; the reason is for the operator and names what is missing."""

    reason: str


def place_of_supply(country: str | None, state: str | None) -> str | None:
    """The place code of an address, such as `CA-ON`; None where either half is missing or is no code."""
    place = f"{(country or '').strip()}-{(state or '').strip()}".upper()
    return place if _PLACE.fullmatch(place) else None


def tax_on(
    nets: Sequence[Money],
    place: str | None,
    on: date,
    table: TaxTable,
    rounding: TaxRounding,
    *,
    mode: Rounding = Rounding.HALF_UP,
) -> Taxed | TaxUndecided:
    """The tax of an invoice from the net amounts of its lines, or why it is undecided.

    Under `line` each component is rounded on each line and then summed, under `total` it is rounded once on the sum; `mode`
    says how. Raises `InvalidInput` for no lines at all and for lines of several currencies.
    """
    if not nets:
        raise InvalidInput("there is no net amount to tax")
    whole = total(nets, nets[0].currency)
    due = rates_due(place, on, table)
    if isinstance(due, TaxUndecided):
        return due
    bases = nets if rounding is TaxRounding.LINE else (whole,)
    return Taxed(components=tuple(_component(rate, bases, mode) for rate in due))


def line_taxes(
    nets: Iterable[Money], place: str | None, on: date, table: TaxTable, *, mode: Rounding = Rounding.HALF_UP
) -> tuple[Taxed, ...] | TaxUndecided:
    """The tax of each line by itself, in order, as the convention `line` states it; summed they are `tax_on` under `line`."""
    due = rates_due(place, on, table)
    if isinstance(due, TaxUndecided):
        return due
    return tuple(Taxed(components=tuple(_component(rate, (net,), mode) for rate in due)) for net in nets)


def component_tax(net: Money, percent: Decimal, mode: Rounding = Rounding.HALF_UP) -> Money:
    """What one component asks on a net amount, rounded once."""
    return rounded(Fraction(net.amount) * Fraction(percent) / 100, net.currency, mode)


def rates_due(place: str | None, on: date, table: TaxTable) -> tuple[TaxRate, ...] | TaxUndecided:
    """The rates of a place on a day, sorted by component; undecided unless every component listed there is told for that day.

    A component whose rates have all ended is told: it is no longer asked. One that only starts later, or has a gap on that day,
    is not: taxing by the others alone would silently charge too little.
    """
    if place is None:
        return TaxUndecided(reason="the place of supply is unknown: the customer has no country or province")
    listed = table.of(place)
    if not listed:
        return TaxUndecided(reason=f"no tax rates are listed for {place}: add every tax of that place to fcb.toml")
    due = tuple(sorted((rate for rate in listed if rate.is_valid(on)), key=lambda rate: rate.component))
    untold = {rate.component for rate in listed if not rate.has_ended(on)} - {rate.component for rate in due}
    if untold or not due:
        missing = ", ".join(sorted(untold)) or "any tax"
        return TaxUndecided(reason=f"no rate of {missing} is listed for {place} on {on}: add it to fcb.toml")
    return due


def _component(rate: TaxRate, bases: Sequence[Money], mode: Rounding) -> TaxComponent:
    taxes = (component_tax(base, rate.percent, mode) for base in bases)
    return TaxComponent(component=rate.component, percent=rate.percent, amount=total(taxes, bases[0].currency))


def _is_percent(value: Decimal) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and ZERO < value <= _HUNDRED


def _overlap(one: TaxRate, other: TaxRate) -> bool:
    first, second = sorted((one, other), key=lambda rate: rate.valid_from)
    return first.valid_to is None or first.valid_to > second.valid_from
