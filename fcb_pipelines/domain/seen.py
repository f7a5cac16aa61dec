"""Seen: what successive snapshots saw of plans and subscriptions whose terms changed, and what held at a moment.

Owns: when a value held that changed between two snapshots, and when nobody knows. Does not own: which fields are terms
(term_values), which rows changed (store/changed_terms), what a term costs (terms, causes).

A snapshot says what it saw at its moment and nothing of the time before or after. So the older of two values held until it was
last seen, the newer since it was first seen, and between the two neither is known. Only a record tells more: the source's
history (or one declared in `fcb.toml`), or the plan's own `valid_from` where that changed as well. A record that goes further
back than the older value was seen, and that was not there yet when it was, puts that value right: silence means changed, never
mended (decision 0020).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from fcb_pipelines.domain.case import Records
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.history import HistoryEntry
from fcb_pipelines.domain.instances import covering
from fcb_pipelines.domain.period import Period
from fcb_pipelines.domain.plans import Interval, Plan
from fcb_pipelines.domain.subscriptions import Subscription
from fcb_pipelines.domain.term_values import MAY_BE_NONE, VALID_FROM, read_value

Record = TypeVar("Record", Plan, Subscription)

_DAY = timedelta(days=1)
"""What begins on the day with which a range begins holds for that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Generic[Record]):
    """A record as it was last seen before it was another one, and as it was first seen after."""

    before: Record
    after: Record
    last_seen: datetime
    first_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The changes of a service's records up to a snapshot, by id, in the order in which they were seen."""

    plans: Mapping[str, Sequence[Change[Plan]]] = field(default_factory=dict)
    subscriptions: Mapping[str, Sequence[Change[Subscription]]] = field(default_factory=dict)


NOTHING_SEEN = Seen()
OF_LENGTH = ("billing_interval", "instalments")
"""Terms of a subscription that say how long its ranges are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Generic[Record]):
    """A record with the terms that held at a moment."""

    record: Record
    unknown: Mapping[str, str] = field(default_factory=dict)
    """The terms of which no record says what held then, and why, in words; the record has what was seen next."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Why nobody knows a value, and the one that was seen next."""

    why: str
    next_value: object


def changes(versions: Sequence[tuple[datetime, Record | None]]) -> Iterator[Change[Record]]:
    """The changes among what snapshots saw of one record, in whatever order; None where it was not there, or no good row.

    How often the same was seen in between makes no difference to what held when it was seen.
    """
    known: tuple[datetime, Record] | None = None
    for seen_at, record in sorted(versions, key=lambda version: version[0]):
        if record is None:
            continue
        if known is not None and known[1] != record:
            yield Change(before=known[1], after=record, last_seen=known[0], first_seen=seen_at)
        known = seen_at, record


def plan_as_of(plan: Plan, at: datetime, seen: Seen, records: Records) -> Held[Plan]:
    """A plan with the terms that held at a moment; raises `InvalidInput` where its history begins later."""
    key = plan.external_plan_id
    found = seen.plans.get(key, ())
    if not found and not records.has_history("plan", key):
        return Held(record=plan)
    values, unknown = _as_of(plan, at, found, lambda name: records.changes("plan", key, name), _plan_terms)
    return Held(record=_plan(plan, values), unknown=unknown)


def subscription_as_of(one: Subscription, at: datetime, seen: Seen, records: Records) -> Held[Subscription]:
    """A subscription with the terms that held at a moment; raises `InvalidInput` where its history begins later."""
    key = one.external_subscription_id
    found = seen.subscriptions.get(key, ())
    if not found and not records.has_history("subscription", key):
        return Held(record=one)
    values, unknown = _as_of(one, at, found, lambda name: records.changes("subscription", key, name), _subscription_terms)
    return Held(record=_subscription(one, values), unknown=unknown)


def covered_until(one: Subscription, period: Period, seen: Seen, records: Records) -> datetime | None:
    """The end of the range of several months that covers a month in which no new one starts, by the terms of that time.

    None where none does, and where nobody knows how long its ranges were, then or when that one began.
    """
    try:
        held = subscription_as_of(one, max(period.start, one.started_at), seen, records)
        covers = covering(held.record, period)
        began = held if covers is None else subscription_as_of(one, max(covers[0], one.started_at), seen, records)
    except InvalidInput:
        return None
    is_known = not {*OF_LENGTH} & (held.unknown.keys() | began.unknown.keys())
    return covers[1] if covers is not None and is_known and began.record.months == held.record.months else None


def owner_at(subscription: Subscription, records: Records, at: datetime) -> str:
    """The customer at the start of a range, by the source's history; without one, that of today."""
    entries = records.changes("subscription", subscription.external_subscription_id, "user")
    held = [entry.value for entry in entries if entry.valid_from < at + _DAY]
    return (held[-1] if held else None) or subscription.external_user_id


def _as_of(
    record: Record,
    at: datetime,
    found: Sequence[Change[Record]],
    history: Callable[[str], Sequence[HistoryEntry]],
    terms_of: Callable[[Record], dict[str, Any]],
) -> tuple[dict[str, Any], dict[str, str]]:
    """Every term with the value that held, and those that nobody knows."""
    values, unknown = terms_of(record), {}
    for name, newest in values.items():
        own = [_OfTerm(each, terms_of(each.before)[name], terms_of(each.after)[name]) for each in found]
        told = _Told(name, [each for each in own if each.before != each.after], history(name))
        value = told.at(at, newest)
        if isinstance(value, _Unknown):
            unknown[name] = value.why
            value = value.next_value
        values[name] = value
    return values, unknown


@dataclass(frozen=True, slots=True)
class _OfTerm:
    """A change of one term."""

    change: Change[Any]
    before: Any
    after: Any

    @property
    def valid_from(self) -> datetime | None:
        """The day that the plan itself says for what it has now, where it said another one before."""
        before, after = (getattr(each, VALID_FROM, None) for each in (self.change.before, self.change.after))
        return after if after != before else None


@dataclass(frozen=True, slots=True)
class _Told:
    """What is on record of one term: its changes as they were seen, and the history."""

    name: str
    own: Sequence[_OfTerm]
    history: Sequence[HistoryEntry]

    def at(self, at: datetime, newest: object) -> object:
        """What held at a moment, from the newest change back to the oldest."""
        until: datetime | None = None
        for each in reversed(self.own):
            change, entries = each.change, self._about(each, until)
            if entries:
                if spoken := [entry for entry in entries if entry.valid_from < at + _DAY]:
                    return self._last(spoken)
            elif each.valid_from is not None:
                if at >= each.valid_from:
                    return each.after
            elif at >= change.first_seen:
                return each.after
            elif at > change.last_seen:
                return _Unknown(_between(self.name, each), each.after)
            until = change.last_seen
        return self._first(at, self.own[0].before if self.own else newest, until)

    def _about(self, each: _OfTerm, until: datetime | None) -> list[HistoryEntry]:
        """The history that tells of a change: entries for the time after the older value was seen, or that are newer than that.

        None of it where it does not come to the value that was seen then.
        """
        last = each.change.last_seen
        entries = [
            entry
            for entry in self.history
            if (entry.valid_from > last or (entry.said_at is not None and entry.said_at > last))
            and (until is None or entry.valid_from <= until)
        ]
        return entries if any(self._says(entry, each.after) for entry in entries) else []

    def _first(self, at: datetime, value: object, until: datetime | None) -> object:
        """What held before all changes that were seen, by the history of that time."""
        entries = [
            entry
            for entry in self.history
            if until is None or (entry.valid_from <= until and (entry.said_at is None or entry.said_at <= until))
        ]
        if not entries or (until is not None and not self._says(entries[-1], value)):
            # Without a history, or with one that says something else than what was seen.
            return value
        spoken = [entry for entry in entries if entry.valid_from < at + _DAY]
        if not spoken or (spoken[-1].value is None and self.name not in MAY_BE_NONE):
            first = entries[0].valid_from.date().isoformat()
            said = f"its history names its {self.name} from {first} on, and no record says which it was on {at.date()}"
            raise InvalidInput(said)
        return self._last(spoken)

    def _last(self, entries: Sequence[HistoryEntry]) -> object:
        """The value of the last of some entries; of those from the same moment on what was said last puts the others right.

        Raises `InvalidInput` where nobody knows which that is.
        """
        same = [entry for entry in entries if entry.valid_from == entries[-1].valid_from]
        said = {entry.said_at for entry in same if entry.said_at is not None}
        last = [self._read(entry) for entry in same if not said or entry.said_at == max(said)]
        if any(value != last[0] for value in last):
            both = " and ".join(_shown(value) for value in last)
            raise InvalidInput(f"its history says both {both} of its {self.name} from {same[0].valid_from.date()} on")
        return last[0]

    def _says(self, entry: HistoryEntry, value: object) -> bool:
        try:
            return self._read(entry) == value
        except InvalidInput:
            return False

    def _read(self, entry: HistoryEntry) -> object:
        """The value of an entry; raises `InvalidInput` for one that is none."""
        try:
            return read_value(self.name, entry.value)
        except InvalidInput as error:
            raise InvalidInput(f"its history from {entry.valid_from.date().isoformat()} on: {error}") from error


def _between(name: str, each: _OfTerm) -> str:
    first, last = (moment.date().isoformat() for moment in (each.change.last_seen, each.change.first_seen))
    what = name.replace("_", " ")
    if name == "charges":
        return f"its charges were others on {last} than on {first}, and no record says since when"
    return f"its {what} was {_shown(each.before)} on {first} and {_shown(each.after)} on {last}, and no record says since when"


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _plan_terms(plan: Plan) -> dict[str, Any]:
    return {
        **{f"price_{each}": plan.flat_prices.get(each) for each in Interval},
        "currency": plan.currency,
        "included_quantity": plan.included_quantity,
        "unit_price": plan.unit_price,
        "unit_batch": plan.unit_batch,
        "charges": plan.charges,
        VALID_FROM: plan.valid_from,
    }


def _plan(plan: Plan, values: Mapping[str, Any]) -> Plan:
    prices = {each: values[f"price_{each}"] for each in Interval if values[f"price_{each}"] is not None}
    others = {name: value for name, value in values.items() if not name.startswith("price_")}
    return replace(plan, flat_prices=prices, **others)


def _subscription_terms(one: Subscription) -> dict[str, Any]:
    return {
        "plan": one.external_plan_id,
        "billing_interval": one.interval,
        "contract_price": one.contract_price,
        "discount_percent": one.discount_percent,
        "instalments": one.instalments,
    }


def _subscription(one: Subscription, values: Mapping[str, Any]) -> Subscription:
    return replace(
        one,
        external_plan_id=values["plan"],
        interval=values["billing_interval"],
        contract_price=values["contract_price"],
        discount_percent=values["discount_percent"],
        instalments=values["instalments"],
    )
