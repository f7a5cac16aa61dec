"""Usage counted otherwise: what the source may have billed in place of what we count, and the events that make the difference.

Owns: which other counts there are for a usage charge. Does not own: what they explain (domain/causes), the sums (store).
"""

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.domain.case import Case, OtherUsage
from fcb_pipelines.domain.money import plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.pricing import Metered
from fcb_pipelines.domain.usage import PULLED, PUSHED
from fcb_pipelines.store import usage_boundaries
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.usage_boundaries import Apart, Series

USAGE_TIME = "usage.started_at"


def counted_otherwise(conn: Connection, work: PeriodWork, case: Case, issued_at: datetime | None) -> Iterator[OtherUsage]:
    """The other counts of a usage charge; `issued_at` is when it was first billed, None where it was not."""
    metric = case.pricing.metric if isinstance(case.pricing, Metered) else case.charge
    subscription = case.subscription.external_subscription_id
    series = Series(
        service=work.service.code, feed=work.service.billed_feed, external_subscription_id=subscription, metric=metric
    )
    yield from _by_zone(conn, work, series)
    yield from _by_feed(conn, work, series)
    if issued_at is not None:
        yield from _as_of(conn, work, series, issued_at)


def _by_zone(conn: Connection, work: PeriodWork, series: Series) -> Iterator[OtherUsage]:
    """By the zone that the source keeps its times in, where that is another one."""
    meaning = work.service.times.get(USAGE_TIME)
    if meaning is not None and meaning.zone.key != work.period.zone.key:
        found = usage_boundaries.counted(conn, series, work.period, Period(work.period.key, meaning.zone))
        words = f"usage by days of {meaning.zone.key}: {plain(found.quantity)} {series.metric}"
        yield OtherUsage(
            cause="timezone_boundary",
            quantity=Fraction(found.quantity),
            words=words,
            references=_references(series, found.moved),
        )


def _by_feed(conn: Connection, work: PeriodWork, series: Series) -> Iterator[OtherUsage]:
    """By the other feed, where all of the difference is events that one of both lacks, or has twice."""
    other = PULLED if series.feed == PUSHED else PUSHED
    found = usage_boundaries.by_feed(conn, series, work.period, other)
    if found is None:
        return
    quantity, apart = found
    told = _told(apart, series.feed, other)
    if told is not None:
        cause, words = told
        keys = tuple(each.idempotency_key for each in apart[: usage_boundaries.MOST_KEYS])
        words = f"{words}; {plain(quantity)} {series.metric} as {other}"
        yield OtherUsage(cause=cause, quantity=Fraction(quantity), words=words, references=_references(series, keys))


def _told(apart: tuple[Apart, ...], own: str, other: str) -> tuple[str, str] | None:
    """The one cause of a difference between feeds, and its words; None where there is none, or more than one."""
    if not apart or len({each.is_own for each in apart}) > 1:
        return None
    has, lacks = (own, other) if apart[0].is_own else (other, own)
    if all(each.is_again for each in apart):
        return "usage_duplicate", f"{len(apart)} events twice in what was {has}"
    return "usage_missing", f"{len(apart)} events in what was {has} and not in what was {lacks}"


def _as_of(conn: Connection, work: PeriodWork, series: Series, issued_at: datetime) -> Iterator[OtherUsage]:
    """As known when it was billed. Only what is pushed comes when it happens; a reading brings everything at once."""
    if series.feed == PUSHED:
        found = usage_boundaries.as_of(conn, series, work.period, issued_at)
        if found.moved:
            words = f"{len(found.moved)} events came after it was billed; {plain(found.quantity)} {series.metric} before"
            yield OtherUsage(
                cause="usage_late",
                quantity=Fraction(found.quantity),
                words=words,
                references=_references(series, found.moved),
            )


def _references(series: Series, keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"usage/{series.external_subscription_id}/{key}" for key in keys)
