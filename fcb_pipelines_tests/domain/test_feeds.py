"""Two feeds held against each other: what was planted is found, and nothing else."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.feeds import Finding, Kind, Told, compare

START = datetime(2026, 4, 10, tzinfo=UTC)


def told(key: str, quantity: str = "1", *, at: int = 0, value: str | None = None) -> Told:
    return Told(key=key, started_at=START + timedelta(minutes=5 * at), quantity=Decimal(quantity), value=value)


def kinds(found: Sequence[Finding]) -> list[str]:
    return [each.kind.value for each in found]


@pytest.mark.parametrize(
    ("pulled", "pushed", "found"),
    [
        ([], [], []),
        ([told("a")], [told("a")], []),
        ([told("a")], [told("b")], []),
        ([told("a", "2.50")], [told("b", "2.5")], []),
        ([told("a"), told("b")], [told("c"), told("d")], []),
        ([told("a")], [], ["only pulled"]),
        ([], [told("a")], ["only pushed"]),
        ([told("a")], [told("a", "2")], ["different"]),
        ([told("a")], [told("a", at=1)], ["different"]),
        ([told("a")], [told("b", "2")], ["different"]),
        ([told("a")], [told("b", at=1)], ["only pulled", "only pushed"]),
        ([told("a", value="x")], [told("b", value="y")], ["different"]),
        ([told("a")], [told("b"), told("c")], ["twice pushed"]),
        ([told("a")], [told("a"), told("b")], ["twice pushed"]),
        ([told("a"), told("b")], [told("a")], ["twice pulled"]),
        ([told("a"), told("b")], [], ["only pulled", "twice pulled"]),
        ([told("a"), told("b", "7")], [told("x", "7")], ["only pulled"]),
        ([told("a", "5"), told("b", "7")], [told("x", "7"), told("y", "9")], ["different"]),
    ],
)
def test_events_are_paired_by_key_then_by_what_they_say(pulled: list[Told], pushed: list[Told], found: list[str]) -> None:
    assert kinds(compare(pulled, pushed)) == found


def test_a_difference_shows_both_sides() -> None:
    (found,) = compare([told("a", "5")], [told("b", "7")])
    assert (found.pulled, found.pushed) == (told("a", "5"), told("b", "7"))


@pytest.mark.parametrize(
    ("event", "amount"), [(told("a", "2.50"), "2.5"), (told("a", "100"), "100"), (told("a", value="u"), "u")]
)
def test_what_an_event_counts_for_is_said_plainly(event: Told, amount: str) -> None:
    assert event.amount == amount


@dataclass(frozen=True)
class Planted:
    """Two feeds that agreed before this was done to one event at each of some times."""

    pulled: tuple[Told, ...]
    pushed: tuple[Told, ...]
    expected: Counter[tuple[Kind, str]]


FAULTS = st.sampled_from([None, *Kind])


@st.composite
def planted(draw: st.DrawFn) -> Planted:
    """At every time up to three events of different quantities, and at most one fault; keys shared or each feed's own."""
    pulled: list[Told] = []
    pushed: list[Told] = []
    expected: Counter[tuple[Kind, str]] = Counter()
    prefix = draw(st.sampled_from(["", "other-"]))
    for at in range(draw(st.integers(0, 6))):
        quantities = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True))
        ours = [told(f"{at}/{n}", str(quantity), at=at) for n, quantity in enumerate(quantities)]
        theirs = [replace(each, key=prefix + each.key) for each in ours]
        fault = draw(FAULTS)
        if fault is not None:
            which = draw(st.integers(0, len(ours) - 1))
            _plant(fault, which, ours, theirs)
            expected[fault, ours[which].key if fault is not Kind.ONLY_PUSHED else theirs[which].key] += 1
            if fault is Kind.ONLY_PULLED:
                del theirs[which]
            elif fault is Kind.ONLY_PUSHED:
                del ours[which]
        pulled += ours
        pushed += theirs
    return Planted(tuple(draw(st.permutations(pulled))), tuple(draw(st.permutations(pushed))), expected)


def _plant(fault: Kind, which: int, ours: list[Told], theirs: list[Told]) -> None:
    if fault is Kind.DIFFERENT:
        theirs[which] = replace(theirs[which], quantity=Decimal(100))
    elif fault is Kind.TWICE_PULLED:
        ours.append(replace(ours[which], key=ours[which].key + "-again"))
    elif fault is Kind.TWICE_PUSHED:
        theirs.append(replace(theirs[which], key=theirs[which].key + "-again"))


def origin(found: Finding) -> str:
    """The key of the event that a fault was planted on."""
    side = found.pulled or found.pushed
    assert side is not None
    key = side.key.removesuffix("-again")
    return key.removeprefix("other-") if found.kind is Kind.TWICE_PUSHED else key


@given(planted())
def test_what_was_planted_is_found_and_nothing_else(feeds: Planted) -> None:
    found = compare(feeds.pulled, feeds.pushed)
    assert Counter((each.kind, origin(each)) for each in found) == feeds.expected


@given(planted())
def test_what_the_feeds_say_differently_is_exactly_what_lies_between_their_sums(feeds: Planted) -> None:
    between = sum((each.quantity for each in feeds.pulled), Decimal(0)) - sum(
        (each.quantity for each in feeds.pushed), Decimal(0)
    )
    found = compare(feeds.pulled, feeds.pushed)
    nothing = Decimal(0)
    assert between == sum(
        (
            (each.pulled.quantity if each.pulled else nothing) - (each.pushed.quantity if each.pushed else nothing)
            for each in found
        ),
        nothing,
    )


@given(planted())
def test_the_other_way_round_it_is_the_mirror(feeds: Planted) -> None:
    mirror = {
        Kind.ONLY_PULLED: Kind.ONLY_PUSHED,
        Kind.ONLY_PUSHED: Kind.ONLY_PULLED,
        Kind.TWICE_PULLED: Kind.TWICE_PUSHED,
        Kind.TWICE_PUSHED: Kind.TWICE_PULLED,
        Kind.DIFFERENT: Kind.DIFFERENT,
    }
    one, other = compare(feeds.pulled, feeds.pushed), compare(feeds.pushed, feeds.pulled)
    assert Counter((mirror[each.kind], each.pushed, each.pulled) for each in one) == Counter(
        (each.kind, each.pulled, each.pushed) for each in other
    )
