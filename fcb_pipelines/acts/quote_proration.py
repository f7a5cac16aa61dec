"""Proration as a request writes it: a period, the part of it that was lived in, a convention and a timezone.

Owns: how a date or a time is written and what it means in a timezone. Does not own: the conventions (domain/proration).
A time that the clocks skip or show twice is refused, because any reading of it would be a guess.
"""

import re
from datetime import UTC, date, datetime
from fractions import Fraction
from reprlib import repr as shortened
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.period import midnight
from fcb_pipelines.domain.proration import Proration, share
from fcb_pipelines.domain.written import check_keys, mapping, text, within, word

_OF_THE_MACHINE = "localtime"
"""A name that many machines know, each for another zone."""

_DATE = re.compile(r"(19|20|21)\d\d-\d\d-\d\d", re.ASCII)
_TIME = re.compile(_DATE.pattern + r"[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d(:\d\d)?)?", re.ASCII)


def read_share(written: object) -> Fraction:
    """The share of `{"period": [from, to], "active": [from, to], "convention": …, "timezone": …}`."""
    what = mapping("proration", written)
    check_keys("proration", what, required=("period", "active", "convention", "timezone"))
    return within("proration", lambda: _share(what["period"], what["active"], what["convention"], what["timezone"]))


def _share(period: object, active: object, convention: object, timezone: object) -> Fraction:
    zone = _zone(timezone)
    service_from, service_to = (_moment("period", end, zone) for end in _pair("period", period))
    start, end = _pair("active", active)
    started_at, ended_at = _moment("active", start, zone), None if end is None else _moment("active", end, zone)
    _check_order("period", service_from, service_to)
    _check_order("active", started_at, ended_at)
    return share(
        word("convention", convention, Proration),
        service_from=service_from,
        service_to=service_to,
        started_at=started_at,
        ended_at=ended_at,
        zone=zone,
    )


def _zone(written: object) -> ZoneInfo:
    name = text("timezone", written)
    try:
        zone = None if name == _OF_THE_MACHINE else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        zone = None
    if zone is None:
        raise InvalidInput(f"timezone {shortened(name)} is not known: write a name such as America/Toronto or UTC")
    return zone


def _pair(what: str, written: object) -> tuple[object, object]:
    match written:
        case [start, end]:
            return start, end
        case _:
            example = '["2026-03-01", "2026-04-01"]'
            raise InvalidInput(f"{what} must be a list of two times, such as {example}, is {shortened(written)}")


def _moment(what: str, written: object, zone: ZoneInfo) -> datetime:
    if written is None:
        raise InvalidInput(f"{what}: only the end of active may be null")
    written = text(f"{what}: a time", written)
    try:
        if _DATE.fullmatch(written):
            return _first_of(what, date.fromisoformat(written), zone)
        if _TIME.fullmatch(written):
            moment = datetime.fromisoformat(written)
            return moment.astimezone(UTC) if moment.tzinfo else _shown_once(what, moment, zone)
    except ValueError:
        pass  # a form that is right with a day or an hour that does not exist
    instead = "write a day of the years 1900 to 2199 such as 2026-03-15, or a time such as 2026-03-15T14:00:00-04:00"
    raise InvalidInput(f"{what}: {shortened(written)} is not a time: {instead}")


def _first_of(what: str, day: date, zone: ZoneInfo) -> datetime:
    first = midnight(day, zone)
    if first.date() != day:
        raise InvalidInput(f"{what}: there was no {day} in {zone}: write {first.date()}")
    return first.astimezone(UTC)


def _shown_once(what: str, naive: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clocks of a zone show a time."""
    first, second = (naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    shown = [moment.astimezone(zone).isoformat() for moment in (first, second)]
    if first > second:
        raise InvalidInput(f"{what}: the clocks of {zone} skip {naive.isoformat()}: write {shown[0]}, what they showed instead")
    raise InvalidInput(
        f"{what}: the clocks of {zone} show {naive.isoformat()} twice: write {shown[0]} for the first time or {shown[1]}"
    )


def _check_order(what: str, start: datetime, end: datetime | None) -> None:
    if end is not None and end <= start:
        raise InvalidInput(f"{what} must end after it starts: its second time is the first moment that no longer belongs to it")
