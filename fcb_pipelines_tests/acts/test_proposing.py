"""What is about to be signed: what others signed is not in it, and what changed since it was shown is refused."""

from datetime import date

import pytest

from fcb_pipelines.acts.proposing import Proposal, cannot_last, digest, proposal, require_as_shown
from fcb_pipelines.acts.signed_rows import ShownOtherwise
from fcb_pipelines.domain.acceptances import Acceptance, Kind
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import Row
from fcb_pipelines_tests.signed import MATCHED, RULES, a_row, accepted, an_instance, shown

TODAY = date(2026, 6, 2)
USAGE = an_instance("3.00", "1.00", charge="cpu_seconds")
ROW = a_row(an_instance(), MATCHED, USAGE)
STANDING = accepted(a_row(), kind=Kind.STANDING)
"""Of the flat price of the same subscription, which leaves the same."""


def of(row: Row = ROW, *before: Acceptance, rules: str = RULES) -> Proposal:
    return proposal(shown(row), before, rules, TODAY)


def test_what_is_undecided_is_proposed_and_what_another_signed_is_not() -> None:
    both, rest = of(), of(ROW, STANDING)
    assert (both.places, both.charges, both.amount) == ((1, 3), ("flat", "cpu_seconds"), money("11.14 CAD"))
    assert (rest.places, rest.charges, rest.amount) == ((3,), ("cpu_seconds",), money("2.00 CAD"))
    with pytest.raises(ShownOtherwise):
        require_as_shown([rest], digest([both]))
    require_as_shown([both], digest([both]))
    require_as_shown([rest], None)


@pytest.mark.parametrize(
    "other",
    [
        of(a_row(an_instance(actual="40.87"), MATCHED, USAGE)),
        of(a_row(an_instance(), MATCHED, USAGE, external_user_id="u2")),
        of(rules="2"),
        of(a_row(an_instance(evidence=()), MATCHED, USAGE)),
    ],
)
def test_whatever_is_bound_is_shown(other: Proposal) -> None:
    with pytest.raises(ShownOtherwise, match="look at it again"):
        require_as_shown([other], digest([of()]))


def test_rows_are_shown_in_any_order_and_none_is_left_out() -> None:
    one, two = of(), of(a_row(subscription="s2"))
    assert digest([one, two]) == digest([two, one])
    assert len({digest(each) for each in ([one], [two], [one, two], [])}) == 4


def test_of_what_is_decided_nothing_is_proposed() -> None:
    for row, before, said in ((a_row(MATCHED), (), "is match"), (a_row(), (STANDING,), "accepted already by A-1")):
        with pytest.raises(InvalidInput, match=said):
            of(row, *before)


def test_what_cannot_last_says_why() -> None:
    line = a_row(an_instance(None, "7.00"), row_id="shop/2026-04/line/i7/1", line_key="i7/1", subscription=None)
    twice = a_row(an_instance(), an_instance())
    assert cannot_last(shown(ROW), (1, 3)) is None
    assert cannot_last(shown(line), (1,)) == "is a line of no subscription, which no later month has"
    assert cannot_last(shown(twice), (1, 2)) == "has a charge more than once"
    assert cannot_last(shown(twice), (1,)) is None
