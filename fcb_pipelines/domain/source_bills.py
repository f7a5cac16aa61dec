"""Source bills: which ranges of which charges the source has billed, as far as its lines prove it.

Owns: what a line proves, which ranges were given back, and which lines leave a doubt. Does not own: where a boundary is
(boundaries), which invoices count (owed).

A line proves a range if it counts as billed, has that range itself, and names its subscription: by its invoice's id, or by a
record of what it pays for. Lines of one range are taken together: a range of which all was given back is not billed, and of a
chain of reissues the newest stands. What proves nothing by itself leaves a doubt wherever it may have billed more.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fcb_pipelines.domain.actual import STATUS_UNVERIFIED, ActualLine
from fcb_pipelines.domain.instances import FLAT
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.matching import BESIDE, PaysFor
from fcb_pipelines.domain.money import Money, total

_OF_FLAT = frozenset({LineKind.PLAN, LineKind.PRORATION, LineKind.CREDIT})
"""Kinds that bill the flat price or give it back; a discount changes how much is billed, not for how long."""

EARLIEST_BILL = timedelta(days=31)
"""Nobody bills a range longer before it begins: an older line without a range is not for it."""
_IN_PART = "gives back a part of the last range"

Place = tuple[str, str]
"""Subscription and charge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledRange:
    """A range of one charge that the source billed."""

    service_from: datetime
    service_to: datetime
    line_key: str
    """The line that bills it; of several the newest."""
    issued_at: datetime
    net: Money
    """Σ of its lines; of a line for several subscriptions all of it."""
    is_shared: bool
    """Whether its line is for more than this subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A line that may have billed more of a charge than what is proved."""

    line_key: str
    issued_at: datetime
    service_to: datetime | None
    """The end of its range, where it has one."""
    words: str
    """Which line, and what is the matter with it."""
    is_of_last: bool = False
    """Whether it is about the last range itself, such as a credit for a part of it."""

    def is_open(self, billed_to: datetime, issued_at: datetime) -> bool:
        """Whether it may have billed more than up to `billed_to`, which a line of `issued_at` proves."""
        if self.service_to is None:
            return self.is_of_last or (self.issued_at > issued_at and self.issued_at >= billed_to - EARLIEST_BILL)
        return self.is_of_last or self.service_to > billed_to


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeBills:
    """What the source billed of one charge of one subscription."""

    ranges: tuple[BilledRange, ...] = ()
    """By their end."""
    doubts: tuple[Doubt, ...] = ()

    @property
    def last(self) -> BilledRange | None:
        """The range that ends last."""
        return self.ranges[-1] if self.ranges else None


NOTHING_BILLED = ChargeBills()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBills:
    """Everything that a snapshot's lines say was billed, by charge."""

    found: Mapping[Place, tuple[BilledRange, ...]]
    doubts_of: Mapping[str, tuple[tuple[ActualLine, str], ...]] = field(default_factory=dict)
    """Subscription → lines that name it and prove nothing."""
    untold: Mapping[str, tuple[tuple[ActualLine, str], ...]] = field(default_factory=dict)
    """Customer → lines of theirs that name no subscription."""

    def of(self, subscription: str, customers: Iterable[str], charge: str) -> ChargeBills:
        """What is proved of a charge, and what leaves a doubt about it; `customers` are all that it ever belonged to."""
        lines = [*self.doubts_of.get(subscription, ())]
        for customer in customers:
            lines += self.untold.get(customer, ())
        doubts = tuple(_doubt(line, words) for line, words in lines if _may_be(line, charge))
        return ChargeBills(ranges=self.found.get((subscription, charge), ()), doubts=doubts)


def source_bills(lines: Iterable[ActualLine], told: Mapping[str, PaysFor]) -> SourceBills:
    """What lines prove; `told` says by line key what a record knows of it."""
    groups: dict[Place, dict[tuple[datetime, datetime], list[ActualLine]]] = defaultdict(lambda: defaultdict(list))
    doubts: dict[str, list[tuple[ActualLine, str]]] = defaultdict(list)
    untold: dict[str, list[tuple[ActualLine, str]]] = defaultdict(list)
    shared: set[str] = set()
    for line in (one for one in lines if one.counts and one.kind not in BESIDE):
        named, charge, why = _named(line, told), _charge(line), _proves_nothing(line)
        if len(named) > 1:
            shared.add(line.line_key)
        if not named and line.net.amount > 0:
            untold[line.external_user_id].append((line, why or "names no subscription, and no record says for which it is"))
        for subscription in named:
            if why is None and charge is not None and line.service_from is not None and line.service_to is not None:
                groups[subscription, charge][line.service_from, line.service_to].append(line)
            elif line.net.amount > 0:
                doubts[subscription].append((line, why or f"is of kind {line.kind}"))
    found = {place: tuple(_billed(of_place, shared)) for place, of_place in groups.items()}
    for place, of_place in groups.items():
        doubts[place[0]] += _partly_given_back(of_place, found[place])
    return SourceBills(
        found=found,
        doubts_of={key: tuple(each) for key, each in doubts.items()},
        untold={key: tuple(each) for key, each in untold.items()},
    )


def _named(line: ActualLine, told: Mapping[str, PaysFor]) -> tuple[str, ...]:
    if line.external_subscription_id is not None:
        return (line.external_subscription_id,)
    record = told.get(line.line_key)
    return record.subscriptions if record is not None else ()


def _charge(line: ActualLine) -> str | None:
    return line.charge or (FLAT if line.kind in _OF_FLAT else None)


def _proves_nothing(line: ActualLine) -> str | None:
    """Why a line proves no range, in words that follow its key."""
    if STATUS_UNVERIFIED in line.notes:
        return "is void, and nothing on record confirms it"
    if line.service_from is None:
        return "has no service range"
    return None


def _billed(groups: Mapping[tuple[datetime, datetime], Sequence[ActualLine]], shared: set[str]) -> Iterator[BilledRange]:
    """The ranges of which something is billed, by their end; of those with one end the longest is the last."""
    for start, end in sorted(groups, key=lambda each: (each[1], -each[0].timestamp())):
        lines = groups[start, end]
        asked = [line for line in lines if line.net.amount >= 0]
        net = total((line.net for line in lines), lines[0].net.currency) if _one_currency(lines) else asked[-1].net
        if not asked or (len(asked) < len(lines) and net.amount <= 0):
            continue
        newest = max(asked, key=lambda line: (line.issued_at, line.line_key))
        yield BilledRange(
            service_from=start,
            service_to=end,
            line_key=newest.line_key,
            issued_at=newest.issued_at,
            net=net,
            is_shared=newest.line_key in shared,
        )


def _one_currency(lines: Sequence[ActualLine]) -> bool:
    return len({line.net.currency for line in lines}) == 1


def _partly_given_back(
    groups: Mapping[tuple[datetime, datetime], Sequence[ActualLine]], billed: Sequence[BilledRange]
) -> Iterator[tuple[ActualLine, str]]:
    """Credits for a part of the last range that nothing stands in the place of: who says how long it is billed now?"""
    if not billed:
        return
    last = billed[-1]
    for (start, end), lines in groups.items():
        is_part = start < last.service_to and end >= last.service_to and start > last.service_from
        if is_part and all(line.net.amount < 0 for line in lines):
            yield from ((line, _IN_PART) for line in lines)


def _may_be(line: ActualLine, charge: str) -> bool:
    """Whether a line without a charge, or with this one, may be for it."""
    found = _charge(line)
    return found is None or found == charge or (found == FLAT and line.kind is LineKind.CREDIT)


def _doubt(line: ActualLine, words: str) -> Doubt:
    return Doubt(
        line_key=line.line_key,
        issued_at=line.issued_at,
        service_to=line.service_to,
        words=f"line {line.line_key} {words}",
        is_of_last=words == _IN_PART,
    )
