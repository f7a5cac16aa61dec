"""A decision's own rules: its states, who is the same person, what may be written and until when."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.acceptances import (
    BEARERS,
    LONGEST_TEXT,
    REASONS,
    REMEDIES,
    STATES,
    Bearer,
    Reason,
    Signature,
    State,
    person,
    require_expiry,
    require_text,
    state,
)
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import Remedy
from fcb_pipelines_tests.signed import NOW, a_decision, a_row, accepted

TODAY = date(2026, 6, 2)
BY_GRACE = Signature(person="grace", at=NOW)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(person)


def standing(is_bound: bool = True, withdrawn: bool = False, **decision: Any) -> State:
    one = accepted(a_row(), **decision)
    return state(replace(one, withdrawal=BY_GRACE if withdrawn else None), is_bound=is_bound, today=TODAY)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, State.IN_FORCE),
        ({"needs_approval": True}, State.AWAITING_APPROVAL),
        ({"needs_approval": True, "approval": BY_GRACE}, State.IN_FORCE),
        ({"needs_approval": True, "approval": Signature(person=" ADA ", at=NOW)}, State.AWAITING_APPROVAL),
        ({"expires_on": date(2026, 6, 3)}, State.IN_FORCE),
        ({"expires_on": TODAY}, State.EXPIRED),
        ({"is_bound": False}, State.VOID_CHANGED),
        ({"is_bound": False, "needs_approval": True}, State.VOID_CHANGED),
        ({"is_bound": False, "expires_on": TODAY}, State.EXPIRED),
        ({"withdrawn": True}, State.WITHDRAWN),
        ({"withdrawn": True, "is_bound": False, "expires_on": TODAY, "needs_approval": True}, State.WITHDRAWN),
    ],
)
def test_how_a_decision_stands(given: dict[str, Any], found: State) -> None:
    assert standing(**given) is found


def test_every_word_that_may_be_given_has_a_sentence() -> None:
    assert (set(REASONS), set(BEARERS), set(STATES)) == (set(Reason), set(Bearer), set(State))
    assert all(sentence.strip() for table in (REASONS, BEARERS, STATES) for sentence in table.values())


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_says_what_is_still_to_be_done(reason: Reason) -> None:
    assert a_decision(reason=reason).remedy is REMEDIES.get(reason, Remedy.NONE)


def test_an_error_of_the_source_is_to_be_fixed_there_and_a_spoken_price_in_our_model() -> None:
    assert a_decision(reason=Reason.SOURCE_ERROR).remedy is Remedy.FIX_SOURCE
    assert a_decision(reason=Reason.PRICE_AGREED_BY_WORD).remedy is Remedy.FIX_MODEL
    assert a_decision(reason=Reason.BILLED_OUTSIDE).remedy is Remedy.CARRY
    assert a_decision(reason=Reason.WRITE_OFF).remedy is Remedy.NONE


UNSEEN = "\ufe0f\u034f\u3164\u115f\uffa0\u17b4\u180b\u2800\U000e0100\U000e0041"
"""Characters that nobody sees, of several categories of Unicode."""


@pytest.mark.parametrize(
    "name", ["ada", "ADA", " ada\t", "a\u200bda", "ａｄａ", "\u2066ada\u2069", *(f"ad{each}a" for each in UNSEEN)]
)
def test_one_person_under_every_spelling_of_a_name(name: str) -> None:
    assert person(name) == "ada"


def test_two_names_are_two_people() -> None:
    assert len({person(name) for name in ("ada", "adam", "ada l", "ada-l")}) == 4


@given(NAMES, st.sampled_from((str.upper, str.lower, str.title)), st.sampled_from(("", " ", "\t", "\u200b")))
def test_nobody_is_a_second_person_by_writing_the_name_otherwise(name: str, written: Any, around: str) -> None:
    again = f"{around}{written(name)}{around}"
    if person(again) != person(name):
        return  # Some letters have no way back: those are other letters.
    decision = a_decision(author=name, needs_approval=True, approval=Signature(person=again, at=NOW))
    assert not decision.is_approved


@pytest.mark.parametrize("name", ["", " ", "\u200b"])
def test_nobody_approves_and_nobody_writes(name: str) -> None:
    assert not a_decision(needs_approval=True, approval=Signature(person=name, at=NOW)).is_approved
    with pytest.raises(InvalidInput, match="the name of who makes it"):
        a_decision(author=name)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "say why"), (" \n", "say why"), ("\u200b", "say why"), ("x" * (LONGEST_TEXT + 1), "at most"), ("a\0", "plain text"),
     ("\udcff", "plain text")],
)  # fmt: skip
def test_a_text_says_something_that_can_be_kept(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        require_text(text, "--text")
    with pytest.raises(InvalidInput, match=said):
        a_decision(text=text)


def test_a_text_of_the_longest_length_and_of_several_lines_is_kept() -> None:
    require_text("é" * LONGEST_TEXT, "--text")
    require_text("agreed\nby phone", "--text")


@pytest.mark.parametrize(("days", "said"), [(-1, "at once"), (0, "at once"), (1, None), (90, None), (91, "more than 90 days")])
def test_an_expiry_lies_ahead_and_not_too_far(days: int, said: str | None) -> None:
    if said is None:
        require_expiry(TODAY + timedelta(days=days), TODAY, 90)
        return
    with pytest.raises(InvalidInput, match=said):
        require_expiry(TODAY + timedelta(days=days), TODAY, 90)


@pytest.mark.parametrize(
    "changes",
    [
        {"charge": "flat"},
        {"residual": money("1 CAD")},
        {"amount": money("-1 CAD")},
        {"exposure": money("9.13 CAD")},
        {"places": ()},
    ],
)
def test_an_acceptance_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="A-1"):
        replace(accepted(a_row()), **changes)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="timezone"):
        a_decision(made_at=datetime(2026, 6, 2))  # noqa: DTZ001
