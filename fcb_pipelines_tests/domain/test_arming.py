"""What must be typed to arm a flip, when an arming holds, and who may stand behind it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.arming import Arming, Stake, over_limit, require_as_planned, why_not_approve
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.flip import Part
from fcb_pipelines_tests.flips import FLIP_ID, NOW

DAY = timedelta(hours=24)


def amounts(**given: str) -> dict[str, Decimal]:
    return {code: Decimal(amount) for code, amount in given.items()}


PLANNED = Stake(count=3, amounts=amounts(CAD="44.99", USD="10"))
ARMED = Arming(
    arming_id=1,
    flip_id=FLIP_ID,
    part=Part.FLIP,
    person="Ada",
    secret_made_by=None,
    stake=PLANNED,
    armed_at=NOW,
    expires_at=NOW + DAY,
    needs_approval=False,
)
LARGE = replace(ARMED, needs_approval=True)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        (Stake(count=3, amounts=amounts(CAD="44.99", USD="10.00")), ""),
        (Stake(count=2, amounts=PLANNED.amounts), "2 subscriptions, and 3 are planned"),
        (Stake(count=3, amounts=amounts(CAD="44.98", USD="10")), "44.98 CAD, and 44.99 CAD is planned"),
        (Stake(count=3, amounts=amounts(CAD="44.99")), "no amount in USD, and 10 USD is planned"),
        (Stake(count=3, amounts=amounts(CAD="44.99", USD="10", EUR="1")), "1 EUR, and nothing in EUR is planned"),
        (Stake(count=1, amounts={}), "1 subscriptions, and 3 are planned; no amount in CAD"),
    ],
)
def test_count_and_amounts_are_typed_exactly(typed: Stake, wrong: str) -> None:
    if not wrong:
        require_as_planned(typed, PLANNED)
        return
    with pytest.raises(InvalidInput, match=wrong):
        require_as_planned(typed, PLANNED)


@given(cents=st.integers(1, 10**6), other=st.integers(1, 10**6))
def test_one_cent_beside_it_is_not_what_was_planned(cents: int, other: int) -> None:
    planned, typed = (Stake(count=1, amounts={"CAD": Decimal(one) / 100}) for one in (cents, other))
    if cents == other:
        require_as_planned(typed, planned)
    else:
        with pytest.raises(InvalidInput):
            require_as_planned(typed, planned)


@pytest.mark.parametrize(
    ("given_amounts", "is_all_known", "over"),
    [
        (amounts(CAD="500"), True, ()),
        (amounts(CAD="500.01"), True, ("500.01 CAD, above the limit of 500.00 CAD",)),
        (amounts(JPY="1"), True, ("1 JPY, and JPY has no limit",)),
        ({}, True, ()),
        ({}, False, ("the first amount of a subscription is not known",)),
        (amounts(CAD="500.01", JPY="1"), False, ("500.01 CAD", "1 JPY", "the first amount")),
    ],
)
def test_above_the_limit_and_where_there_is_none_one_person_is_not_enough(
    given_amounts: Mapping[str, Decimal], is_all_known: bool, over: tuple[str, ...]
) -> None:
    found = over_limit(Stake(count=1, amounts=given_amounts, is_all_known=is_all_known), {"CAD": Decimal(500)})
    assert len(found) == len(over)
    assert all(said.startswith(wanted) for said, wanted in zip(found, over, strict=True))


@pytest.mark.parametrize(
    ("arming", "at", "why_not"),
    [
        (ARMED, NOW, None),
        (ARMED, NOW + DAY - timedelta(microseconds=1), None),
        (ARMED, NOW + DAY, "held until"),
        (ARMED, NOW - timedelta(seconds=1), "yet to come"),
        (LARGE, NOW, f"somebody else must approve it:  fcb arm --approve {FLIP_ID} --act flip --count N"),
        (replace(LARGE, approval=Signature(person="grace", at=NOW)), NOW, None),
        (replace(LARGE, approval=Signature(person=" ADA ", at=NOW)), NOW, "somebody else must approve it"),
        (replace(LARGE, approval=Signature(person="\u200b", at=NOW)), NOW, "somebody else must approve it"),
    ],
)
def test_an_arming_holds_for_its_time_and_once_it_is_approved(arming: Arming, at: datetime, why_not: str | None) -> None:
    found = arming.why_not(at)
    assert (found is None) == (why_not is None)
    assert (why_not or "") in (found or "")


@pytest.mark.parametrize(
    ("made_by", "approver", "approvers_made_by", "may"),
    [
        (None, "grace", None, True),
        (None, "ADA", None, False),
        (None, "ada\u200b", None, False),
        (None, " ", None, False),
        ("grace", "grace", None, False),
        ("grace", "eve", None, True),
        (None, "grace", "ada", False),
        (None, "grace", "eve", True),
    ],
)
def test_nobody_approves_what_they_armed_under_whatever_name(
    made_by: str | None, approver: str, approvers_made_by: str | None, may: bool
) -> None:
    found = why_not_approve(replace(LARGE, secret_made_by=made_by), approver, approvers_made_by)
    assert (found is None) == may
    assert found is None or f"the flip of {FLIP_ID}" in found
