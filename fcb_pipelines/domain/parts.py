"""Parts: a range that changed within, billed line by line: "Unused time" of the old terms, "Remaining time" of the new ones.

Owns: which lines are such parts, whether they are what records predict line by line. Does not own: what changes a price
(causes), the parts of a price (pricing), verdicts (explaining).

A change is billed as a pair: what was paid for the old terms and not used is given back, what is left of the range is asked
at the new ones, each with its range and each rounded by itself. A sum that fits while a line is missing, or a cent went from
one to the other, is no such bill. One line alone for all that changed is a sum, and is held against the sum.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.case import Case
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.money import Money, rounded, total
from fcb_pipelines.domain.pricing import Flat
from fcb_pipelines.domain.steps import priced

_BESIDE = frozenset({LineKind.DISCOUNT, LineKind.CREDIT})
"""Lines by which a discount is taken off apart, so that the others are at the prices before it."""
_PAIR = 2


def is_in_parts(lines: Sequence[ActualLine]) -> bool:
    """Whether lines bill the changes of a range one by one: several of them are parts of it."""
    return len(_parts(lines)) >= _PAIR


def as_billed(cases: Sequence[Case], lines: Sequence[ActualLine]) -> Sequence[Case] | None:
    """The cases of a group as their lines bill them, rounded line by line; None where the lines are not what they predict.

    Where nothing is billed line by line they are as they were. What was billed at first is the rest of the sum.
    """
    billed = _parts(lines)
    if len(billed) < _PAIR:
        return cases
    currency, is_apart = lines[0].net.currency, any(line.kind in _BESIDE for line in lines)
    predicted = [_predicted(case, currency, is_apart=is_apart) for case in cases]
    asked = Counter(line for each in predicted if each is not None for line in each[1:] if line.net)
    found = Counter(_Line(*_days(line.service_from, line.service_to, cases[0].zone), line.net) for line in billed if line.net)
    if None in predicted or asked != found:
        return None
    if is_apart:
        return cases
    return [_summed(case, each or [], currency) for case, each in zip(cases, predicted, strict=True)]


def are_as_rated(lines: Sequence[ActualLine], cases: Callable[[], Sequence[Case]]) -> bool:
    """Whether lines for parts of a range are those that our own rating predicts one by one; other lines always are."""
    if not is_in_parts(lines):
        return True
    own = [case.as_rated for case in cases()]
    return bool(own) and as_billed(own, lines) is not None


def _parts(lines: Sequence[ActualLine]) -> list[ActualLine]:
    return [line for line in lines if line.kind is LineKind.PRORATION and line.service_from is not None]


class _Line(NamedTuple):
    """A line by its days and its amount."""

    first: date
    end: date
    net: Money


def _predicted(case: Case, currency: str, *, is_apart: bool) -> list[_Line] | None:
    """The lines that bill a case, the whole range first; None where something is taken off all of it at once."""
    pricing = priced(case)
    if not isinstance(pricing, Flat):
        return [_Line(*_days(case.service_from, case.service_to, case.zone), rounded(pricing.exact, currency, case.rounding))]
    if is_apart and isinstance(case.pricing, Flat):
        pricing = replace(pricing, discounts=case.pricing.discounts)
    if any(discount.amount is not None for discount in pricing.discounts):
        return None
    return [
        _Line(*_days(part.service_from, part.service_to, case.zone), rounded(part.exact, currency, case.rounding))
        for part in pricing.lines()
    ]


def _days(start: datetime | None, end: datetime | None, zone: ZoneInfo) -> tuple[date, date]:
    if start is None or end is None:
        raise AssertionError("a part has its range")
    return start.astimezone(zone).date(), end.astimezone(zone).date()


def _summed(case: Case, lines: Sequence[_Line], currency: str) -> Case:
    return replace(case, by_line=total((line.net for line in lines), currency))
