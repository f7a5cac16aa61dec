"""Reading usage back: what is stored of a subscription's month, for whoever sent it.

Owns: the act `usage_back`. Does not own: how totals are kept (store), who may ask (api).
"""

from dataclasses import dataclass

from fcb_pipelines.domain.period import Period
from fcb_pipelines.store.closings import is_closed
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.running import RunningTotal, of_subscription
from fcb_pipelines.store.usage import known_subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBack:
    """A subscription's month."""

    is_closed: bool
    totals: tuple[RunningTotal, ...]


def usage_back(db: Database, service: str, subscription: str, period: Period) -> UsageBack | None:
    """What is stored now; None for a subscription that the service does not have."""
    with db.transaction() as conn:
        if not known_subscriptions(conn, service, [subscription]):
            return None
        totals = of_subscription(conn, service, subscription, period.key)
        return UsageBack(is_closed=is_closed(conn, service, period.key), totals=totals)
