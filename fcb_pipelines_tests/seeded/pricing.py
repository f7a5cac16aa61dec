"""What a host asks for a flat price, worked out by days in a way of its own, so that nothing is proved by itself."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.proration import Proration

Amount = Decimal | Fraction


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days `[first, last)` at one price and quantity."""

    first: date
    last: date
    price: Fraction
    quantity: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Bill:
    """A flat price of one range while a host works it out."""

    first: date
    last: date
    months: int
    zone: ZoneInfo
    stretches: tuple[Stretch, ...]
    parts: int = 1
    discounts: tuple[tuple[str, Fraction], ...] = ()
    """Percentages and amounts off, and factors, in the order in which they apply."""

    def without(self, first: date, last: date) -> "Bill":
        """Not asked for in `[first, last)`."""
        kept = []
        for one in self.stretches:
            kept += [replace(one, last=min(one.last, first))] if one.first < first else []
            kept += [replace(one, first=max(one.first, last))] if one.last > last else []
        return replace(self, stretches=tuple(kept))

    def from_day(self, day: date, *, price: Amount | None = None, quantity: Amount | None = None) -> "Bill":
        """Another price or quantity from a day on."""
        found = []
        for one in self.stretches:
            changed = replace(
                one,
                first=max(one.first, day),
                price=one.price if price is None else Fraction(price),
                quantity=one.quantity if quantity is None else Fraction(quantity),
            )
            found += [replace(one, last=min(one.last, day))] if one.first < day else []
            found += [changed] if changed.first < changed.last else []
        return replace(self, stretches=tuple(found))

    def exact(self, convention: Proration) -> Fraction:
        """The amount before it is rounded."""
        paid = self.stretches[:1] if convention is Proration.NONE else self.stretches
        amount = sum((self._share(one, convention) * one.price * one.quantity for one in paid), Fraction(0)) / self.parts
        for kind, value in self.discounts:
            if kind == "amount":
                amount = max(amount - value, Fraction(0))
            else:
                amount *= value if kind == "factor" else 1 - value / 100
        return amount

    def less(self, kind: str, value: Amount) -> "Bill":
        """With one more percentage, amount or factor."""
        return replace(self, discounts=(*self.discounts, (kind, Fraction(value))))

    def _share(self, one: Stretch, convention: Proration) -> Fraction:
        days = (one.last - one.first).days
        if convention is Proration.NONE or (one.first, one.last) == (self.first, self.last):
            return Fraction(1)
        if convention is Proration.SECONDS:
            return Fraction(self._hours(one.first, one.last), self._hours(self.first, self.last))
        if convention is Proration.FIXED_30_DAYS:
            return min(Fraction(1), Fraction(days, 30 * self.months))
        if convention is Proration.CALENDAR_DAYS_INCLUSIVE and one.last < self.last:
            days += 1
        return Fraction(days, (self.last - self.first).days)

    def _hours(self, first: date, last: date) -> int:
        start, end = (datetime.combine(day, time(), tzinfo=self.zone).astimezone(UTC) for day in (first, last))
        return int((end - start).total_seconds()) // 3600


def cents_even(exact: Amount) -> Decimal:
    """Rounded, with halves to the even cent."""
    return Decimal(round(Fraction(exact) * 100)) / 100


def cents(exact: Amount) -> Decimal:
    """Rounded half up, the way of schools: twice the cents, plus one, halved."""
    scaled = Fraction(exact) * 100
    whole = (abs(scaled.numerator) * 2 + scaled.denominator) // (scaled.denominator * 2)
    return Decimal(-whole if scaled < 0 else whole) / 100
