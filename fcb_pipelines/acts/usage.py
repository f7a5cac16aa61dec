"""Metering a period: its stored usage events summed per subscription and metric, and those that came too late for bills before.

Owns: the act `usage_totals`. Does not own: how events are kept (acts/source, acts/intake), the proof that no unit was lost
(acts/usage_conservation), prices (acts/rating).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.acts.billed_feed import as_billed
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import load, usable
from fcb_pipelines.domain.adjustments import LateUsage
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.domain.usage import PULLED, PUSHED, UsageTotal
from fcb_pipelines.services import Service
from fcb_pipelines.store import late_usage, retention, snapshots, stages
from fcb_pipelines.store import usage as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.pulled import usage_headers


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredPeriod:
    """What metering a period gave."""

    snapshot_id: int
    totals: tuple[UsageTotal, ...]
    quantities: Mapping[str, Decimal]
    """Per metric, over all totals."""
    late: tuple[LateUsage, ...]
    """What its bill adds to months before."""
    of_unknown: tuple[UsageTotal, ...]
    """Totals whose subscription is not in the snapshot: use that nobody would be billed for."""
    feed: str
    """Whose usage it is: that of the feed that is billed."""
    silent: int = 0
    """Subscriptions alive in the month while the host pushed nothing of any, which is not zero usage."""


def usage_totals(work: PeriodWork, snapshot_id: int | None = None) -> MeteredPeriod:
    """Sum the month's usage by the billed feed, for a snapshot, the last one unless given; replaces what was summed before.

    Pulled usage is what was known at the snapshot: as of the last one these are the running totals, as of an earlier one the
    events are counted again. Pushed usage comes with no snapshot: it is what is stored now, whichever is given, until closing
    the month fixes it.

    Raises `RuleViolation` if there is no such snapshot, a suite refused it, the usage of the month was never read, or the host
    pushed nothing of a month that is over: that is not zero usage. And where it would have to count events that were dropped.
    """
    service, period = work.service.code, work.period
    with work.db.transaction() as conn:
        work.lock(conn)
        billed = as_billed(conn, work.service, period)
        feed = billed.billed_feed
        used = _snapshot(conn, billed, period, snapshot_id)
        silent = _silent(conn, work, billed, used)
        if feed == PUSHED or _latest(conn, work.service) == used:
            stored.replace_totals(conn, service, period, feed)
        # An earlier one, or one that was the last until just now.
        is_earlier = feed == PULLED and _latest(conn, work.service) != used
        if is_earlier:
            months = late_usage.months(conn, service, period)
            _refuse_dropped(conn, (period.key, *months))
            stored.replace_totals_as_of(conn, service, period, feed, used)
            late = late_usage.recounted(conn, service, period, months, snapshot_id=used)
        else:
            late = late_usage.told(conn, service, period)
        late_usage.replace(conn, service, period.key, late)
        totals = stored.totals(conn, service, period.key)
        stages.record(conn, work.stage(stages.USAGE_TOTALS, snapshot_id=used, content_hash=usage_hash(totals, late)))
        return MeteredPeriod(
            snapshot_id=used,
            totals=totals,
            quantities=stored.total_sums(conn, service, period).quantities,
            late=late,
            of_unknown=stored.totals_of_unknown(conn, service, period.key, used),
            feed=feed,
            silent=silent,
        )


def _snapshot(conn: Connection, service: Service, period: Period, snapshot_id: int | None) -> int:
    latest = snapshots.latest_snapshot(conn, service.code)
    header = latest if snapshot_id is None else snapshots.snapshot(conn, service.code, snapshot_id)
    if header is None:
        which = "no snapshot" if snapshot_id is None else f"no snapshot {snapshot_id}"
        raise RuleViolation(f"there is {which} of {service.code} yet; {again(service, period)} --refresh")
    if service.billed_feed == PULLED and period.key not in usage_headers(conn, service.code, header.snapshot_id):
        raise RuleViolation(f"the usage of {service.code} {period.key} was never read; {again(service, period)} --refresh")
    return usable(header)


def silent_subscriptions(conn: Connection, service: Service, period: Period, snapshot_id: int) -> int:
    """How many subscriptions are alive in a month of which the host pushed nothing; 0 where it did, or need not."""
    if service.billed_feed == PULLED or stored.has_usage(conn, service.code, period, PUSHED):
        return 0
    return sum(one.is_alive_in(period) for one in load(conn, snapshot_id, service).subscriptions)


def _silent(conn: Connection, work: PeriodWork, service: Service, snapshot_id: int) -> int:
    period = work.period
    silent = silent_subscriptions(conn, service, period, snapshot_id)
    if silent and work.now >= period.end:
        raise RuleViolation(
            f"{service.code} pushed no usage of {period.key}, in which {silent} subscriptions lived: that is not zero usage."
            " See that its usage client runs; where nothing was used, one event of quantity 0 says so"
        )
    return silent


def _refuse_dropped(conn: Connection, months: Sequence[str]) -> None:
    if gone := sorted(retention.dropped(conn).keys() & set(months)):
        raise RuleViolation(
            f"the events of {', '.join(gone)} are no longer kept in detail, so they cannot be counted as of an earlier snapshot"
            ": take the last one"
        )


def _latest(conn: Connection, service: Service) -> int | None:
    latest = snapshots.latest_snapshot(conn, service.code)
    return None if latest is None else latest.snapshot_id


def again(service: Service, period: Period) -> str:
    """What to run so that the month is summed."""
    return f"run fcb run --service {service.code} --period {period.key}"


def usage_hash(totals: Sequence[UsageTotal], late: Sequence[LateUsage]) -> str:
    """The hash of the usage that a bill is made of: its own month's, and what it adds to months before."""
    return content_hash(
        [
            {
                "subscription": total.external_subscription_id,
                "metric": total.metric,
                "quantity": plain(total.quantity),
                "events": total.events,
            }
            for total in totals
        ]
        + [
            {
                "subscription": one.external_subscription_id,
                "metric": one.metric,
                "of_period": one.of_period,
                "quantities": [plain(one.old_quantity), plain(one.new_quantity)],
                "events": [one.old_events, one.new_events],
            }
            for one in late
        ]
    )
