"""Intake of pushed usage: each event stored once for ever, or refused with a reason.

Owns: the act `Intake.take`, which stores the events of any number of requests in one transaction. Does not own: what a request
looks like (api), the rules of time (domain/intake), the tables (store).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fcb_pipelines.domain.closing import booked_in
from fcb_pipelines.domain.intake import Code, Outcome, Result, before_scope, conflict, rejected, untimely
from fcb_pipelines.domain.metrics import Aggregation
from fcb_pipelines.domain.period import Period, period_of
from fcb_pipelines.domain.usage import UsageEvent, Void
from fcb_pipelines.services import Service
from fcb_pipelines.store import events as stored_events
from fcb_pipelines.store import pushed, voids
from fcb_pipelines.store.closings import closed_periods
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.pushed import Identity, Pushed
from fcb_pipelines.store.series import Series, SeriesNumbers
from fcb_pipelines.store.usage import known_subscriptions

Fact = UsageEvent | Void
ACCEPTED = Result(outcome=Outcome.ACCEPTED)
ACCEPTED_LATE = Result(outcome=Outcome.ACCEPTED, is_late=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The events of one request."""

    service: Service
    facts: Sequence[Fact]
    may_backfill: bool = False


@dataclass(slots=True)
class _Entry:
    """An event on its way."""

    delivery: Delivery
    fact: Fact
    series: Series
    period: Period | None
    """Its own month; a void has no time of its own."""
    result: Result | None = None


@dataclass(slots=True)
class Intake:
    """Takes usage over one connection in autocommit; remembers what never changes. Not for two threads at once."""

    conn: Connection
    window: timedelta = timedelta(days=35)
    """How far back an event may lie, unless its key may backfill."""
    _numbers: dict[str, SeriesNumbers] = field(default_factory=dict)
    _partitions: set[str] = field(default_factory=set)

    def take(
        self, deliveries: Sequence[Delivery], now: datetime, also: Callable[[list[list[Result]]], None] = lambda _: None
    ) -> list[list[Result]]:
        """Store all that can be stored, in one transaction; a result for each event, in order.

        `also` is called within the transaction, when the results are known and before they are final.

        Raises psycopg.Error if the database fails: then nothing of it is stored, or, where the connection broke while it was
        committed, all of it may be. To send the same again is safe.
        """
        entries = [[_entry(each, fact) for fact in each.facts] for each in deliveries]
        waiting = [entry for of_one in entries for entry in of_one]
        self._refuse(waiting, now)
        waiting = [entry for entry in waiting if entry.result is None]
        self._prepare(waiting)
        with self.conn.transaction():
            self._keep(waiting, now)
            results = [[_result(entry) for entry in of_one] for of_one in entries]
            also(results)
        return results

    def _refuse(self, entries: Sequence[_Entry], now: datetime) -> None:
        """Refuse what needs no look at what is stored."""
        known = self._known(entries)
        for entry in entries:
            fact, service = entry.fact, entry.delivery.service
            if fact.external_subscription_id not in known[service.code]:
                entry.result = rejected(
                    Code.UNKNOWN_SUBSCRIPTION, f"{service.code} has no subscription {fact.external_subscription_id!r}"
                )
            elif fact.metric not in service.metrics:
                entry.result = rejected(Code.UNKNOWN_METRIC, f"metric {fact.metric!r} is none of {', '.join(service.metrics)}")
            elif isinstance(fact, UsageEvent) and entry.period is not None:
                entry.result = (
                    _unfitting(fact, service.metrics[fact.metric].aggregation)
                    or before_scope(entry.period, service.first_period)
                    or untimely(fact, now, self.window, may_backfill=entry.delivery.may_backfill)
                )

    def _known(self, entries: Sequence[_Entry]) -> Mapping[str, Collection[str]]:
        """The subscriptions of each service among those that are named; one with usage was looked up before, and stays."""
        known: dict[str, Collection[str]] = {}
        for service, of_one in _by_service(entries):
            there = self._series(service).subscriptions
            asked = {entry.fact.external_subscription_id for entry in of_one}
            new = asked.difference(there)
            known[service.code] = asked - (new - known_subscriptions(self.conn, service.code, new)) if new else asked
        return known

    def _series(self, service: Service) -> SeriesNumbers:
        return self._numbers.setdefault(service.code, SeriesNumbers(service.aggregations))

    def _prepare(self, entries: Sequence[_Entry]) -> None:
        """Make series and partitions by themselves: what is remembered of them must not be rolled back."""
        for service, of_one in _by_service(entries):
            with self.conn.transaction():
                self._series(service).of(self.conn, {entry.series for entry in of_one})
        missing = {entry.period.key for entry in entries if entry.period is not None} - self._partitions
        for period in sorted(missing):
            # Each by itself: who makes two at once may wait for somebody who makes the first of them, and waits for the second.
            with self.conn.transaction():
                stored_events.ensure_partitions(self.conn, [period])
        self._partitions |= missing

    def _keep(self, entries: Sequence[_Entry], now: datetime) -> None:
        closed = {service.code: self._begin(service, of_one) for service, of_one in _by_service(entries)}
        events = [entry for entry in entries if isinstance(entry.fact, UsageEvent)]
        numbers = {code: each.of(self.conn, ()) for code, each in self._numbers.items()}
        staged = [_pushed(entry, numbers[entry.delivery.service.code], closed[entry.delivery.service.code]) for entry in events]
        there = pushed.find(self.conn, pushed.keep(self.conn, staged, now))
        for entry, each in zip(events, staged, strict=True):
            entry.result = _told(each, there)
        for service, of_one in _by_service(entries):
            taking_back = [entry for entry in of_one if isinstance(entry.fact, Void)]
            self._take_back(taking_back, numbers[service.code], closed[service.code], now)

    def _begin(self, service: Service, of_one: Sequence[_Entry]) -> frozenset[str]:
        """Wait for our turn to store usage of a service; its closed periods, which stay as they are until the end."""
        closed = closed_periods(self.conn, service.code)
        voids.take_turns(self.conn, service.code, is_voiding=any(isinstance(entry.fact, Void) for entry in of_one))
        return closed

    def _take_back(
        self, entries: Sequence[_Entry], numbers: Mapping[Series, int], closed: frozenset[str], now: datetime
    ) -> None:
        """Store the voids of a service, each once; what one of them did holds for those after it."""
        voiding = [(entry, _void(entry), numbers[entry.series]) for entry in entries]
        there = pushed.find(self.conn, {(series_id, void.idempotency_key) for _, void, series_id in voiding})
        targets = voids.find(self.conn, {(series_id, void.voids) for _, void, series_id in voiding})
        to_store = []
        for entry, void, series_id in voiding:
            before = there.get((series_id, void.idempotency_key))
            target = targets.get((series_id, void.voids))
            entry.result = _same_or_not(void.content_hash, before) if before else _unvoidable(void, target)
            if entry.result is None and target is not None:
                booked = booked_in(Period(target.period, entry.delivery.service.zone), closed)
                entry.result = ACCEPTED if booked == target.period else ACCEPTED_LATE
                to_store.append(voids.VoidToStore(series_id=series_id, void=void, target=target, booked_in=booked))
                there[series_id, void.idempotency_key] = pushed.Stored(void.content_hash, target.period, booked)
                targets[series_id, void.voids] = target._replace(voided_by=void.idempotency_key)
                targets[series_id, void.idempotency_key] = target._replace(quantity=None)
        voids.keep(self.conn, to_store, now)


def _entry(delivery: Delivery, fact: Fact) -> _Entry:
    period = period_of(fact.started_at, delivery.service.zone) if isinstance(fact, UsageEvent) else None
    return _Entry(delivery, fact, Series.of(fact), period)


def _result(entry: _Entry) -> Result:
    assert entry.result is not None  # noqa: S101 - every entry was refused or kept
    return entry.result


def _by_service(entries: Sequence[_Entry]) -> Iterator[tuple[Service, list[_Entry]]]:
    """The events of each service, in one order whoever asks, so that two never wait for each other."""
    for code in sorted({entry.delivery.service.code for entry in entries}):
        of_one = [entry for entry in entries if entry.delivery.service.code == code]
        yield of_one[0].delivery.service, of_one


def _unfitting(event: UsageEvent, aggregation: Aggregation) -> Result | None:
    """Why an event does not fit the metric."""
    if aggregation is Aggregation.UNIQUE_COUNT and event.value is None:
        return rejected(Code.INVALID, f"metric {event.metric} counts distinct values: give value instead of quantity")
    if aggregation is not Aggregation.UNIQUE_COUNT and event.value is not None:
        return rejected(Code.INVALID, f"metric {event.metric} has quantities: give quantity instead of value")
    return None


def _pushed(entry: _Entry, numbers: Mapping[Series, int], closed: frozenset[str]) -> Pushed:
    event, period = entry.fact, entry.period
    assert isinstance(event, UsageEvent)  # noqa: S101 - voids go another way
    assert period is not None  # noqa: S101 - the same
    return Pushed(
        series_id=numbers[entry.series],
        idempotency_key=event.idempotency_key,
        period=period.key,
        booked_in=booked_in(period, closed),
        quantity=event.quantity,
        value=event.value,
        started_at=event.started_at,
        ended_at=event.ended_at,
        content_hash=event.content_hash,
    )


def _void(entry: _Entry) -> Void:
    assert isinstance(entry.fact, Void)  # noqa: S101 - events go another way
    return entry.fact


def _unvoidable(void: Void, target: voids.Target | None) -> Result | None:
    """Why nothing can be taken back by a void; None where it can."""
    if target is None:
        return rejected(Code.NOTHING_TO_VOID, f"no event {void.voids!r} of this subscription and metric is stored")
    if target.voided_by is not None:
        return rejected(Code.NOTHING_TO_VOID, f"event {void.voids!r} was taken back by {target.voided_by!r}")
    if target.quantity is None:
        return rejected(Code.NOTHING_TO_VOID, f"{void.voids!r} is itself a void, or its month is no longer kept in detail")
    return None


def _told(event: Pushed, there: dict[Identity, pushed.Stored]) -> Result:
    """What became of an event, by what was there before it; of two with one identity in one transaction the first is new."""
    before = there.get(event.identity)
    if before is not None:
        return _same_or_not(event.content_hash, before)
    there[event.identity] = pushed.Stored(event.content_hash, event.period, event.booked_in)
    return ACCEPTED if event.booked_in == event.period else ACCEPTED_LATE


def _same_or_not(content_hash: bytes, there: pushed.Stored) -> Result:
    if content_hash != there.content_hash:
        return conflict("an event with other content is stored under this idempotency key, and stands")
    return Result(outcome=Outcome.DUPLICATE, is_late=there.booked_in != there.period)
