"""Usage in a trace: from a rated quantity over the total of its month to the single events, which must add up to it.

Owns: these steps, the equation, and what is still known where events are no longer kept. Does not own: the recount
(store/usage).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from fcb_pipelines.acts.billed_feed import as_billed
from fcb_pipelines.acts.trace_source import Tracing, event_step
from fcb_pipelines.domain.expected import RatedLine
from fcb_pipelines.domain.money import ZERO, plain
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.trace import Kind, Step, grouped
from fcb_pipelines.domain.usage import PULLED, PUSHED
from fcb_pipelines.store import retention, running, stages
from fcb_pipelines.store import trace_usage as stored
from fcb_pipelines.store.adjustments import StoredAdjustment
from fcb_pipelines.store.series import Series
from fcb_pipelines.store.stages import Stage
from fcb_pipelines.store.trace_usage import SINCE, Apart, Bill, Counted

FIRST_EVENTS = 20
"""Events that are listed unless all are asked for."""
_COMES_TO = {
    "sum": "{quantity} {metric} of {events}",
    "max": "the largest of {events} is {quantity} {metric}",
    "last": "the last of {events} is {quantity} {metric}",
    "unique_count": "{events} tell {quantity} different {metric}",
}
ADD_UP = "{events} add up to {quantity} {metric}"
"""Of a sum of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a bill says of a month's usage of one metric."""

    metric: str
    quantity: Decimal
    events: int | None
    """None where only the quantity is kept."""
    as_what: str
    """What the events must add up to: `as rated`."""
    before: Decimal | None = None
    """Of late usage: what the bills before this one said."""


def used(tracing: Tracing, line: RatedLine) -> Step:
    """The usage that a line of its own month was rated from."""
    metric, period = line.pricing.metric, tracing.work.period
    totals = stored.totals_of(tracing.conn, tracing.code, period.key, line.external_subscription_id)
    total = next((one for one in totals if one.metric == metric), None)
    quantity = ZERO if total is None else total.quantity
    is_same = quantity == line.quantity
    said = _Said(metric=metric, quantity=line.quantity, events=0 if total is None else total.events, as_what="as rated")
    return Step(
        kind=Kind.USAGE,
        reference=f"{line.external_subscription_id}/{metric}/{period.key}",
        says=f"usage of {period.key}: {grouped(line.quantity)} {metric} rated",
        data={"metric": metric, "rated": plain(line.quantity), "total": plain(quantity)},
        wrong="" if is_same else f"the total of the month is {grouped(quantity)}, and {grouped(line.quantity)} was rated",
        rests_on=_feeds(tracing, line.external_subscription_id, said, period),
    )


def adjusted(tracing: Tracing, one: StoredAdjustment) -> Step:
    """The late usage of an earlier month that a line adjusts: what came for this bill, and the whole of that month."""
    of_period = Period(one.of_period, tracing.work.service.zone)
    said = _Said(metric=one.metric, quantity=one.new_quantity, events=None, as_what="as adjusted", before=one.old_quantity)
    return Step(
        kind=Kind.USAGE,
        reference=f"{one.external_subscription_id}/{one.metric}/{one.of_period}",
        says=f"usage of {one.of_period} on the bill of {tracing.work.period.key}: {grouped(one.new_quantity)} {one.metric}",
        data={"metric": one.metric, "before": plain(one.old_quantity), "now": plain(one.new_quantity)},
        rests_on=_feeds(tracing, one.external_subscription_id, said, of_period),
    )


def _feeds(tracing: Tracing, subscription: str, said: _Said, period: Period) -> Iterator[Step]:
    """The events of the billed feed, then what the other one says of the same."""
    conn, code = tracing.conn, tracing.code
    stage = stages.find(conn, code, tracing.work.period.key, stages.USAGE_TOTALS)
    feed = as_billed(conn, tracing.work.service, period).billed_feed
    of = Series(code, feed, subscription, said.metric)
    number = stored.series_id(conn, of)
    if number is None or stage is None:
        wrong = f"no event was ever {feed} of it" if said.quantity else ""
        yield Step(kind=Kind.FEED, reference=feed, says=f"no events: nothing was ever {feed} of it", wrong=wrong)
    else:
        known_at = stage.snapshot_id if feed == PULLED else None
        bill = Bill(series_id=number, of=of, period=period, booked_in=tracing.work.period.key, snapshot_id=known_at)
        yield _of_feed(tracing, bill, said, stage)
    yield from _other_feed(tracing, of, period)


def _of_feed(tracing: Tracing, bill: Bill, said: _Said, stage: Stage) -> Step:
    dropped = retention.dropped(tracing.conn).get(bill.period.key)
    if dropped is not None:
        return _dropped(tracing, bill, said, f"by {dropped.dropped_by} on {dropped.dropped_at:%Y-%m-%d}")
    found = stored.counted(tracing.conn, bill)
    others = stored.apart(tracing.conn, bill, stage.built_at)
    wrong, since = _difference(said, found, [one for one in others if one.why == SINCE])
    before = None if said.before is None else stored.counted(tracing.conn, replace(bill, booked_in=_bill_before(bill)))
    if said.before is not None and (ZERO if before is None else before.quantity) != said.before:
        wrong = f"the bills before come to {_comes_to(said.metric, before)}, and not to {grouped(said.before)}"
    equal = "" if wrong or since else f", {said.as_what}"
    return Step(
        kind=Kind.FEED,
        reference=bill.of.feed,
        says=f"{bill.of.feed}: {_comes_to(said.metric, found)}{equal}",
        data={
            "feed": bill.of.feed,
            "events": 0 if found is None else found.events,
            "quantity": plain(ZERO if found is None else found.quantity),
            "aggregation": "sum" if found is None else found.aggregation,
        },
        wrong=wrong,
        untraced=since,
        rests_on=_events(tracing, bill, before, [one for one in others if since or one.why != SINCE]),
    )


def _bill_before(bill: Bill) -> str:
    return Period(bill.booked_in, bill.period.zone).previous().key


def _comes_to(metric: str, found: Counted | None) -> str:
    if found is None:
        return "no events"
    words = ADD_UP if found.aggregation == "sum" and found.events > 1 else _COMES_TO[found.aggregation]
    return words.format(events=_counted(found.events), quantity=grouped(found.quantity), metric=metric)


def _counted(events: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}"


def _difference(said: _Said, found: Counted | None, since: list[Apart]) -> tuple[str, str]:
    """What does not add up, and what only came after the month was metered; both empty where all is equal."""
    quantity, events = (ZERO, 0) if found is None else (found.quantity, found.events)
    if quantity == said.quantity and said.events in (None, events):
        return "", ""
    counted = f"{_counted(events)} come to {grouped(quantity)} {said.metric}"
    rated = f"{grouped(said.quantity)} {said.as_what}" + ("" if said.events is None else f", of {_counted(said.events)}")
    late = sum(one.events for one in since), sum((one.quantity for one in since), ZERO)
    is_sum = found is not None and found.aggregation == "sum"
    is_all = quantity - late[1] == said.quantity if is_sum else True
    if since and is_all and said.events in (None, events - late[0]):
        return "", f"{counted} by now, and were {rated}: {late[0]:,} came after it was metered; run the period again"
    return f"{counted}, and not to {rated}", ""


def _events(tracing: Tracing, bill: Bill, before: Counted | None, others: list[Apart]) -> Iterator[Step]:
    """The single events in the order of their time, then what is not counted: on a later bill, or told since.

    Of late usage those that came for this bill, after what the bills before had.
    """
    is_late = bill.booked_in != bill.period.key
    if before is not None:
        says = f"on the bills before: {_comes_to(bill.of.metric, before)}"
        yield Step(kind=Kind.FEED, reference=bill.of.feed, says=says, data={"events": before.events, "is_before": True})
    most = None if tracing.all_events else FIRST_EVENTS + 1
    listed = stored.events(tracing.conn, bill, only_booked_in=bill.booked_in if is_late else None, most=most)
    for place, event in enumerate(listed, start=1):
        if place == most:
            yield Step(kind=Kind.EVENT, says=f"… more than {FIRST_EVENTS}: add --all for every one")
            break
        yield event_step(tracing, event, bill.of.feed)
    for one in others:
        yield _apart_step(tracing, bill, one)


def _apart_step(tracing: Tracing, bill: Bill, one: Apart) -> Step:
    row = tracing.row.row_id.replace(f"/{tracing.work.period.key}/", f"/{one.which}/", 1)
    said = {
        "later bill": f"too late for this bill; on that of {one.which} (fcb trace {row})",
        "later snapshot": f"came with snapshot {one.which}, after it was metered",
        SINCE: "came after it was metered",
    }
    says = f"not counted: {_counted(one.events)}, {grouped(one.quantity)} {bill.of.metric}: {said[one.why]}"
    data = {"why": one.why.replace(" ", "_"), "which": one.which, "events": one.events, "quantity": plain(one.quantity)}
    return Step(kind=Kind.FEED, reference=bill.of.feed, says=says, data=data)


def _dropped(tracing: Tracing, bill: Bill, said: _Said, by: str) -> Step:
    """What is still known where the events were dropped: the running total, and that each event was stored."""
    found = running.of_subscription(tracing.conn, bill.of.service, bill.of.external_subscription_id, bill.period.key)
    own = [one for one in found if (one.feed, one.metric) == (bill.of.feed, bill.of.metric) and one.booked_in <= bill.booked_in]
    kept = own[-1] if own else None
    quantity, events = (ZERO, 0) if kept is None else (kept.quantity, kept.events)
    known = stored.identities(tracing.conn, bill.series_id, bill.period.key)
    is_same = quantity == said.quantity and said.events in (None, events)
    says = (
        f"{bill.of.feed}: the running total of {events:,} events is {grouped(quantity)} {said.metric}"
        f"{', ' + said.as_what if is_same else ''}; {known:,} keys of events are still known"
    )
    return Step(
        kind=Kind.FEED,
        reference=bill.of.feed,
        says=says,
        data={"feed": bill.of.feed, "events": events, "quantity": plain(quantity), "keys": known, "is_dropped": True},
        wrong="" if is_same else f"{grouped(said.quantity)} {said.as_what}",
        untraced=f"the single events of {bill.period.key} were dropped {by} (fcb retention)",
    )


def _other_feed(tracing: Tracing, of: Series, period: Period) -> Iterator[Step]:
    """What the feed that is not billed says: a second witness, where a host both pushes and is read."""
    other = PUSHED if of.feed == PULLED else PULLED
    found = running.of_subscription(tracing.conn, of.service, of.external_subscription_id, period.key)
    own = [one for one in found if (one.feed, one.metric) == (other, of.metric)]
    if own:
        last = own[-1]
        says = f"{other}, which is not billed: {last.events:,} events, {grouped(last.quantity)} {of.metric}"
        data = {"feed": other, "events": last.events, "quantity": plain(last.quantity), "is_billed": False}
        yield Step(kind=Kind.FEED, reference=other, says=says, data=data)
