"""Comparing the two feeds of a service's usage, which is how pushed usage is proved before it is billed, and watched after.

Owns: the acts `compare_feeds`, `compare_bill` and `subscription_feeds`, when the feeds must agree, and up to when a month can
be compared. Does not own: what a difference is (domain/feeds), how a month is compared in bulk (store/feeds).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fcb_pipelines.acts.billed_feed import as_billed
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.feeds import SETTLED, Comparison, Finding, SubscriptionFeeds, compare
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.usage import PULLED, PUSHED
from fcb_pipelines.services import Service
from fcb_pipelines.store import feeds, snapshots
from fcb_pipelines.store.closings import is_closed
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.pulled import usage_headers

MOST = 50
"""Subscriptions, and differences of each kind, that are listed beside the counts of all."""


def compare_feeds(db: Database, service: Service, period: Period, *, most: int = MOST) -> Comparison:
    """Hold what was pulled of a month against what was pushed of it, subscription by subscription."""
    with db.transaction() as conn:
        until = _settled_until(conn, service, period)
    with db.transaction() as conn:
        return feeds.compare_feeds(conn, service.code, period, until, most=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillFeeds:
    """All usage that the bill of a month is made of, by both feeds."""

    period: str
    own: Comparison
    """Of the month itself; where pushed usage was billed, as its closed bill has it."""
    late: Mapping[str, Comparison]
    """Of the months before that were billed by what was pushed, where this bill has something of them: as it stands with it."""
    must_agree: bool
    """Whether nothing may be rated while the feeds differ: pushed usage is billed, and both told all of the month.

    Where pulled usage is billed a difference is a finding about the feed that shall replace it; where pushed usage is billed
    the source is what it is held against.
    """

    @property
    def agrees(self) -> bool:
        """Whether no difference was found."""
        return self.differs_in is None

    @property
    def differs_in(self) -> str | None:
        """The first month whose feeds differ."""
        every = {**self.late, self.period: self.own}
        return next((month for month, found in sorted(every.items()) if not found.agrees), None)

    @property
    def sentence(self) -> str:
        """What was found."""
        late = (f"{month}, of which this bill has late usage: {found.sentence}" for month, found in sorted(self.late.items()))
        return "; ".join((self.own.sentence, *late))


def compare_bill(db: Database, service: Service, period: Period) -> BillFeeds:
    """Hold the feeds against each other for all that the bill of a month has: its own usage, and what came late for others."""
    with db.transaction() as conn:
        billed = as_billed(conn, service, period)
        is_fixed = billed.billed_feed == PUSHED and is_closed(conn, service.code, period.key)
        months = [Period(key, period.zone) for key in feeds.late_months(conn, service.code, period, PUSHED)]
        until = {month.key: _settled_until(conn, service, month) for month in (*months, period)}

    def compared(month: Period, bill: str) -> Comparison:
        with db.transaction() as conn:
            return feeds.compare_feeds(conn, service.code, month, until[month.key], most=MOST, bill=bill)

    return BillFeeds(
        period=period.key,
        own=compared(period, period.key if is_fixed else feeds.EVERY_BILL),
        late={month.key: compared(month, period.key) for month in months},
        must_agree=billed.billed_feed == PUSHED and until[period.key] == period.end,
    )


def subscription_feeds(db: Database, service: Service, period: Period, subscription: str) -> Mapping[str, tuple[Finding, ...]]:
    """Every difference of one subscription, by metric that both feeds tell.

    Raises `InvalidInput` where neither feed tells anything of it.
    """
    with db.transaction() as conn:
        until = _settled_until(conn, service, period)
        told = feeds.told(conn, service.code, period, subscription, until)
        by_metric = feeds.metrics(conn, service.code, period)
    if not told:
        raise InvalidInput(f"no feed of {service.code} tells anything of subscription {subscription!r} in {period.key}")
    return {
        metric: compare(by_feed.get(PULLED, ()), by_feed.get(PUSHED, ()))
        for metric, by_feed in told.items()
        if len(by_metric[metric]) > 1
    }


def published(found: Comparison) -> dict[str, Any]:
    """A comparison as programs and pages are told it; quantities are texts."""
    return {
        "until": found.until.isoformat(),
        "compared": found.compared,
        "differing": found.differing,
        "metrics": [
            {"metric": metric, "pulled": plain(pulled), "pushed": plain(pushed), "difference": plain(pulled - pushed)}
            for metric, (pulled, pushed) in found.metrics.items()
        ],
        "told by one feed alone": [{"metric": metric, "feed": feed} for metric, feed in found.alone.items()],
        "kinds": [
            {"kind": kind.value, "events": one.events, "pulled": plain(one.pulled), "pushed": plain(one.pushed)}
            for kind, one in found.figures.items()
        ],
        "subscriptions": [_subscription(one) for one in found.subscriptions],
        "differences": [published_finding(one.external_subscription_id, one.metric, one.finding) for one in found.first],
    }


def published_finding(subscription: str, metric: str, found: Finding) -> dict[str, str | None]:
    """One difference as programs and pages are told it."""
    sides = {"pulled": found.pulled, "pushed": found.pushed}
    said: dict[str, str | None] = {"kind": found.kind.value, "subscription": subscription, "metric": metric}
    for name, side in sides.items():
        said[name] = side.amount if side else None
        said[f"{name} at"] = side.started_at.isoformat() if side else None
        said[f"{name} key"] = side.key if side else None
    return said


def _subscription(one: SubscriptionFeeds) -> dict[str, str | int]:
    return {
        "subscription": one.external_subscription_id,
        "metric": one.metric,
        "pulled": plain(one.pulled),
        "pushed": plain(one.pushed),
        "difference": plain(one.pulled - one.pushed),
        "pulled events": one.pulled_events,
        "pushed events": one.pushed_events,
        "differences": ", ".join(f"{count} {kind}" for kind, count in one.differences.items()),
    }


def _settled_until(conn: Connection, service: Service, period: Period) -> datetime:
    """Before when events of a month must be in both feeds by now: a day before it was last read, at most its end.

    Its start where it was never read.
    """
    latest = snapshots.latest_snapshot(conn, service.code)
    header = usage_headers(conn, service.code, latest.snapshot_id).get(period.key) if latest else None
    reading = snapshots.snapshot(conn, service.code, header.snapshot_id) if header else None
    return period.start if reading is None else max(period.start, min(period.end, reading.taken_at - SETTLED))
