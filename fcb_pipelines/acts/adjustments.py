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


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """Late usage of a bill, and what became of it."""

    late: tuple[LateUsage, ...]
    recounted: tuple[LateUsage, ...]
    """The same by the events themselves."""
    adjustments: tuple[StoredAdjustment, ...]
    unpriced: tuple[LateUsage, ...]
    """What could not be rated; a line of its subscription says why."""

    dropped: tuple[str, ...]
    """Months whose events are no longer kept, so that they cannot be counted again."""

    @property
    def is_proved(self) -> bool:
        """Whether the events that are kept come to what was rated."""
        return tuple(late for late in self.late if late.of_period not in self.dropped) == self.recounted


def adjusted(work: PeriodWork) -> Adjusted:
    """Late usage of a period's bill with its rating; raises `RuleViolation` if the period was never rated."""
    service = work.service.code
    with work.db.transaction() as conn:
        feed = as_billed(conn, work.service, work.period).billed_feed
        origin = work.require(conn, stages.USAGE_TOTALS, stages.RATED_LINES)
        late = late_usage.stored(conn, service, work.period.key)
        as_of = origin.snapshot_id if feed == PULLED else None
        months = late_usage.months(conn, service, work.period)
        dropped = tuple(month for month in months if month in retention.dropped(conn))
        kept = {month: told_by for month, told_by in months.items() if month not in dropped}
        recounted = late_usage.recounted(conn, service, work.period, kept, snapshot_id=as_of)
        made = adjustments(conn, service, work.period.key)
    rated = {(one.external_subscription_id, one.metric, one.of_period) for one in made}
    unpriced = (one for one in late if one.is_other and (one.external_subscription_id, one.metric, one.of_period) not in rated)
    return Adjusted(late=late, recounted=recounted, adjustments=made, unpriced=tuple(unpriced), dropped=dropped)
