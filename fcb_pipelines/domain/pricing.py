"""Pricing: what one charge instance is priced from, as a record that causes and adopted terms change step by step.

Owns: the spans that a flat price pays for, discounts, instalments, and the exact amount that follows. Does not own: which
records change a pricing (causes), charge models (rating), the shares of a range (proration), rounding (money).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.money import ZERO, Rounding, exact_text, round_to
from fcb_pipelines.domain.plans import CPU_SECONDS
from fcb_pipelines.domain.proration import NOTHING, Proration, share
from fcb_pipelines.domain.rating import Charge, Package, Standard, rate

WHOLE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch `[service_from, service_to)` that is paid for at one price, by one quantity."""

    service_from: datetime
    service_to: datetime
    price: Decimal
    """Of one whole range and one unit."""
    quantity: Decimal = Decimal(1)

    def at(self, price: Decimal | None, quantity: Decimal | None) -> "Span":
        """The same at another price or quantity; None leaves it as it is."""
        return replace(
            self,
            price=self.price if price is None else price,
            quantity=self.quantity if quantity is None else quantity,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """What is taken off: a percentage, 0 to 100, or a fixed amount that never takes more than there is.

    What makes an amount another one without taking off is one too, as it has its place in the same order: a factor, such as
    an exchange rate or the net part of a gross price, and a rounding to so many decimals.
    """

    percent: Decimal | None = None
    amount: Decimal | None = None
    factor: Fraction | None = None
    rounded: tuple[int, Rounding] | None = None

    def off(self, exact: Fraction) -> Fraction:
        """The amount that is left."""
        if self.percent is not None:
            return exact * (100 - Fraction(self.percent)) / 100
        if self.factor is not None:
            return exact * self.factor
        if self.rounded is not None:
            return Fraction(round_to(exact, *self.rounded))
        return exact - min(max(exact, NOTHING), Fraction(self.amount or 0))


class Part(NamedTuple):
    """What one line bills: a stretch `[service_from, service_to)` and its exact amount, below 0 where it gives back."""

    service_from: datetime
    service_to: datetime
    exact: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """A flat price: spans within the whole range `[service_from, service_to)` of its interval, in order, without overlap."""

    service_from: datetime
    service_to: datetime
    zone: ZoneInfo
    convention: Proration
    spans: tuple[Span, ...]
    instalments: int = 1
    """How many equal parts the price is billed in; one of them is due."""
    discounts: tuple[Discount, ...] = ()
    rest: tuple[int, Rounding] | None = None
    """Where it is the last of its instalments, and that takes what rounding left: to so many decimals, and how."""

    @property
    def is_cut(self) -> bool:
        """Whether the convention decides anything: the whole range at one price costs the same under each."""
        return [(span.service_from, span.service_to) for span in self.spans] != [(self.service_from, self.service_to)]

    @property
    def exact(self) -> Fraction:
        """The amount before its one rounding."""
        return _discounted(sum(map(self.part, self._paid), NOTHING), self.discounts)

    @property
    def due(self) -> Fraction:
        """The amount to bill: the exact one or, of a last instalment that takes the rest, what the others left of the price."""
        if self.rest is None or self.is_cut:
            return self.exact
        return Fraction(last_instalment(self.exact, self.instalments, *self.rest))

    @property
    def recurring(self) -> Fraction:
        """What a whole range costs, at the price it begins with."""
        first = next(iter(self.spans), None)
        whole = NOTHING if first is None else Fraction(first.price) * Fraction(first.quantity) / self.instalments
        return _discounted(whole, self.discounts)

    @property
    def _paid(self) -> tuple[Span, ...]:
        """Without proration the first span costs as much as the whole range, and what follows in it nothing."""
        return self.spans[:1] if self.convention is Proration.NONE else self.spans

    def part(self, span: Span) -> Fraction:
        """What a span costs before discounts."""
        return self.share(span) * Fraction(span.price) * Fraction(span.quantity) / self.instalments

    def share(self, span: Span) -> Fraction:
        """Which part of the whole range a span is, by the convention."""
        return share(
            self.convention,
            service_from=self.service_from,
            service_to=self.service_to,
            started_at=span.service_from,
            ended_at=span.service_to,
            zone=self.zone,
        )

    def without(self, start: datetime, end: datetime | None) -> "Flat":
        """The same, not paid for in `[start, end)`; without an end, from then on."""
        return replace(self, spans=tuple(_outside(self.spans, start, end or self.service_to)))

    def changed_at(self, moment: datetime, *, price: Decimal | None = None, quantity: Decimal | None = None) -> "Flat":
        """The same with another price or quantity from a moment on."""
        cut = _outside(self.spans, moment, moment)
        return replace(self, spans=tuple(each if each.service_from < moment else each.at(price, quantity) for each in cut))

    def priced(self, *, price: Decimal | None = None, quantity: Decimal | None = None) -> "Flat":
        """The same with another price or quantity throughout."""
        return replace(self, spans=tuple(each.at(price, quantity) for each in self.spans))

    def in_parts(self, parts: int) -> "Flat":
        """The same, billed in so many equal parts more."""
        return replace(self, instalments=self.instalments * parts)

    @property
    def portion(self) -> str:
        """Which part of the range is paid for, in words: `17 of 31 days`."""
        if self.convention is Proration.SECONDS:
            hours = sum(((span.service_to - span.service_from) for span in self.spans), timedelta())
            return f"{_hours(hours)} of {_hours(self.service_to - self.service_from)} hours"
        whole = _days(self.service_from, self.service_to, self.zone)
        part = sum((self.share(span) for span in self.spans), NOTHING)
        months = round(whole / 30) if self.convention is Proration.FIXED_30_DAYS else 0
        return f"{exact_text(part * (30 * months or whole))} of {30 * months or whole} days"

    def lines(self) -> tuple["Part", ...]:
        """As it stands on an invoice that has a line for each change, with the discounts taken off each.

        First the range as it began, to its end; then, wherever it changed, what was not used is given back for what is left of
        the range, and what stands in its place is asked. Together they are the exact amount.
        """
        return tuple(part for span in self._stretches() for part in self._billed(span))

    def _stretches(self) -> Iterator[Span]:
        """The spans, with those as one that follow one another at the same price and cost as much together."""
        last: Span | None = None
        for span in self._paid:
            if last is not None and self._are_one(last, span):
                last = replace(last, service_to=span.service_to)
                continue
            if last is not None:
                yield last
            last = span
        if last is not None:
            yield last

    def _are_one(self, one: Span, next_one: Span) -> bool:
        joined = replace(one, service_to=next_one.service_to)
        follows = (one.service_to, one.price, one.quantity) == (next_one.service_from, next_one.price, next_one.quantity)
        return follows and self.part(joined) == self.part(one) + self.part(next_one)

    def _billed(self, span: Span) -> Iterator["Part"]:
        whole = self.part(replace(span, service_to=self.service_to))
        yield Part(span.service_from, self.service_to, _discounted(whole, self.discounts))
        if span.service_to < self.service_to and self.convention is not Proration.NONE:
            unused = self.part(span) - whole
            yield Part(span.service_to, self.service_to, _discounted(unused, self.discounts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much of a charge's included quantity counts in a month."""

    share: Fraction = WHOLE
    """Of its time, where the subscription lived in a part of it."""
    used_before: Fraction = NOTHING
    """In the other months of its time, as far as they were billed before."""
    months: tuple[str, ...] = ()
    """The months that it is shared by; empty where it is that of one month alone."""

    def left(self, included: Decimal) -> Fraction:
        """What is left of an included quantity."""
        return max(NOTHING, Fraction(included) * self.share - self.used_before)


OF_ITS_MONTH = Quota()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A quantity under a charge; `share` is that of the range for which a usage charge is asked in part."""

    charge: Charge
    quantity: Fraction
    share: Fraction = WHOLE
    discounts: tuple[Discount, ...] = ()
    quota: Quota = OF_ITS_MONTH
    metric: str = CPU_SECONDS

    @property
    def included(self) -> Fraction:
        """The units of this month that cost nothing."""
        charge = self.charge
        return self.quota.left(charge.included_quantity) if isinstance(charge, Standard | Package) else NOTHING

    @property
    def exact(self) -> Fraction:
        """The amount before its one rounding."""
        return _discounted(self._rated * self.share, self.discounts)

    @property
    def due(self) -> Fraction:
        """The amount to bill."""
        return self.exact

    @property
    def _rated(self) -> Fraction:
        charge = self.charge
        if self.quota == OF_ITS_MONTH or not isinstance(charge, Standard | Package):
            return rate(charge, self.quantity).exact
        # A part of a quota need not be a decimal, as numbers of a charge are, so what is left of it is taken off before.
        return rate(replace(charge, included_quantity=ZERO), max(NOTHING, self.quantity - self.included)).exact


Pricing = Flat | Metered


def last_instalment(exact: Fraction, parts: int, decimals: int, rounding: Rounding) -> Decimal:
    """What the others, each rounded by itself, leave of a price for the last of its parts; `exact` is that of one part."""
    return round_to(exact * parts, decimals, rounding) - round_to(exact, decimals, rounding) * (parts - 1)


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> int:
    return (end.astimezone(zone).date() - start.astimezone(zone).date()).days


def _hours(length: timedelta) -> str:
    return exact_text(Fraction(length // timedelta(microseconds=1), 3_600_000_000))


def _discounted(exact: Fraction, discounts: Iterable[Discount]) -> Fraction:
    for discount in discounts:
        exact = discount.off(exact)
    return exact


def _outside(spans: Iterable[Span], start: datetime, end: datetime) -> Iterable[Span]:
    for span in spans:
        if span.service_from < start:
            yield replace(span, service_to=min(span.service_to, start))
        if span.service_to > end:
            yield replace(span, service_from=max(span.service_from, end))
