"""The control strip: what was issued in the month and what its rows hold, and the bridge from one to the other.

Owns: both sums and their bridges. Does not own: the register itself (domain/register).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from fcb_pipelines.acts.report import Base
from fcb_pipelines.domain.actual import ActualLine
from fcb_pipelines.domain.money import ZERO, Money, total
from fcb_pipelines.domain.period import period_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So much of a sum is of a month."""

    month: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The sums of one currency; net."""

    currency: str
    register: Money
    """Issued in the month."""
    for_months: tuple[Share, ...]
    """The register by the month that was billed for."""
    rows: Money
    """Billed for the month, as its rows have it."""
    issued_in: tuple[Share, ...]
    """What was billed for the month, as the invoices have it, by the month of issue."""

    @property
    def gap(self) -> Money:
        """The rows − the invoices; nothing where they agree."""
        return self.rows - total((one.amount for one in self.issued_in), self.currency)


def strips(base: Base) -> tuple[Strip, ...]:
    """One of each currency that was issued or billed, the service's own first."""
    billed: dict[str, list[Money]] = defaultdict(list)
    for row in base.rows:
        for one in row.instances:
            billed[one.currency].append(Money(ZERO, one.currency) if one.actual is None else one.actual.net)
    own = base.service.currency
    codes = {line.net.currency for line in base.lines} | billed.keys()
    return tuple(_strip(base, code, billed[code]) for code in sorted(codes, key=lambda code: (code != own, code)))


def _strip(base: Base, currency: str, billed: Iterable[Money]) -> Strip:
    zone, month = base.service.zone, base.period.key
    lines = [line for line in base.lines if line.net.currency == currency]
    issued = [line for line in lines if period_of(line.issued_at, zone).key == month]
    for_month = [line for line in lines if line.period(zone).key == month]
    return Strip(
        currency=currency,
        register=total((line.net for line in issued), currency),
        for_months=_shares(((line.period(zone).key, line) for line in issued), currency),
        rows=total(billed, currency),
        issued_in=_shares(((period_of(line.issued_at, zone).key, line) for line in for_month), currency),
    )


def _shares(placed: Iterable[tuple[str, ActualLine]], currency: str) -> tuple[Share, ...]:
    found: dict[str, list[Money]] = defaultdict(list)
    for month, line in placed:
        found[month].append(line.net)
    return tuple(Share(month=month, amount=total(nets, currency)) for month, nets in sorted(found.items()))
