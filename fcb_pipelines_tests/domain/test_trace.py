"""Steps of a trace: walked once, in order, with what was found; numbers and rows in words."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pytest

from fcb_pipelines.domain.trace import Found, Kind, Step, followed, grouped, printable, told, walked


def a_step(name: str, *below: Step, wrong: str = "", untraced: str = "") -> Step:
    return Step(kind=Kind.EVENT, reference=name, says=name, wrong=wrong, untraced=untraced, rests_on=below)


def test_every_step_comes_before_what_it_rests_on_and_knows_its_place() -> None:
    root = a_step("root", a_step("a", a_step("a1"), a_step("a2")), a_step("b", a_step("b1")))
    places = {step.says: place for step, place in walked(root, Found())}
    assert list(places) == ["root", "a", "a1", "a2", "b", "b1"]
    assert places == {
        "root": (),
        "a": (True,),
        "a1": (True, True),
        "a2": (True, False),
        "b": (False,),
        "b1": (False, False),
    }


def test_what_is_wrong_or_cannot_be_traced_is_kept_in_order() -> None:
    found = Found()
    root = a_step("", a_step("x", wrong="1 is not 2"), a_step("y", untraced="gone"), wrong="all of it")
    assert len(list(walked(root, found))) == 3
    assert (found.wrong, found.untraced) == (["all of it", "x: 1 is not 2"], ["y: gone"])


def test_steps_are_taken_one_ahead_and_never_all_at_once() -> None:
    taken: list[int] = []

    def many() -> Iterator[Step]:
        for number in range(5):
            taken.append(number)
            yield a_step(str(number))

    steps = followed(many())
    assert [next(steps)[1], next(steps)[1]] == [True, True]
    assert taken == [0, 1, 2]
    assert [has_more for _, has_more in steps] == [True, True, False]
    assert list(followed([])) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(7560000), "7,560,000"),
        (Decimal("-1234.50"), "-1,234.5"),
        (Decimal("0.000001"), "0.000001"),
        (Fraction(1, 3), "0.333333333333"),
        (Decimal("1E+6"), "1,000,000"),
        (Decimal(0), "0"),
    ],
)
def test_numbers_stand_in_groups_of_three(value: Decimal | Fraction, text: str) -> None:
    assert grouped(value) == text


def test_a_row_tells_what_it_holds_and_leaves_out_what_is_empty() -> None:
    row = {"id": 7, "name": "", "ended_at": None, "lines": [], "is_active": False, "data": {"price": "8.00"}, "of": ["a", 1]}
    assert told(row, but=("id",)) == "is_active false, data (price 8.00), of [a; 1]"


def test_what_a_source_says_is_no_order_to_a_terminal() -> None:
    assert printable("Zoë — 9,14 €") == "Zoë — 9,14 €"
    assert (
        printable("paid\n├─ \x1b[2Kin\N{NO-BREAK SPACE}full\x9b1A")
        == "paid ├─ \N{REPLACEMENT CHARACTER}[2Kin full\N{REPLACEMENT CHARACTER}1A"
    )
