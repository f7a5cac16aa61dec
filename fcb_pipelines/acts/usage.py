"""Metering a period: its stored usage events summed per subscription and metric.

Owns: the act `usage_totals`, and the figures that prove that no unit was lost on the way. Does not own: how events are kept
(acts/source), prices (acts/rating).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import usable
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.revisions import content_hash
from fcb_pipelines.domain.usage import PULLED, UsageTotal
from fcb_pipelines.services import Service
from fcb_pipelines.store import snapshots, stages
from fcb_pipelines.store import usage as stored
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.odd_usage import OddUsage, odd_usage
from fcb_pipelines.store.pulled import UsageHeader, usage_headers
from fcb_pipelines.store.usage import Amounts

MOST_ODD = 50
"""Events of each kind that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredPeriod:
    """What metering a period gave."""

    snapshot_id: int
    totals: tuple[UsageTotal, ...]
    quantities: Mapping[str, Decimal]
    """Per metric, over all totals."""
    of_unknown: tuple[UsageTotal, ...]
    """Totals whose subscription is not in the snapshot: use that nobody would be billed for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageConservation:
    """The same usage counted at each place it passed, for one period."""

    pulled: UsageHeader
    stored: Amounts
    """The quantities of all events, late ones too."""
    recounted: Amounts
    """What those on the period's own bill come to, each metric by its aggregation."""
    totals: Amounts
    odd: tuple[OddUsage, ...]
    """Conflicts, absences and rejected rows of the last reading, the first of each; the header counts them all."""

    @property
    def is_conserved(self) -> bool:
        """Whether the totals are what the stored events come to, and those are exactly what the last reading leads to.

        What the reading contradicted or no longer had makes it differ from what is stored; by how much is known, and proved.
        """
        return self.recounted.agrees_with(self.totals) and self.pulled.must_be_stored.agrees_with(self.stored)

    @property
    def is_uncontested(self) -> bool:
        """Whether the source says of every event what it said first, and every row of it could be used."""
        return not (self.pulled.conflicts or self.pulled.absent or self.pulled.rejected)


def usage_totals(work: PeriodWork, snapshot_id: int | None = None) -> MeteredPeriod:
    """Sum the month's usage as known at a snapshot, the last one unless given; replaces what was summed before.

    As of the last snapshot these are the running totals; as of an earlier one the events are counted again.
    Raises `RuleViolation` if there is no such snapshot, a suite refused it, or the usage of the month was never read: that is
    not zero usage.
    """
    service, period = work.service.code, work.period
    with work.db.transaction() as conn:
        work.lock(conn)
        used = _snapshot(conn, work.service, period, snapshot_id)
        if _latest(conn, work.service) == used:
            stored.replace_totals(conn, service, period, PULLED)
        # An earlier one, or one that was the last until just now.
        if _latest(conn, work.service) != used:
            stored.replace_totals_as_of(conn, service, period, PULLED, used)
        totals = stored.totals(conn, service, period.key)
        stages.record(conn, work.stage(stages.USAGE_TOTALS, snapshot_id=used, content_hash=_content_hash(totals)))
        return MeteredPeriod(
            snapshot_id=used,
            totals=totals,
            quantities=stored.total_sums(conn, service, period).quantities,
            of_unknown=stored.totals_of_unknown(conn, service, period.key, used),
        )


def usage_conservation(conn: Connection, service: Service, period: Period) -> UsageConservation:
    """Count a period's usage as pulled, as stored and as summed, as of the snapshot that its totals were built from.

    Raises `RuleViolation` if the totals of the period were never built.
    """
    stage = stages.find(conn, service.code, period.key, stages.USAGE_TOTALS)
    if stage is None:
        raise RuleViolation(f"the usage of {service.code} {period.key} was never summed; {_again(service, period)}")
    pulled = usage_headers(conn, service.code, stage.snapshot_id)[period.key]
    return UsageConservation(
        pulled=pulled,
        stored=stored.event_sums(conn, service.code, period, PULLED, stage.snapshot_id),
        recounted=stored.recounted_sums(conn, service.code, period, PULLED, stage.snapshot_id),
        totals=stored.total_sums(conn, service.code, period),
        odd=odd_usage(conn, pulled.snapshot_id, period, most=MOST_ODD),
    )


def _snapshot(conn: Connection, service: Service, period: Period, snapshot_id: int | None) -> int:
    latest = snapshots.latest_snapshot(conn, service.code)
    header = latest if snapshot_id is None else snapshots.snapshot(conn, service.code, snapshot_id)
    if header is None:
        which = "no snapshot" if snapshot_id is None else f"no snapshot {snapshot_id}"
        raise RuleViolation(f"there is {which} of {service.code} yet; {_again(service, period)} --refresh")
    if period.key not in usage_headers(conn, service.code, header.snapshot_id):
        raise RuleViolation(f"the usage of {service.code} {period.key} was never read; {_again(service, period)} --refresh")
    return usable(header)


def _latest(conn: Connection, service: Service) -> int | None:
    latest = snapshots.latest_snapshot(conn, service.code)
    return None if latest is None else latest.snapshot_id


def _again(service: Service, period: Period) -> str:
    return f"run fcb run --service {service.code} --period {period.key}"


def _content_hash(totals: tuple[UsageTotal, ...]) -> str:
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
    )
