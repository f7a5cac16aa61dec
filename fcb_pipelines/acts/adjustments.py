"""Adjustments of a bill, as people and checks read them.

Owns: the proof that late usage is what the events say and that each change of it is rated. Does not own: the rating
(acts/rating), what late usage is (store/late_usage).
"""

from dataclasses import dataclass

from fcb_pipelines.acts.billed_feed import as_billed
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.adjustments import LateUsage
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.store import late_usage, retention, stages
from fcb_pipelines.store.adjustments import StoredAdjustment, adjustments
from fcb_pipelines.store.audit import still


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """Late usage of a bill, and what became of it."""

    late: tuple[LateUsage, ...]
    recounted: tuple[LateUsage, ...]
    """The same by the events themselves."""
    now: tuple[LateUsage, ...]
    """The same as it was kept by this moment."""
    adjustments: tuple[StoredAdjustment, ...]
    unpriced: tuple[LateUsage, ...]
    """What could not be rated; a line of its subscription says why."""
    dropped: tuple[str, ...]
    """Months whose events are no longer kept, so that they cannot be counted again."""

    @property
    def is_proved(self) -> bool:
        """Whether the events that are kept come to what was rated."""
        return self._kept(self.late) == self.recounted

    @property
    def is_behind(self) -> bool:
        """Whether more came since it was metered: what was kept is what the events say, and is to be rated again."""
        return not self.is_proved and self._kept(self.now) == self.recounted

    def _kept(self, late: tuple[LateUsage, ...]) -> tuple[LateUsage, ...]:
        return tuple(one for one in late if one.of_period not in self.dropped)


def adjusted(work: PeriodWork) -> Adjusted:
    """Late usage of a period's bill with its rating; raises `RuleViolation` if the period was never rated."""
    service = work.service.code
    with work.db.transaction() as conn:
        still(conn)
        feed = as_billed(conn, work.service, work.period).billed_feed
        origin = work.require(conn, stages.USAGE_TOTALS, stages.RATED_LINES)
        late = late_usage.stored(conn, service, work.period.key)
        as_of = origin.snapshot_id if feed == PULLED else None
        months = late_usage.months(conn, service, work.period)
        dropped = tuple(month for month in months if month in retention.dropped(conn))
        kept = {month: told_by for month, told_by in months.items() if month not in dropped}
        now = late_usage.told(conn, service, work.period)
        recounted = late_usage.recounted(conn, service, work.period, kept, snapshot_id=as_of)
        made = adjustments(conn, service, work.period.key)
    rated = {(one.external_subscription_id, one.metric, one.of_period) for one in made}
    unpriced = (one for one in late if one.is_other and (one.external_subscription_id, one.metric, one.of_period) not in rated)
    return Adjusted(late=late, recounted=recounted, now=now, adjustments=made, unpriced=tuple(unpriced), dropped=dropped)
