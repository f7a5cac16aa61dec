"""How far a flip is by its journal, what comes next, and what a journal may not say."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.flip import (
    BACK,
    FORTH,
    STEPS,
    Part,
    Phase,
    State,
    Step,
    course,
    faults,
    is_in_odoo,
    is_over,
    is_under_way,
    next_step,
    state,
)
from fcb_pipelines_tests.flips import done, written

Words = Sequence[tuple[Step, Phase]]
BEFORE, AFTER, WAITING, REFUSED = Phase.BEFORE, Phase.AFTER, Phase.WAITING, Phase.REFUSED
FLIP = STEPS[Part.FLIP]


@pytest.mark.parametrize(
    ("words", "flip", "charge", "complete", "unflip"),
    [
        ([], Step.SOURCE_STOPPED, None, None, None),
        ([(Step.SOURCE_STOPPED, WAITING)], Step.SOURCE_STOPPED, None, None, None),
        (done(FLIP[:1]), Step.CLAIMED, None, None, Step.TOKEN_DETACHED),
        ([*done(FLIP[:1]), (Step.CLAIMED, BEFORE)], Step.CLAIMED, None, None, Step.TOKEN_DETACHED),
        ([*done(FLIP[:1]), (Step.CLAIMED, BEFORE), (Step.CLAIMED, REFUSED)], Step.CLAIMED, None, None, Step.TOKEN_DETACHED),
        (done(FLIP), None, Step.TOKEN_ATTACHED, None, Step.TOKEN_DETACHED),
        (done(FORTH[:6]), None, None, Step.FINAL_BILL_SEEN, Step.TOKEN_DETACHED),
        (done(FORTH), None, None, None, Step.TOKEN_DETACHED),
        ([*done(FLIP[:2]), (Step.TOKEN_DETACHED, BEFORE)], None, None, None, Step.TOKEN_DETACHED),
        (done((*FORTH, *BACK[:3])), None, None, None, BACK[3]),
        (done((*FORTH, *BACK)), None, None, None, None),
    ],
)
def test_each_part_goes_on_with_its_own_next_step(
    words: Words, flip: Step | None, charge: Step | None, complete: Step | None, unflip: Step | None
) -> None:
    so_far = course(written(*words))
    assert [next_step(so_far, part) for part in Part] == [flip, charge, complete, unflip]


@pytest.mark.parametrize(
    ("words", "is_armed", "where", "in_odoo", "over"),
    [
        ([], False, State.SHADOW, False, False),
        ([], True, State.ARMED, False, False),
        ([(Step.SOURCE_STOPPED, WAITING)], True, State.ARMED, False, False),
        (done(FLIP[:2]), True, State.FLIPPING, False, False),
        ([*done(FLIP[:2]), (Step.PLAN_SET, BEFORE)], True, State.FLIPPING, True, False),
        ([*done(FLIP[:2]), (Step.PLAN_SET, BEFORE), (Step.PLAN_SET, REFUSED)], True, State.FLIPPING, True, False),
        (done(FLIP), True, State.LIVE, True, False),
        (done(FORTH), True, State.COMPLETE, True, True),
        ([*done(FORTH), (Step.TOKEN_DETACHED, BEFORE)], True, State.UNFLIPPING, True, False),
        (done((*FORTH, *BACK[:-1])), False, State.UNFLIPPING, True, False),
        (done((*FORTH, *BACK)), True, State.SHADOW, False, True),
    ],
)
def test_where_a_subscription_stands(words: Words, is_armed: bool, where: State, in_odoo: bool, over: bool) -> None:
    so_far = course(written(*words))
    assert state(so_far, is_armed=is_armed) is where
    assert (is_in_odoo(so_far), is_over(so_far)) == (in_odoo, over)


@pytest.mark.parametrize(
    ("words", "is_it"),
    [
        ([], False),
        ([(Step.SOURCE_STOPPED, WAITING)], False),
        (done(FLIP[:1]), False),
        ([*done(FLIP[:1]), (Step.CLAIMED, BEFORE), (Step.CLAIMED, REFUSED)], False),
        (done(FLIP[:2]), True),
        ([*done(FLIP[:2]), (Step.PLAN_SET, BEFORE)], True),
        (done(FORTH), True),
    ],
)
def test_it_is_under_way_once_anything_was_changed(words: Words, is_it: bool) -> None:
    assert is_under_way(course(written(*words))) is is_it


def test_what_a_step_waits_for_is_told_until_it_goes_on() -> None:
    waits = [*done(FLIP[:1]), (Step.CLAIMED, BEFORE), (Step.CLAIMED, REFUSED)]
    told = course(written(*waits)).told
    assert told is not None
    assert told.phase is REFUSED
    assert course(written(*waits, (Step.CLAIMED, BEFORE))).told is None


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (done((*FORTH, *BACK)), []),
        (done((*FLIP[:2], *BACK)), []),
        ([(Step.SOURCE_STOPPED, WAITING), *done(FLIP[:1])], []),
        ([(Step.SOURCE_STOPPED, BEFORE), (Step.SOURCE_STOPPED, REFUSED), *done(FLIP[:1])], []),
        ([(Step.SOURCE_STOPPED, BEFORE)], ["source_stopped was begun and has no end"]),
        ([(Step.SOURCE_STOPPED, AFTER)], ["source_stopped after follows no beginning of it"]),
        ([(Step.SOURCE_STOPPED, REFUSED)], ["source_stopped refused follows no beginning of it"]),
        (
            [(Step.SOURCE_STOPPED, BEFORE), *done(FLIP[:1])],
            ["source_stopped before follows source_stopped, which was begun and had no end"],
        ),
        (
            [(Step.SOURCE_STOPPED, BEFORE), (Step.SOURCE_STOPPED, WAITING)],
            ["source_stopped waiting follows source_stopped, which was begun and had no end"],
        ),
        (done((Step.CLAIMED,)), ["claimed before is out of order", "claimed after is out of order"]),
        (done((*FLIP[:1], *FLIP[:1])), ["source_stopped before is out of order", "source_stopped after is out of order"]),
        (
            [(Step.SOURCE_STOPPED, BEFORE), *done((Step.TOKEN_DETACHED,))],
            ["token_detached before follows source_stopped, which was begun and had no end"],
        ),
        (done((*FORTH, *BACK[:1], Step.COMPLETE)), ["complete before is out of order", "complete after is out of order"]),
        (done((*FLIP[:1], *BACK[:1], Step.CLAIMED)), ["claimed before is out of order", "claimed after is out of order"]),
    ],
)
def test_what_is_wrong_with_a_journal_is_named(words: Words, wrong: list[str]) -> None:
    assert list(faults(written(*words))) == wrong


PARTS = st.lists(st.sampled_from([Part.FLIP, Part.CHARGE, Part.COMPLETE, Part.UNFLIP]), max_size=60)
ENDS = st.sampled_from([AFTER, REFUSED, WAITING])


@given(data=st.data(), parts=PARTS)
def test_whatever_is_done_next_by_the_rules_makes_a_whole_journal(data: st.DataObject, parts: list[Part]) -> None:
    words: list[tuple[Step, Phase]] = []
    for part in parts:
        step = next_step(course(written(*words)), part)
        if step is not None:
            end = data.draw(ENDS)
            words += [(step, WAITING)] if end is WAITING else [(step, BEFORE), (step, end)]
    found = course(written(*words))
    assert faults(written(*words)) == ()
    assert [step for step in found.done if step in FORTH] == list(FORTH)[: sum(step in FORTH for step in found.done)]
    assert [step for step in found.done if step in BACK] == list(BACK)[: sum(step in BACK for step in found.done)]


@given(count=st.integers(1, len(FORTH) + len(BACK)), at=st.integers(0, 100))
def test_a_journal_from_which_an_entry_was_taken_is_not_whole(count: int, at: int) -> None:
    words = done((*FORTH, *BACK)[:count])
    del words[at % len(words)]
    assert faults(written(*words)) != () or words == done((*FORTH, *BACK)[: count - 1])


def test_every_step_belongs_to_one_part() -> None:
    assert sorted(step for steps in STEPS.values() for step in steps) == sorted(Step)
    assert (*FORTH, *BACK) == tuple(Step)
