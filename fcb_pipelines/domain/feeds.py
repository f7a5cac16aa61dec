"""Two feeds of the same usage: what one tells and the other does not, and what they tell differently.

Owns: how events of the two feeds are paired, and what a comparison says. Does not own: the events (usage), the same pairing
over a whole month in SQL (store/feeds).

The feeds give their events different keys, so events are paired by key where that is the same, then by time and content, each
event once. What is left at the same time in both is one event told differently; what is left of one feed was told twice there
if the feed has its like, and is missing in the other if not. When an event ended decides no bill and is not compared.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from fcb_pipelines.domain.money import plain

SETTLED = timedelta(hours=24)
"""How long before the last reading an event must have begun to be compared: later ones may be on their way in either feed."""


class Kind(StrEnum):
    """In what the feeds differ."""

    ONLY_PULLED = "only pulled"
    """The host did not push it."""
    ONLY_PUSHED = "only pushed"
    """The source does not have it."""
    DIFFERENT = "different"
    """Both tell it, and not the same of it."""
    TWICE_PULLED = "twice pulled"
    """The source has its like more often than the host pushed it."""
    TWICE_PUSHED = "twice pushed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event as one feed tells it."""

    key: str
    started_at: datetime
    quantity: Decimal
    value: str | None = None
    """What is counted where the metric counts distinct values."""

    @property
    def content(self) -> tuple[datetime, Decimal, str]:
        """What two feeds that agree say alike."""
        return self.started_at, self.quantity, self.value or ""

    @property
    def amount(self) -> str:
        """What it counts for, for people."""
        return plain(self.quantity) if self.value is None else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One difference; a side that has nothing is None."""

    kind: Kind
    pulled: Told | None
    pushed: Told | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A difference, and of which subscription and metric it is."""

    external_subscription_id: str
    metric: str
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """All differences of one kind: how many, and what either feed counts for them, as a sum whatever the metric."""

    events: int
    pulled: Decimal
    pushed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionFeeds:
    """One subscription and metric by both feeds: what either comes to by the metric's aggregation, and their differences."""

    external_subscription_id: str
    metric: str
    pulled: Decimal
    pushed: Decimal
    pulled_events: int
    pushed_events: int
    differences: Mapping[Kind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A month by both feeds."""

    until: datetime
    """Events that began before this are compared."""
    metrics: Mapping[str, tuple[Decimal, Decimal]]
    """Of each metric that both feeds tell: Σ of what its subscriptions come to, pulled and pushed."""
    alone: Mapping[str, str]
    """Metrics that one feed alone tells → that feed; they cannot be compared."""
    compared: int
    """Subscriptions and metrics that were compared."""
    differing: int
    """Those of them that differ."""
    figures: Mapping[Kind, Figure]
    """By kind; one without differences is absent."""
    subscriptions: tuple[SubscriptionFeeds, ...]
    """The first that differ, those by the largest quantity before others."""
    first: tuple[Found, ...]
    """The first differences of each kind."""
    is_kept: bool = True
    """Whether the month's events are still there; without them nothing can be compared."""

    @property
    def is_applicable(self) -> bool:
        """Whether there is anything that both feeds tell."""
        return bool(self.metrics)

    @property
    def agrees(self) -> bool:
        """Whether no difference was found."""
        return not self.figures

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        if not self.is_kept:
            return "not applicable: the events of the month are no longer kept"
        if not self.is_applicable:
            told = (
                f"only the {' and the '.join(sorted(set(self.alone.values())))} feed tells" if self.alone else "no feed tells"
            )
            return f"not applicable: {told} anything of the time before {self.until.isoformat()}"
        if self.agrees:
            return f"both feeds tell the same of all {self.compared} subscriptions and metrics"
        kinds = ", ".join(f"{figure.events} {kind}" for kind, figure in self.figures.items())
        return f"the feeds differ on {self.differing} of {self.compared} subscriptions and metrics: {kinds}"


def compare(pulled: Iterable[Told], pushed: Iterable[Told]) -> tuple[Finding, ...]:
    """How the two feeds differ on one subscription and metric, by time. Keys are unique within each feed."""
    by_key = ({each.key: each for each in pulled}, {each.key: each for each in pushed})
    common = by_key[0].keys() & by_key[1].keys()
    pairs = [(by_key[0][key], by_key[1][key]) for key in common]
    counts = tuple(_numbered(side.values(), common) for side in by_key)
    alike = counts[0].keys() & counts[1].keys()
    left = tuple(_by_time({place: each for place, each in count.items() if place not in alike}) for count in counts)
    found = [Finding(kind=Kind.DIFFERENT, pulled=one, pushed=other) for one, other in pairs if one.content != other.content]
    twins = tuple({side[key].content for key in common} for side in by_key)
    for place in left[0].keys() | left[1].keys():
        found.append(_finding(left[0].get(place), left[1].get(place), twins))
    return tuple(sorted(found, key=_order))


_Place = tuple[datetime, Decimal, str, int]
_Left = tuple[int, Told]
"""Which of its like in its feed an event is, and the event."""


def _numbered(told: Iterable[Told], common: Iterable[str]) -> dict[_Place, Told]:
    """Events whose key the other feed does not have, by content and number among their like."""
    paired = frozenset(common)
    counted: dict[tuple[datetime, Decimal, str], int] = defaultdict(int)
    found = {}
    for each in sorted(told, key=lambda one: one.key):
        if each.key not in paired:
            counted[each.content] += 1
            found[*each.content, counted[each.content]] = each
    return found


def _by_time(left: Mapping[_Place, Told]) -> dict[tuple[datetime, int], _Left]:
    """What is left, by its time and the number among those of its time, smaller quantities first."""
    at: dict[datetime, list[_Left]] = defaultdict(list)
    for place, each in sorted(left.items(), key=lambda item: (*item[1].content, item[1].key)):
        at[each.started_at].append((place[-1], each))
    return {(time, n): one for time, some in at.items() for n, one in enumerate(some)}


def _finding(pulled: _Left | None, pushed: _Left | None, twins: Sequence[set[tuple[datetime, Decimal, str]]]) -> Finding:
    if pulled is not None and pushed is not None:
        return Finding(kind=Kind.DIFFERENT, pulled=pulled[1], pushed=pushed[1])
    if pulled is not None:
        is_repeat = pulled[0] > 1 or pulled[1].content in twins[0]
        return Finding(kind=Kind.TWICE_PULLED if is_repeat else Kind.ONLY_PULLED, pulled=pulled[1], pushed=None)
    assert pushed is not None  # noqa: S101 - a place has at least one side
    is_repeat = pushed[0] > 1 or pushed[1].content in twins[1]
    return Finding(kind=Kind.TWICE_PUSHED if is_repeat else Kind.ONLY_PUSHED, pulled=None, pushed=pushed[1])


def _order(found: Finding) -> tuple[datetime, str, str]:
    side = found.pulled or found.pushed
    assert side is not None  # noqa: S101 - a finding has at least one side
    return side.started_at, found.kind, side.key
