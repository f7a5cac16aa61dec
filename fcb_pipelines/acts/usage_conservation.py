"""The proof that no unit of usage was lost: a period's usage counted at each place that it passes.

Owns: the act `usage_conservation`. Does not own: the sums (store/usage), the comparison with a full recount (store/recount),
how a reading is accounted for (store/pulled).
"""

from dataclasses import dataclass
from datetime import datetime

from fcb_pipelines.acts.billed_feed import as_billed
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.usage import again, silent_subscriptions
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, PUSHED
from fcb_pipelines.services import Service
from fcb_pipelines.store import retention, stages
from fcb_pipelines.store import usage as stored
from fcb_pipelines.store.audit import still
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.odd_usage import OddUsage, odd_usage
from fcb_pipelines.store.pulled import UsageHeader, usage_headers
from fcb_pipelines.store.recount import Differing, totals_unlike_running, wrong_running, wrong_totals
from fcb_pipelines.store.usage import Amounts

MOST_ODD = 50
"""Events of each kind that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedCount:
    """One feed's usage of the month: its events, what they come to counted again, and what was kept as they arrived."""

    feed: str
    events: Amounts
    """The quantities of all events, late ones too; of pulled ones those known at the snapshot of the totals."""
    recounted: Amounts
    """What those on the month's own bill come to, each metric by its aggregation."""
    running: Amounts
    """What was kept as they arrived, on that bill."""
    wrong: tuple[Differing, ...]
    """Running totals, of any bill, that are not what the events come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageConservation:
    """The same usage counted at each place it passed, for one period, all at one moment."""

    billed_feed: str
    feeds: tuple[FeedCount, ...]
    """Those that told anything of the month, and the billed one."""
    pulled: UsageHeader | None
    """The last reading of the month; None where the source was never asked for it."""
    pulled_stored: Amounts
    """The quantities of all pulled events, as of the snapshot of the totals."""
    totals: Amounts
    wrong_totals: tuple[Differing, ...]
    """Totals that are not what the events come to."""
    since: tuple[Differing, ...]
    """Totals of what was used more since they were summed: right then, and to be summed again."""
    silent: int
    """Subscriptions alive in the month while the billed feed told nothing of any."""
    dropped_at: datetime | None
    """When its events were dropped; then only what was kept of them as they arrived can be held against the totals."""
    odd: tuple[OddUsage, ...]
    """Conflicts, absences and rejected rows of the last reading, the first of each; the header counts them all."""

    @property
    def wrong(self) -> tuple[Differing, ...]:
        """Everything that is kept otherwise than the events say."""
        return (*self.wrong_totals, *(each for count in self.feeds for each in count.wrong))

    @property
    def is_dropped(self) -> bool:
        """Whether there are no events to count."""
        return self.dropped_at is not None

    @property
    def is_conserved(self) -> bool:
        """Whether totals and running totals are what the events come to, and those exactly what the last reading leads to.

        What the reading contradicted or no longer had makes it differ from what is stored; by how much is known, and proved.
        """
        is_all_stored = self.is_dropped or self.pulled is None or self.pulled.must_be_stored.agrees_with(self.pulled_stored)
        return is_all_stored and not self.wrong

    @property
    def is_uncontested(self) -> bool:
        """Whether the source says of every event what it said first, and every row of it could be used."""
        return self.pulled is None or not (self.pulled.conflicts or self.pulled.absent or self.pulled.rejected)


def conservation_now(work: PeriodWork) -> UsageConservation:
    """The same as `usage_conservation`, all seen at one moment, however much is pushed meanwhile."""
    with work.db.transaction() as conn:
        still(conn)
        return usage_conservation(conn, work.service, work.period)


def usage_conservation(conn: Connection, service: Service, period: Period) -> UsageConservation:
    """Count a period's usage as pulled, as stored, as kept while it arrived and as summed, of both feeds.

    Pulled usage is counted as of the snapshot that the totals were built from, pushed usage as it is now.
    Raises `RuleViolation` if the totals of the period were never built.
    """
    stage = stages.find(conn, service.code, period.key, stages.USAGE_TOTALS)
    if stage is None:
        raise RuleViolation(f"the usage of {service.code} {period.key} was never summed; {again(service, period)}")
    service = as_billed(conn, service, period)
    code, feed = service.code, service.billed_feed
    known_at = stage.snapshot_id if feed == PULLED else None
    pulled = usage_headers(conn, code, stage.snapshot_id).get(period.key)
    dropped = retention.dropped(conn).get(period.key)
    differing = (
        wrong_totals(conn, code, period, feed, known_at) if dropped is None else totals_unlike_running(conn, code, period, feed)
    )
    # Pulled usage is counted up to a snapshot; pushed usage may come while this is read.
    since = [one for one in differing if feed == PUSHED and one.newest_at is not None and one.newest_at >= stage.built_at]
    told = [each for each in (PULLED, PUSHED) if each == feed or stored.has_usage(conn, code, period, each)]
    return UsageConservation(
        billed_feed=feed,
        feeds=tuple(
            _of_feed(conn, code, period, each, stage.snapshot_id if each == PULLED else None, is_kept=dropped is None)
            for each in told
        ),
        pulled=pulled,
        pulled_stored=stored.event_sums(conn, code, period, PULLED, stage.snapshot_id),
        totals=stored.total_sums(conn, code, period),
        wrong_totals=tuple(one for one in differing if one not in since),
        since=tuple(since),
        silent=silent_subscriptions(conn, service, period, stage.snapshot_id),
        dropped_at=dropped.dropped_at if dropped else None,
        odd=() if pulled is None else odd_usage(conn, pulled.snapshot_id, period, most=MOST_ODD),
    )


def _of_feed(conn: Connection, service: str, period: Period, feed: str, known_at: int | None, *, is_kept: bool) -> FeedCount:
    return FeedCount(
        feed=feed,
        events=stored.event_sums(conn, service, period, feed, known_at),
        recounted=stored.recounted_sums(conn, service, period, feed, known_at),
        running=stored.running_sums(conn, service, period, feed),
        wrong=wrong_running(conn, service, period, feed) if is_kept else (),
    )
