"""What subscriptions used, in the month that is looked at and in others that a quota may run over.

Owns: which quantity of another month counts: that of its own bill, and what later bills up to this one made of it. Does not
own: totals and late usage (store), what a quota comes to (domain/quotas).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from functools import partial

from fcb_pipelines.domain.adjustments import LateUsage
from fcb_pipelines.domain.money import ZERO
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.quotas import Used
from fcb_pipelines.store import late_usage, stages
from fcb_pipelines.store import usage as stored
from fcb_pipelines.store.database import Connection

Totals = Mapping[tuple[str, str], Decimal]
"""(subscription, metric) → units in a month."""


def _never_metered(_month: str) -> None:
    """Nothing is known of any other month."""


class UsageTold:
    """Usage by subscription, metric and month, as the bill of a month has it; other months are read when they are asked for."""

    def __init__(self, totals: Totals, read_other: Callable[[str], Totals | None] = _never_metered) -> None:
        """Take the totals of the month itself. Late usage that is on its bill counts once it was taken."""
        self._read_other = read_other
        self._others: dict[str, dict[tuple[str, str], Decimal] | None] = {}
        by_subscription: dict[str, dict[str, Decimal]] = defaultdict(dict)
        for (subscription, metric), quantity in totals.items():
            by_subscription[subscription][metric] = quantity
        self.of_month: Mapping[str, Mapping[str, Decimal]] = dict(by_subscription)
        """Subscription → units by metric, of those that used anything."""

    def of(self, subscription: str) -> Used:
        """What one subscription used."""
        return Used(of_month=self.of_month.get(subscription, {}), of=partial(self._of_other, subscription))

    def take(self, late: Iterable[LateUsage]) -> None:
        """Count late usage that is on this bill with the month in which it was used."""
        for one in late:
            month = self._month(one.of_period)
            if month is not None:
                month[one.external_subscription_id, one.metric] = one.new_quantity

    def _of_other(self, subscription: str, metric: str, month: str) -> Decimal | None:
        """The units of another month; None where that month was never metered."""
        found = self._month(month)
        return None if found is None else found.get((subscription, metric), ZERO)

    def _month(self, month: str) -> dict[tuple[str, str], Decimal] | None:
        if month not in self._others:
            found = self._read_other(month)
            self._others[month] = None if found is None else dict(found)
        return self._others[month]


def usage_told(conn: Connection, service: str, period: Period, only: Collection[str] | None = None) -> UsageTold:
    """The usage of a month as it was last metered, of all subscriptions or some."""

    def read_other(month: str) -> Totals | None:
        if stages.find(conn, service, month, stages.USAGE_TOTALS) is None:
            return None
        return {**totals(month), **late_usage.added(conn, service, month, before=period.key)}

    def totals(month: str) -> Totals:
        return {(one.external_subscription_id, one.metric): one.quantity for one in stored.totals(conn, service, month, only)}

    return UsageTold(totals(period.key), read_other)
