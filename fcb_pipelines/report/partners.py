"""The table per customer: what the source billed, what Odoo bills next, and why the two differ.

Owns: the comparison, whose parts sum to its difference. Does not own: what falls due next (acts/report).

The last source bill of a customer is what was billed for the month; the next bill from Odoo is what our model bills between the
end of that month and the end of the next: the next month's flat prices, and the month's own usage. What is expected of the
month stands between the two.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from fcb_pipelines.acts.report import Base
from fcb_pipelines.domain.money import ZERO, Money, total
from fcb_pipelines.domain.rows import Instance, Row
from fcb_pipelines.report.figures import actual_of, expected_of
from fcb_pipelines.report.stakes import cause

NEXT_MONTH = "other flat prices fall due in the next month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Why the next bill is so much more, or less, than the last."""

    cause: str
    """As `report.stakes.cause` names it, or `NEXT_MONTH`."""
    change: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerLine:
    """A customer in one currency."""

    partner: str
    name: str
    last: Money
    next: Money
    next_due: date
    unknown: int
    """Charges of the next bill whose price cannot be told; they are in no sum."""
    parts: tuple[Part, ...]

    @property
    def difference(self) -> Money:
        """The next bill − the last one."""
        return self.next - self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Bills:
    """All customers of one currency."""

    last: Money
    next: Money

    @property
    def difference(self) -> Money:
        """The next bills − the last ones."""
        return self.next - self.last


def bills(lines: Iterable[PartnerLine], currency: str) -> Bills:
    """The sums of the table in one currency."""
    found = [one for one in lines if one.last.currency == currency]
    return Bills(last=total((one.last for one in found), currency), next=total((one.next for one in found), currency))


def partners(base: Base) -> tuple[PartnerLine, ...]:
    """Each customer that was billed or will be, by currency, the largest difference first."""
    rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in base.rows:
        rows[row.external_user_id, row.currency].append(row)
    places = dict.fromkeys([*rows, *base.next_flat])
    found = [_line(base, place, rows.get(place, ())) for place in places]
    shown = [one for one in found if one.last or one.next or one.parts or one.unknown]
    own = base.service.currency
    return tuple(sorted(shown, key=lambda one: (one.last.currency != own, one.last.currency, *_largest(one))))


def _largest(one: PartnerLine) -> tuple[object, ...]:
    return -abs(one.difference).amount, one.partner


def _line(base: Base, place: tuple[str, str], rows: Sequence[Row]) -> PartnerLine:
    partner, currency = place
    instances = [one for row in rows for one in row.instances]
    late = [one for one in instances if one.due_at is not None and one.due_at >= base.period.end]
    ahead = base.next_flat.get(place)
    coming = ahead.amount if ahead is not None else Money(ZERO, currency)
    first = ahead.first_due if ahead is not None else None
    following = base.period.end.astimezone(base.service.zone).date()
    return PartnerLine(
        partner=partner,
        name=base.partners.get(partner, ""),
        last=actual_of(instances, currency),
        next=coming + expected_of(late, currency),
        next_due=first if first is not None and not expected_of(late, currency) else following,
        unknown=(ahead.unknown if ahead is not None else 0) + sum(one.is_due and one.expected is None for one in late),
        parts=tuple(_parts(instances, coming - _flat(instances, late, currency), currency)),
    )


def _flat(instances: Iterable[Instance], late: Sequence[Instance], currency: str) -> Money:
    return expected_of(instances, currency) - expected_of(late, currency)


def _parts(instances: Iterable[Instance], step: Money, currency: str) -> Iterable[Part]:
    found: dict[str, list[Money]] = defaultdict(list)
    for one in instances:
        if one.difference:
            found[cause(one)].append(one.difference)
    summed = {name: total(changes, currency) for name, changes in found.items()}
    for name in sorted(summed, key=lambda name: (-abs(summed[name]).amount, name)):
        if summed[name]:
            yield Part(cause=name, change=summed[name])
    if step:
        yield Part(cause=NEXT_MONTH, change=step)
