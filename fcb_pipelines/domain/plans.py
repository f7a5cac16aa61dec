"""Plans: a named price list per billing interval, with charges for what is metered.

Owns: the plan record, its metered charges and which plans an import takes. Does not own: how a quantity is priced (rating).
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.rating import Charge, Package, Standard

CPU_SECONDS = "cpu_seconds"
"""The first metric: CPU time used, summed."""


class Interval(StrEnum):
    """How often the flat price is due. An unknown cycle is an error, never monthly."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"

    @property
    def months(self) -> int:
        """Length in calendar months."""
        return {Interval.MONTHLY: 1, Interval.QUARTERLY: 3, Interval.YEARLY: 12}[self]

    @classmethod
    def read(cls, text: str | None) -> "Interval":
        """Read a source's billing cycle; raises `InvalidInput` for one we do not know."""
        try:
            return cls((text or "").strip().lower())
        except ValueError as error:
            known = ", ".join(cls)
            raise InvalidInput(f"unknown billing cycle {text!r}; known are {known}") from error


_CODE = re.compile(r"[A-Za-z0-9_.-]+")
"""What names a charge: it is a part of line keys, which are a part of ids in Odoo."""
_TAKEN = {"flat", "unrated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredCharge:
    """The price of one metric within a plan; each month is an instance of its own."""

    metric: str
    charge: Charge
    code: str = ""
    """Names the charge; the metric where nothing else is said, as only a second charge of a metric must."""
    included_interval: Interval = Interval.MONTHLY
    """How long the included quantity is for."""
    is_prorated: bool | None = None
    """Whether a part of that time has a part of the included quantity; None leaves it to the convention."""

    def __post_init__(self) -> None:
        if not self.metric.strip():
            raise InvalidInput("a charge has no metric")
        if not self.code:
            object.__setattr__(self, "code", self.metric)
        if not _CODE.fullmatch(self.code) or self.code in _TAKEN:
            raise InvalidInput(
                f"a charge of {self.metric} needs a code of letters, digits, '_', '.' and '-', not {self.code!r}"
            )
        if self.included_interval is not Interval.MONTHLY and not isinstance(self.charge, Standard | Package):
            raise InvalidInput(
                f"charge {self.code} has no included quantity that could be that of a {self.included_interval} time"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One price list: a flat price per interval, and prices for what is metered."""

    external_plan_id: str
    name: str
    currency: str
    flat_prices: Mapping[Interval, Decimal]
    """An interval without a price is absent: a missing price is not 0.00."""
    included_quantity: Decimal
    """Units of the first metric per month before overage."""
    unit_price: Decimal
    """Price of one unit batch, exact."""
    unit_batch: Decimal
    """Units that one unit price pays for: 3600 for a price per core-hour of cpu_seconds."""
    is_active: bool
    valid_from: datetime | None = None
    charges: tuple[MeteredCharge, ...] = ()
    """More charges; one of the first metric stands in place of the quota and the unit price above."""
    metered: tuple[MeteredCharge, ...] = field(init=False, repr=False, compare=False)
    """Every charge for what is metered, by code."""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidInput(f"plan {self.external_plan_id} has no name")
        if self.unit_batch <= ZERO:
            raise InvalidInput(f"plan {self.external_plan_id}: unit batch must be above 0, is {self.unit_batch}")
        if self.included_quantity < ZERO or self.unit_price < ZERO:
            raise InvalidInput(f"plan {self.external_plan_id}: quota and unit price must not be negative")
        codes = Counter(charge.code for charge in self.charges)
        for code in (code for code, count in codes.items() if count > 1):
            raise InvalidInput(
                f"plan {self.external_plan_id} has {codes[code]} charges called {code}: give each a code of its own"
            )
        # Made once, because every subscription of the plan asks for it.
        object.__setattr__(self, "metered", self._metered())

    def _metered(self) -> tuple[MeteredCharge, ...]:
        own: tuple[MeteredCharge, ...] = ()
        if all(charge.metric != CPU_SECONDS for charge in self.charges):
            overage = Standard(unit_price=self.unit_price, included_quantity=self.included_quantity, unit_batch=self.unit_batch)
            own = (MeteredCharge(metric=CPU_SECONDS, charge=overage),)
        return tuple(sorted((*own, *self.charges), key=lambda charge: charge.code))

    def flat_price(self, interval: Interval) -> Decimal:
        """The flat price of an interval; raises `InvalidInput` where the plan has none."""
        price = self.flat_prices.get(interval)
        if price is None:
            raise InvalidInput(f"plan {self.external_plan_id} ({self.name}) has no {interval} price")
        return price


def reason_to_skip(plan: Plan, referenced: Collection[str], *, take_all: bool) -> str | None:
    """Why an import leaves this plan out, or None if it takes it: active or referenced ones, or all if the operator says so.

    A plan on request, without any price, is no record to make until somebody is on it; then its missing price is a failure.
    """
    if plan.external_plan_id in referenced:
        return None
    if not plan.flat_prices:
        return "on request: it has no price, and no subscription in scope is on it"
    return None if take_all or plan.is_active else "out of scope: not active, and no subscription in scope is on it"
