"""What the source says of closed months otherwise than when the last bill was closed.

Owns: the comparison. Does not own: why the stored event stands (store/pulled), how late usage is adjusted (acts/adjustments).

A further event of a closed month is late usage and is adjusted. One that says something else than before, or is gone, changes
nothing: what was stored first stands, because a bill was made of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.period import Period
from fcb_pipelines.store import closings, retention, stages
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.odd_usage import OddUsage, new_absences, new_conflicts, odd_usage
from fcb_pipelines.store.pulled import UsageHeader, usage_headers
from fcb_pipelines.store.usage import Amounts

MOST_SHOWN = 20
"""Of each kind in a month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """What a closed month reads otherwise than when the last bill was closed."""

    period: str
    contradicting: int
    """Events with other content than is stored, or with another such content than then."""
    gone: int
    """Stored events that the source no longer has; negative where it has them again."""
    unusable: int
    """Rows that could not be used, more than then."""
    beyond: Mapping[str, Decimal]
    """By metric, what the source tells beyond what stands; negative where it tells less."""
    odd: tuple[OddUsage, ...]
    """All that is odd in the reading, what was so before too; the first of each kind."""

    @property
    def is_any(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.contradicting or self.gone or self.unusable or any(self.beyond.values()))


def contradictions(work: PeriodWork) -> tuple[Contradiction, ...]:
    """The months closed before a period that read otherwise in its snapshot than in the one of the last closing, in order.

    A month whose events are no longer kept cannot be compared. Raises `RuleViolation` if the period was never rated.
    """
    service = work.service.code
    with work.db.transaction() as conn:
        origin = work.require(conn, stages.RATED_LINES)
        closed = {key: one for key, one in closings.closings(conn, service).items() if key < work.period.key}
        if not closed:
            return ()
        before = usage_headers(conn, service, closed[max(closed)].snapshot_id)
        now = usage_headers(conn, service, origin.snapshot_id)
        dropped = retention.dropped(conn)
        read = [key for key in sorted(closed) if key in now and key not in dropped]
        compared = [_compared(conn, Period(key, work.service.zone), now[key], before.get(key)) for key in read]
    return tuple(one for one in compared if one.is_any)


def _compared(conn: Connection, period: Period, now: UsageHeader, before: UsageHeader | None) -> Contradiction:
    beyond = _beyond(now) if before is None else _beyond(now) - _beyond(before)
    then = before.snapshot_id if before else None
    gone = now.absent - (before.absent if before else 0)
    return Contradiction(
        period=period.key,
        contradicting=new_conflicts(conn, period, now=now.snapshot_id, before=then),
        gone=gone or new_absences(conn, period, now=now.snapshot_id, before=then),
        unusable=max(0, now.rejected - (before.rejected if before else 0)),
        beyond={metric: quantity for metric, quantity in beyond.quantities.items() if quantity},
        odd=odd_usage(conn, now.snapshot_id, period, most=MOST_SHOWN),
    )


def _beyond(header: UsageHeader) -> Amounts:
    return header.offered - header.stands - header.gone
