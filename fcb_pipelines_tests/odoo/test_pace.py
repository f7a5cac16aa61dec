"""The pace: batches grow towards the target, shrink after slow calls, and stay within their bounds."""

from concurrent.futures import CancelledError
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.odoo.pace import FEWEST, FIRST, MOST, TARGET_SECONDS, Pace


class Clock:
    """Stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def paced(items: int, seconds_a_record: float, seconds_a_call: float = 0.0) -> list[int]:
    """The batches of a run against a server that is so slow."""
    clock, sizes = Clock(), []
    pace = Pace(clock)
    for batch in pace.batches(range(items)):
        sizes.append(len(batch))
        with pace.measured(len(batch)):
            clock.now += seconds_a_call + seconds_a_record * len(batch)
    return sizes


@pytest.mark.parametrize(
    ("seconds_a_record", "sizes"),
    [
        (0.0, [100, 400, 1000, 1000, 1000, 500]),
        (0.001, [100, 400, 1000, 1000, 1000, 500]),
        (0.005, [100, 400, 800, 800, 800, 800, 300]),
        (0.02, [100] + [200] * 19 + [100]),
        (0.08, [100] + [50] * 78),
        (5.0, [100] + [10] * 390),
    ],
)
def test_batches_take_the_target_at_most(seconds_a_record: float, sizes: list[int]) -> None:
    assert paced(4000, seconds_a_record) == sizes


@given(
    items=st.integers(0, 5000),
    seconds_a_record=st.floats(0, 10, allow_nan=False),
    seconds_a_call=st.floats(0, 10, allow_nan=False),
)
def test_every_item_is_in_one_batch_and_batches_keep_their_bounds(
    items: int, seconds_a_record: float, seconds_a_call: float
) -> None:
    sizes = paced(items, seconds_a_record, seconds_a_call)
    assert sum(sizes) == items
    assert all(FEWEST <= size <= MOST for size in sizes[:-1])
    assert all(after <= before * 4 for before, after in pairwise(sizes))


@pytest.mark.parametrize(
    ("items", "lanes", "sizes"),
    [
        (300, 1, [100, 100, 100]),
        (300, 2, [100, 100, 50, 25, 13, 12]),
        (150, 4, [38, 28, 21, 16, 12, 12, 12, 11]),
        (13, 2, [12, 1]),
        (12, 4, [12]),
    ],
)
def test_the_end_is_shared_among_the_lanes_in_batches_that_are_worth_a_call(items: int, lanes: int, sizes: list[int]) -> None:
    assert [len(batch) for batch in Pace(Clock(), lanes=lanes).batches(range(items))] == sizes


def side_by_side(items: int, lanes: int, seconds_a_record: float) -> list[float]:
    """When each lane ends, each taking its next batch as soon as its last one is done."""
    clock = Clock()
    pace = Pace(clock, lanes=lanes)
    batches = pace.batches(range(items))
    ends = [(0.0, 0)] * lanes
    over: list[float] = []
    while ends:
        end, count = ends.pop(ends.index(min(ends)))
        clock.now = end - count * seconds_a_record
        with pace.measured(count):
            clock.now = end
        if batch := next(batches, None):
            ends.append((end + len(batch) * seconds_a_record, len(batch)))
        else:
            over.append(end)
    return over


@pytest.mark.parametrize("items", [200, 300, 1000, 1200, 3000, 5000])
@pytest.mark.parametrize("lanes", [2, 3])
@pytest.mark.parametrize("seconds_a_record", [0.0011, 0.01])
def test_lanes_have_work_until_the_end(items: int, lanes: int, seconds_a_record: float) -> None:
    ends = side_by_side(items, lanes, seconds_a_record)
    assert len(ends) == lanes
    assert max(ends) - min(ends) <= TARGET_SECONDS / 8
    assert max(ends) <= items / lanes * seconds_a_record * 1.25


@pytest.mark.parametrize(("times", "size"), [(1, FIRST // 2), (2, FIRST // 4), (9, FEWEST)])
def test_no_answer_halves(times: int, size: int) -> None:
    pace = Pace(Clock())
    for _ in range(times):
        pace.unanswered()
    assert pace.size == size


def test_a_call_that_fails_tells_nothing_of_the_pace() -> None:
    clock = Clock()
    pace = Pace(clock)

    def fail() -> None:
        with pace.measured(FIRST):
            clock.now += 1000 * TARGET_SECONDS
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        fail()
    assert pace.size == FIRST


def test_no_call_begins_once_the_work_is_given_up() -> None:
    pace = Pace(Clock())
    pace.give_up()
    with pytest.raises(CancelledError), pace.measured(1):
        pytest.fail("it began")


def test_calls_of_one_size_that_end_together_let_the_pace_grow_once() -> None:
    pace = Pace(Clock(), lanes=2)
    with pace.measured(FIRST), pace.measured(FIRST):
        pass
    assert pace.size == FIRST * 4


@pytest.mark.parametrize(("seconds", "size"), [(0.5, FIRST), (TARGET_SECONDS, FEWEST)])
def test_a_small_rest_tells_of_the_pace_only_if_it_is_slow(seconds: float, size: int) -> None:
    clock = Clock()
    pace = Pace(clock)
    with pace.measured(3):
        clock.now += seconds
    assert pace.size == size
