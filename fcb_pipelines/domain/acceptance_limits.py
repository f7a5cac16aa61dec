"""What needs a second person: the sum that one person accepted of one customer within 30 days.

Owns: how amounts are counted. Does not own: the limits themselves (fcb.toml).

Everything that the person signed within the window counts, approved or not and whether it holds right now or not, because it
may hold again; only what was withdrawn does not. So many small decisions come to what one large one would, in whatever order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from fcb_pipelines.domain.acceptances import Acceptance, Kind, person
from fcb_pipelines.domain.money import Money, total

WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverLimit:
    """A customer of whom somebody would have accepted more than one person may."""

    external_user_id: str
    total: Money
    limit: Money | None
    """None where the currency has no limit, so that everything needs a second person."""

    def __str__(self) -> str:
        bound = f"above the limit of {self.limit}" if self.limit is not None else f"and {self.total.currency} has no limit"
        return f"{self.total} of customer {self.external_user_id} within {WINDOW.days} days, {bound}"


def over_limit(
    new: Sequence[Acceptance], before: Iterable[Acceptance], limits: Mapping[str, Decimal], *, at: datetime
) -> tuple[OverLimit, ...]:
    """Where a decision goes over a limit, by customer and currency; anything makes the whole decision need a second person.

    `new` are the acceptances of one decision, `before` everything that is stored.
    """
    sums: dict[tuple[str, str], list[Money]] = defaultdict(list)
    authors = {person(one.decision.author) for one in new}
    wanted = {_whose(one) for one in new}
    counted = (one for one in before if _counts(one, at) and person(one.decision.author) in authors and _whose(one) in wanted)
    for one in (*counted, *new):
        sums[_whose(one)].append(one.exposure)
    found = []
    for (customer, currency), amounts in sorted(sums.items()):
        limit = Money(limits[currency], currency) if currency in limits else None
        summed = total(amounts, currency)
        if limit is None or summed > limit:
            found.append(OverLimit(external_user_id=customer, total=summed, limit=limit))
    return tuple(found)


def exposure(amount: Money, kind: Kind, period: str, expires_on: date) -> Money:
    """What an acceptance may come to: a standing one takes its amount in every month until it expires, its own included."""
    if kind is Kind.ROW:
        return amount
    first_year, first_month = map(int, period.split("-"))
    last = expires_on - timedelta(days=1)
    months = (last.year - first_year) * 12 + last.month - first_month + 1
    return total([amount] * max(months, 1), amount.currency)


def _whose(one: Acceptance) -> tuple[str, str]:
    return one.external_user_id, one.exposure.currency


def _counts(one: Acceptance, at: datetime) -> bool:
    return one.withdrawal is None and one.decision.made_at > at - WINDOW
