"""Subscriptions: one deployment of one partner on one plan, and when it was alive.

Owns: the subscription record. Its charge instances are in `instances`.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import decimal
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One deployment on one plan, alive in `[started_at, ended_at)`."""

    external_subscription_id: str
    external_deployment_id: str | None
    external_user_id: str
    external_plan_id: str
    interval: Interval
    status: str
    started_at: datetime
    ended_at: datetime | None
    contract_price: Decimal | None = None
    """Flat price per interval agreed for this subscription alone; replaces the plan's."""
    discount_percent: Decimal | None = None
    """0 to 100, taken off the flat price."""
    billing_anchor: datetime | None = None
    """The day that ranges are counted from; without one, the day it started."""
    instalments: int = 1
    """How many equal parts its flat price is billed in, each for its part of the interval."""

    def __post_init__(self) -> None:
        if self.started_at.tzinfo is None or (self.ended_at and self.ended_at.tzinfo is None):
            raise InvalidInput(f"subscription {self.external_subscription_id}: its times need a timezone")
        if self.ended_at is not None and self.ended_at < self.started_at:
            raise InvalidInput(f"subscription {self.external_subscription_id} ends before it starts")
        if self.instalments < 1 or self.interval.months % self.instalments:
            parts = [str(parts) for parts in range(1, 13) if self.interval.months % parts == 0]
            raise InvalidInput(
                f"subscription {self.external_subscription_id}: {self.instalments} instalments of a {self.interval} price are "
                f"not of whole months; it can have {' or '.join(parts)}"
            )

    @property
    def months(self) -> int:
        """How many months one range of its flat price is for: the interval's, or those of one instalment."""
        return self.interval.months // self.instalments

    def is_alive_in(self, period: Period) -> bool:
        """Whether any moment of its life lies in the period."""
        return self.started_at < period.end and (self.ended_at is None or self.ended_at > period.start)

    def flat_price(self, plan: Plan) -> Decimal:
        """The flat price of its whole interval: the contract's, else the plan's, less the discount."""
        price = self.contract_price if self.contract_price is not None else plan.flat_price(self.interval)
        return price if self.discount_percent is None else price * (100 - self.discount_percent) / 100


def months_of(billing_interval: str | None, instalments: str | None) -> int | None:
    """How many months one range of such a subscription's flat price is for, of texts as the source has them.

    None where there can be no such subscription.
    """
    try:
        months, parts = Interval.read(billing_interval).months, 1 if instalments is None else decimal(instalments)
    except InvalidInput:
        return None
    return int(months / parts) if parts >= 1 and months % parts == 0 else None
