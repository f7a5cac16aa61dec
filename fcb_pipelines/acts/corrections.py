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
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.services import Service
from fcb_pipelines.store import closings, stages
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.odd_usage import OddUsage, odd_usage
from fcb_pipelines.store.pulled import UsageHeader, usage_headers
from fcb_pipelines.store.usage import Amounts

MOST_SHOWN = 20
"""Of each kind in a month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """How a closed month reads since the last bill was closed; each count is how many more there are, negative for fewer."""

    period: str
    contradicting: int
    """Events with other content than is stored."""
    gone: int
    """Stored events that the source no longer has."""
    unusable: int
    """Rows that could not be used."""
    beyond: Mapping[str, Decimal]
    """By metric, what the source tells beyond what stands; negative where it tells less."""
    odd: tuple[OddUsage, ...]
    """All that is odd in the reading, what was so before too; the first of each kind."""


def corrections(work: PeriodWork) -> tuple[Correction, ...]:
    """The months closed before a period that read otherwise in its snapshot than in the one of the last closing, in order.

    Raises `RuleViolation` if the period was never rated.
    """
    service = work.service.code
    with work.db.transaction() as conn:
        origin = work.require(conn, stages.RATED_LINES)
        closed = {key: one for key, one in closings.closings(conn, service).items() if key < work.period.key}
        if not closed:
            return ()
        before = usage_headers(conn, service, closed[max(closed)].snapshot_id)
        now = usage_headers(conn, service, origin.snapshot_id)
        pulled = [now[key] for key, one in sorted(closed.items()) if one.billed_feed == PULLED and key in now]
        compared = [_compared(conn, work.service, header, before.get(header.period)) for header in pulled]
    return tuple(one for one in compared if one.contradicting or one.gone or one.unusable or any(one.beyond.values()))


def _compared(conn: Connection, service: Service, now: UsageHeader, before: UsageHeader | None) -> Correction:
    beyond = _beyond(now) if before is None else _beyond(now) - _beyond(before)
    return Correction(
        period=now.period,
        contradicting=now.conflicts - (before.conflicts if before else 0),
        gone=now.absent - (before.absent if before else 0),
        unusable=now.rejected - (before.rejected if before else 0),
        beyond={metric: quantity for metric, quantity in beyond.quantities.items() if quantity},
        odd=odd_usage(conn, now.snapshot_id, Period(now.period, service.zone), most=MOST_SHOWN),
    )


def _beyond(header: UsageHeader) -> Amounts:
    return header.offered - header.stands - header.gone
