"""Suggesting: arithmetic that fits a difference and that no record supports, each with its chance of coincidence.

Owns: the few families of arithmetic that are tried, and the chance that one of them fits a random amount. Never counted, and
never a reason: it tells a person which record to look for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.money import Money, minor_units, plain, rounded
from fcb_pipelines.domain.pricing import Flat
from fcb_pipelines.domain.rows import Suggestion
from fcb_pipelines.domain.steps import priced

MOST = 3
"""Suggestions that are shown; the least likely to be a coincidence first."""


@dataclass(frozen=True, slots=True)
class _Family:
    """One kind of arithmetic: what its numbers make of a price."""

    words: Callable[[int], str]
    factors: Sequence[tuple[int, Fraction]]


def suggestions(case: Case, billed: Money) -> tuple[Suggestion, ...]:
    """What would make the price of a case the amount that was billed: days, percentages, parts, hours."""
    pricing = priced(case)
    if not isinstance(pricing, Flat) or not pricing.recurring or billed.amount <= 0:
        return ()
    found = sorted(_fitting(pricing, billed), key=lambda each: (Decimal(each.chance), each.words))
    return tuple(found[:MOST])


def _fitting(pricing: Flat, billed: Money) -> Iterator[Suggestion]:
    whole = pricing.recurring
    for family, amounts in _amounts(whole, _days(pricing, pricing.zone), billed.currency):
        if billed in amounts:
            chance = _chance(len(amounts), whole, billed)
            yield Suggestion(words=family.words(amounts[billed]), amount=billed, chance=chance)


@lru_cache(maxsize=1024)
def _amounts(whole: Fraction, days: int, currency: str) -> tuple[tuple[_Family, Mapping[Money, int]], ...]:
    """What each family makes of a price, with the least number that does; many rows have the same price."""
    return tuple(
        (family, {rounded(whole * factor, currency): number for number, factor in reversed(family.factors)})
        for family in _families(days)
    )


def _families(days: int) -> Iterator[_Family]:
    yield _Family(lambda n: f"{n} of {days} days", [(n, Fraction(n, days)) for n in range(1, days)])
    yield _Family(lambda n: f"{n} of 30 days", [(n, Fraction(n, 30)) for n in range(1, 30)])
    yield _Family(lambda n: f"{n} % off", [(n, Fraction(100 - n, 100)) for n in range(1, 100)])
    yield _Family(lambda n: f"÷ {n}", [(n, Fraction(1, n)) for n in (2, 3, 4, 6, 12)])
    yield _Family(lambda n: f"× {n}", [(n, Fraction(n)) for n in range(2, 13)])
    yield _Family(lambda n: f"{n} of {24 * days} hours", [(n, Fraction(n, 24 * days)) for n in range(1, 24 * days)])


def _chance(amounts: int, whole: Fraction, billed: Money) -> str:
    """The share of all amounts up to the price, or up to the one billed, that such arithmetic can make."""
    top = max(rounded(whole, billed.currency).amount, billed.amount)
    steps = int(top.scaleb(minor_units(billed.currency)))
    share = min(Fraction(1), Fraction(amounts, max(steps, 1)))
    return plain(Decimal(int(share * 10_000 + Fraction(1, 2))).scaleb(-4))


def _days(pricing: Flat, zone: ZoneInfo) -> int:
    return (pricing.service_to.astimezone(zone).date() - pricing.service_from.astimezone(zone).date()).days
