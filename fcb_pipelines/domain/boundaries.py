"""Boundaries: per charge, where the source's last range ends and Odoo's first one starts, and how that is known.

Owns: the rule of the boundary, who bills what was used before it, and Odoo's first range. Does not own: what lines prove
(source_bills), ranges and prices (expected, instances), the plan (flip_plans).

In advance, the boundary is the end of the last range that the source billed; if that is before the first month that Odoo is to
bill, nobody would bill the time between, unless nothing is due for it. In arrears somebody must bill what was used before: the
source, which then bills up to the first month of Odoo, or Odoo, whose first range starts where the source's last bill ends.

A month for which nothing is due says nothing of the months before it: it counts only where it follows what is known without a
range of ours between. A bill does say something of them, for a source bills one range after the other.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.expected import RatedLine
from fcb_pipelines.domain.flip_plans import Proof
from fcb_pipelines.domain.period import Period, period_of
from fcb_pipelines.domain.source_bills import NOTHING_BILLED, BilledRange, ChargeBills, Doubt

GAP = "gap"
"""Nobody would bill the time between the boundary and the first month that Odoo is to bill."""
WITHIN_RANGE = "within_range"
"""The boundary lies inside a range of ours, so that Odoo's first one would be a part that nobody priced."""
ENDED = "ended"
"""The subscription has no range from the boundary on."""
DOUBTFUL = "doubtful"
"""A line may have billed more than what is proved."""

_MOST_MONTHS = 13
"""No range is longer than a year, so that one that holds a moment began at most so many months before."""

Ranges = Callable[[Period], Sequence[RatedLine]]
"""The ranges of one charge that start in a month, each with its price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a person attested: the first day that the source has not billed."""

    paid_through: datetime
    attestation_id: str
    made_at: datetime
    """What came later was not known to who signed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A range of which a reconciled month says that nothing was due for it and nothing was billed."""

    service_from: datetime
    service_to: datetime
    reference: str
    """The row that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one charge of one subscription."""

    began: datetime
    """The first moment that anything can be billed for: the first instant of the day on which the subscription began."""
    in_scope_from: datetime
    """From when on the source's invoices are read."""
    ranges: Ranges
    is_in_arrears: bool
    bills: ChargeBills = NOTHING_BILLED
    settled: tuple[Settled, ...] = ()
    """By their beginning."""
    signed: Signed | None = None
    source_word: datetime | None = None
    """Up to where the source itself says that it is paid, which proves nothing; it is what is shown where nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Where one biller ends and the other starts, for one charge."""

    at: datetime
    proof: Proof
    reference: str
    final_from: datetime | None
    """The source is still to bill `[final_from, at)`."""
    final_biller: Biller
    first: RatedLine | None
    """Odoo's first range, from the boundary on; None where there is none."""
    notes: tuple[str, ...] = ()
    """Each begins with one of the words of this module."""


@dataclass(frozen=True, slots=True)
class _Base:
    """Up to where everything is billed or not due, and how that is known."""

    at: datetime
    proof: Proof
    reference: str
    as_of: datetime
    """When that was said: a line without a range that came later may have billed more."""
    is_signed: bool = False


_Span = tuple[datetime, _Base]
"""From when on, and up to where, everything is billed or not due."""


def boundary(known: Known, not_before: Period, final_usage: Biller) -> Boundary:
    """The boundary of a charge. Raises `InvalidInput` where the price of one of its ranges cannot be told."""
    base = _base(known, not_before)
    if not known.is_in_arrears:
        return _in_advance(known, base, not_before)
    if final_usage is Biller.ODOO:
        return _made(known, base, not_before, final_biller=Biller.ODOO)
    start = next(_lines(known.ranges, max(not_before.start, known.began), not_before.zone), None)
    at = max(base.at, not_before.start if start is None else start.service_from)
    # Whoever bills before it, Odoo starts there: only what the source billed for the time after can stand against it.
    left = replace(base, at=at, as_of=max(base.as_of, at)) if base.at < at else base
    return _made(known, left, not_before, final_from=base.at if base.at < at else None)


def first_range(ranges: Ranges, at: datetime, zone: ZoneInfo) -> RatedLine | None:
    """The range that holds a moment, else the first one after it; None where no more begin."""
    month = period_of(at, zone)
    for _ in range(_MOST_MONTHS):
        held = [line for line in ranges(month) if line.service_from <= at < line.service_to]
        if held:
            return max(held, key=lambda line: line.service_from)
        month = month.previous()
    return next(_lines(ranges, at, zone), None)


def _in_advance(known: Known, base: _Base, not_before: Period) -> Boundary:
    """The end of what was billed, or of what follows it and costs nothing."""
    free = base
    for line in _lines(known.ranges, base.at, not_before.zone):
        if line.service_from != free.at or free.at >= not_before.start or line.exact is None or line.exact > 0:
            break
        free = _Base(line.service_to, Proof.NOTHING_DUE, line.line_key, max(base.as_of, line.service_from))
    if base.proof not in {Proof.UNPROVED, Proof.BEGINNING} and free is not base:
        free = replace(free, proof=base.proof, reference=base.reference)
    if free.at >= not_before.start:
        return _made(known, free, not_before)
    day = free.at.astimezone(not_before.zone).date()
    gap = f"{GAP}: the source has billed up to {day}, and Odoo is to bill from {not_before.key} on"
    return _made(known, free, not_before, notes=(gap,))


def _base(known: Known, not_before: Period) -> _Base:
    """The latest of what is billed, signed and not due, else the beginning, which says something only within our sight."""
    zone, settled = not_before.zone, list(_settled(known))
    told = _of_bills(known) or _of_beginning(known, zone)
    # Of equals what the data say: it needs no signature.
    found = [] if told is None else [_reached(known, told, settled, zone)]
    found += (_reached(known, signed, settled, zone) for signed in _signed(known))
    return max(found, key=lambda base: base.at, default=_Base(_guess(known, not_before), Proof.UNPROVED, "", known.began))


def billed_on(known: Known, start: datetime, zone: ZoneInfo) -> tuple[datetime, str] | None:
    """Up to when all of a charge from a moment on is billed, signed or not due, and what says so of the last of it.

    Not what came later, where something between is open. None where a line may have billed more than is proved. Raises
    `InvalidInput` where the price of one of its ranges cannot be told.
    """
    bills = [(one.service_from, _billed(one)) for one in known.bills.ranges]
    spans = [*bills, *_settled(known), *((start, signed) for signed in _signed(known))]
    reached = _reached(known, _Base(start, Proof.UNPROVED, "", start), spans, zone)
    return None if any(_is_open(one, reached) for one in known.bills.doubts) else (reached.at, reached.reference)


def _of_bills(known: Known) -> _Base | None:
    last = known.bills.last
    return None if last is None else _billed(last)


def _of_beginning(known: Known, zone: ZoneInfo) -> _Base | None:
    """Where it begins; of what began before anything was read where our sight begins, if nothing is due from there on."""
    if known.began >= known.in_scope_from:
        return _Base(known.began, Proof.BEGINNING, "", known.began)
    first = next((one for one in known.settled if one.service_to > known.in_scope_from), None)
    ours = None if first is None else next(_lines(known.ranges, known.in_scope_from, zone), None)
    if first is None or (ours is not None and ours.service_from < first.service_from):
        return None
    return _Base(first.service_to, Proof.NOTHING_DUE, first.reference, first.service_to)


def _billed(one: BilledRange) -> _Base:
    return _Base(one.service_to, Proof.INVOICE_LINE, one.line_key, one.issued_at)


def _settled(known: Known) -> Iterator[_Span]:
    for one in known.settled:
        yield one.service_from, _Base(one.service_to, Proof.NOTHING_DUE, one.reference, one.service_to)


def _signed(known: Known) -> Iterator[_Base]:
    if (signed := known.signed) is not None:
        yield _Base(signed.paid_through, Proof.SIGNED, signed.attestation_id, signed.made_at, is_signed=True)


def _reached(known: Known, base: _Base, spans: Iterable[_Span], zone: ZoneInfo) -> _Base:
    """How far these go from a base on, as long as no range of ours lies between one and the next."""
    for start, one in sorted(spans, key=lambda span: span[0]):
        if one.at > base.at and (start <= base.at or not _is_ours(known, base.at, start, zone)):
            base = one
    return base


def _is_ours(known: Known, start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    """Whether a range of ours has a part in `[start, end)`."""
    first = first_range(known.ranges, start, zone)
    return first is not None and first.service_from < end


def _guess(known: Known, not_before: Period) -> datetime:
    """Where the boundary may be of what began before anything was read: by the source's word, else by our own ranges."""
    if known.source_word is not None:
        return known.source_word
    following = next(_lines(known.ranges, not_before.start, not_before.zone), None)
    return not_before.start if following is None else following.service_from


def _made(
    known: Known,
    base: _Base,
    not_before: Period,
    *,
    final_biller: Biller = Biller.SOURCE,
    final_from: datetime | None = None,
    notes: tuple[str, ...] = (),
) -> Boundary:
    first = first_range(known.ranges, base.at, not_before.zone)
    doubts = tuple(f"{DOUBTFUL}: {one.words}" for one in known.bills.doubts if _is_open(one, base))
    is_free = not known.is_in_arrears and first is not None and first.exact == 0
    is_proved = is_free or not doubts
    return Boundary(
        at=base.at,
        proof=base.proof if is_proved else Proof.UNPROVED,
        reference=base.reference if is_proved else "",
        final_from=final_from,
        final_biller=final_biller,
        first=first,
        notes=(*notes, *_of_first(first, base.at, not_before.zone), *(() if is_free else doubts)),
    )


def _is_open(doubt: Doubt, base: _Base) -> bool:
    """Whether a line may have billed more than the base says; who signed knew what had come by then."""
    return doubt.is_open(base.at, base.as_of) and (not base.is_signed or doubt.issued_at > base.as_of)


def _of_first(first: RatedLine | None, at: datetime, zone: ZoneInfo) -> Iterator[str]:
    day = at.astimezone(zone).date()
    if first is None:
        yield f"{ENDED}: it has no range from {day} on"
    elif first.service_from < at:
        start, end = (moment.astimezone(zone).date() for moment in (first.service_from, first.service_to))
        yield f"{WITHIN_RANGE}: {day} lies within its range from {start} to {end}"
    elif first.service_from > at:
        yield f"{WITHIN_RANGE}: its next range begins on {first.service_from.astimezone(zone).date()}, after {day}"


def _lines(ranges: Ranges, at: datetime, zone: ZoneInfo) -> Iterator[RatedLine]:
    """The ranges that begin at a moment or later, in order, until none does for a year."""
    month, empty = period_of(at, zone), 0
    while empty < _MOST_MONTHS:
        found = sorted((line for line in ranges(month) if line.service_from >= at), key=lambda line: line.service_from)
        yield from found
        empty = 0 if found else empty + 1
        month = month.next()
