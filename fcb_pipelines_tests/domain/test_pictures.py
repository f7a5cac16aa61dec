"""Which differences between two pictures must remain, and which are faults."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcb_pipelines.domain.pictures import ARCHIVED, OF_FLIP, Difference, Picture, differences, faults

ORDER: dict[str, Any] = {
    "name": "S1",
    "state": "draft",
    "date_order": "2026-05-01",
    "invoice_ids": [1],
    "message_partner_ids": [],
}
DRAFT: dict[str, Any] = {
    "name": None,
    "state": "draft",
    "payment_state": "not_paid",
    "amount_residual": "5",
    "amount_total": "5",
    OF_FLIP: True,
}
POSTED = {**DRAFT, "name": "INV/1", "state": "posted"}
OF_OTHERS = {**DRAFT, OF_FLIP: False}
UNTOLD = {name: value for name, value in DRAFT.items() if name != OF_FLIP}
"""As in pictures that were taken before it was told."""


def one(before: dict[str, Any] | None, after: dict[str, Any] | None, kind: str) -> tuple[Difference, ...]:
    def pictured(fields: dict[str, Any] | None) -> Picture:
        return {kind: {} if fields is None else {"7": fields}}

    return differences(pictured(before), pictured(after))


@pytest.mark.parametrize(
    ("field", "value", "must_remain"),
    [
        ("date_order", "2026-06-02", True),
        ("date_order", None, False),
        ("invoice_ids", [1, 2], True),
        ("invoice_ids", [2], False),
        ("transaction_ids", [5], True),
        ("message_partner_ids", [3], True),
        ("state", "sale", False),
        ("name", "S2", False),
        ("plan_id", 4, False),
        ("payment_token_id", 4, False),
    ],
)
def test_of_an_order_only_what_cannot_be_undone_remains(field: str, value: Any, must_remain: bool) -> None:
    (found,) = one(ORDER, {**ORDER, field: value}, "orders")
    assert (found.field, found.before, found.after) == (field, ORDER.get(field), value)
    assert (found.must_remain, bool(found.why)) == (must_remain, must_remain)


@pytest.mark.parametrize(
    ("before", "after", "is_fault"),
    [
        (None, POSTED, False),
        (None, {**DRAFT, "state": "cancel"}, False),
        (None, DRAFT, True),
        (POSTED, None, True),
        (DRAFT, None, True),
        (DRAFT, POSTED, False),
        (DRAFT, {**DRAFT, "state": "cancel"}, False),
        (DRAFT, {**DRAFT, "amount_total": "6"}, True),
        (POSTED, {**POSTED, "payment_state": "reversed", "amount_residual": "0"}, False),
        (POSTED, {**POSTED, "amount_total": "6"}, True),
        (POSTED, {**POSTED, "name": "INV/2"}, True),
        (POSTED, {**POSTED, "state": "draft"}, True),
        (POSTED, {**POSTED, "state": "cancel", "payment_state": "reversed"}, True),
        (OF_OTHERS, None, False),
        (None, OF_OTHERS, False),
        (OF_OTHERS, {**OF_OTHERS, "amount_total": "6"}, False),
        ({**POSTED, OF_FLIP: False}, None, True),
        ({**POSTED, OF_FLIP: False}, OF_OTHERS, True),
        (UNTOLD, None, False),
        (UNTOLD, {**OF_OTHERS, "amount_total": "6"}, False),
        (UNTOLD, {**DRAFT, "amount_total": "6"}, True),
        (None, UNTOLD, True),
        ({**UNTOLD, "reversed_entry_id": 9}, None, True),
        ({**POSTED, OF_FLIP: None}, None, True),
    ],
)
def test_what_was_posted_stays_and_changes_no_more_than_it_may(
    before: dict[str, Any] | None, after: dict[str, Any] | None, is_fault: bool
) -> None:
    found = one(before, after, "moves")
    assert found
    assert bool(faults(found)) == is_fault


@pytest.mark.parametrize(("state", "is_fault"), [("posted", False), ("cancel", False), ("draft", True), (None, True)])
def test_a_line_follows_its_invoice(state: str | None, is_fault: bool) -> None:
    moves = {"9": {**DRAFT, "state": state}} if state else {}
    found = differences({"moves": moves}, {"moves": moves, "move_lines": {"7": {"move_id": 9, "name": "usage"}}})
    assert [(each.kind, each.name, each.must_remain) for each in found] == [("move_lines", "usage", not is_fault)]


def test_a_draft_that_an_order_knew_is_missed_and_so_are_its_lines() -> None:
    """Others were written by the runs of a month, which take them away when the month is Odoo's to bill."""
    before: Picture = {
        "orders": {"1": {**ORDER, "invoice_ids": [7]}},
        "moves": {"7": UNTOLD, "8": UNTOLD},
        "move_lines": {"70": {"move_id": 7}, "80": {"move_id": 8}},
    }
    found = differences(before, {"orders": before["orders"]})
    assert {(each.kind, each.record) for each in faults(found)} == {("moves", "7"), ("move_lines", "70")}
    assert {(each.kind, each.record) for each in found if each.is_of_others} == {("moves", "8"), ("move_lines", "80")}


def test_whether_a_draft_is_of_the_flip_is_no_difference_of_it() -> None:
    assert one(UNTOLD, DRAFT, "moves") == one(OF_OTHERS, DRAFT, "moves") == ()


def test_a_line_of_a_posted_invoice_does_not_change() -> None:
    line = {"move_id": 9, "name": "usage", "quantity": "1"}
    before = {"moves": {"9": POSTED}, "move_lines": {"7": line}}
    after = {"moves": {"9": POSTED}, "move_lines": {"7": {**line, "quantity": "2"}}}
    assert [each.field for each in faults(differences(before, after))] == ["quantity"]
    drafted = {**before, "moves": {"9": DRAFT}}
    assert faults(differences(drafted, after)) == ()


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (None, {"active": False}, ARCHIVED),
        (None, {"active": True}, ""),
        ({"active": True}, {"active": False}, ""),
        ({"active": False}, None, ""),
    ],
)
def test_what_was_made_and_archived_remains_and_what_was_there_before_does_not(
    before: dict[str, Any] | None, after: dict[str, Any] | None, why: str
) -> None:
    (found,) = one(before, after, "tokens")
    assert (found.why, found.must_remain) == (why, bool(why))
    assert (found.is_of_others, found.is_fault) == (not why, False), "a flip writes no token, it attaches one to an order"


def test_records_are_told_in_order_and_by_their_names() -> None:
    before = {"partners": {each: {"name": f"P{each}", "city": "a"} for each in ("2", "10")}}
    after = {"partners": {each: {"name": f"P{each}", "city": "b"} for each in ("10", "2")}}
    assert [(each.record, each.name) for each in differences(before, after)] == [("2", "P2"), ("10", "P10")]
    assert [each.name for each in differences({}, {"partners": {"3": {}}})] == ["3"]


PICTURES = st.dictionaries(
    st.sampled_from(["orders", "moves", "move_lines", "tokens"]),
    st.dictionaries(
        st.sampled_from(["1", "2"]),
        st.fixed_dictionaries(
            {
                "state": st.sampled_from(["draft", "posted", "cancel"]),
                "move_id": st.sampled_from([1, 2]),
                OF_FLIP: st.just(True),
            }
        ),
    ),
)


@given(before=PICTURES, after=PICTURES)
def test_equal_pictures_differ_in_nothing_and_others_in_something(before: Picture, after: Picture) -> None:
    assert differences(before, before) == ()
    is_same = {k: v for k, v in before.items() if v} == {k: v for k, v in after.items() if v}
    assert (differences(before, after) == ()) == is_same
    assert all(each.must_remain == bool(each.why) for each in differences(before, after))


@given(before=PICTURES)
def test_whatever_of_the_flip_is_lost_is_a_fault(before: Picture) -> None:
    found = differences(before, {})
    assert len(found) == sum(map(len, before.values()))
    assert len(faults(found)) == sum(len(each) for kind, each in before.items() if kind != "tokens")
