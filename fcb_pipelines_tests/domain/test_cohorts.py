"""Cohorts: nobody is split, everybody who is drawn in knows why, and what needs no flip is left out by name."""

from collections.abc import Mapping
from typing import Any

import pytest

from fcb_pipelines.domain.cohorts import Cohort, Ties, closed, names
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines_tests.builders import NOW, a_subscription, day

OWNED = {"s1": "u1", "s2": "u1", "s3": "u2", "s4": "u3", "s5": "u4"}
"""Subscription → customer."""


def closing(*asked_for: str, owned: Mapping[str, str] | None = None, **ties: Any) -> Cohort:
    found = [a_subscription(external_subscription_id=key, external_user_id=user) for key, user in (owned or OWNED).items()]
    return closed(asked_for, found, Ties(**ties), NOW)


@pytest.mark.parametrize(
    ("asked_for", "ties", "subscriptions", "drawn_in"),
    [
        (("u2",), {}, ("s3",), {}),
        (("u1",), {}, ("s1", "s2"), {}),
        (("s1",), {}, ("s1", "s2"), {"s2": "of the same customer as s1"}),
        (("s1", "s2"), {}, ("s1", "s2"), {}),
        (("u1", "s4"), {}, ("s1", "s2", "s4"), {}),
        (
            ("s3",),
            {"partners": {"u2": 8, "u3": 8, "u4": 9}},
            ("s3", "s4"),
            {"s4": "customer u3 is partner 8 in Odoo with customer u2"},
        ),
        (
            ("u3",),
            {"invoices": {"i1": frozenset({"u3", "u4"}), "i2": frozenset({"u1"})}},
            ("s4", "s5"),
            {"s5": "customer u4 shares invoice i1 with customer u3"},
        ),
        (
            ("u1",),
            {"partners": {"u1": 8, "u2": 8}, "invoices": {"i1": frozenset({"u2", "u3"})}},
            ("s1", "s2", "s3", "s4"),
            {"s3": "customer u2 is partner 8 in Odoo with customer u1", "s4": "customer u3 shares invoice i1 with customer u2"},
        ),
        (
            ("u1",),
            {"partners": {"u1": 8, "gone": 8}, "invoices": {"i1": frozenset({"gone", "u4"})}},
            ("s1", "s2", "s5"),
            {"s5": "customer u4 shares invoice i1 with customer gone"},
        ),
    ],
    ids=[
        "one",
        "all of a customer",
        "siblings",
        "both named",
        "mixed",
        "one partner",
        "one invoice",
        "chain",
        "through nobody",
    ],
)
def test_a_cohort_is_closed(
    asked_for: tuple[str, ...], ties: dict[str, Any], subscriptions: tuple[str, ...], drawn_in: dict[str, str]
) -> None:
    found = closing(*asked_for, **ties)
    assert (found.subscriptions, found.drawn_in, found.asked_for) == (subscriptions, drawn_in, asked_for)


def test_a_closure_is_closed_whomever_one_begins_with() -> None:
    ties: dict[str, Any] = {"partners": {"u1": 8, "u2": 8}, "invoices": {"i1": frozenset({"u2", "u3"})}}
    everybody = {closing(each, **ties).subscriptions for each in ("u1", "u2", "u3", "s1", "s4")}
    assert everybody == {("s1", "s2", "s3", "s4")}


def test_what_ends_before_odoo_would_bill_it_is_left_out() -> None:
    ends = {"s1": day("2026-05-01"), "s2": day("2026-07-01"), "s3": day("2026-07-02"), "s4": None, "s5": None}
    found = [a_subscription(external_subscription_id=key, ended_at=end) for key, end in ends.items()]
    cancelled = {"s4": day("2026-06-20"), "s5": day("2026-12-01")}
    cohort = closed(["u1"], found, Ties(cancelled=cancelled), day("2026-07-01"))
    assert cohort.subscriptions == ("s3", "s5")
    assert cohort.left_out == {
        key: f"it ends on {when}, before Odoo would bill it"
        for key, when in {"s1": "2026-05-01", "s2": "2026-07-01", "s4": "2026-06-20"}.items()
    }


def test_what_has_not_begun_yet_goes_along() -> None:
    assert closed(["u1"], [a_subscription(started_at=day("2026-09-01"))], Ties(), NOW).subscriptions == ("s1",)


def test_what_is_never_billed_is_left_out_with_the_reason() -> None:
    found = closing("u1", idle={"s2": "it costs nothing", "s5": "internal"})
    assert (found.subscriptions, found.left_out) == (("s1",), {"s2": "it costs nothing"})


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        ("SUB-1", "SUB-1 is neither a customer with subscriptions nor a subscription; there is SUB-11, SUB-12"),
        ("", "fcb status names what was imported"),
        ("customer:SUB-11", "neither"),
        ("both", "both is a customer and a subscription: write customer:both or subscription:both"),
    ],
)
def test_a_name_that_nobody_or_that_two_have_is_an_error(asked_for: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        closing(asked_for, owned={"SUB-11": "u1", "SUB-12": "u1", "both": "u2", "x": "both"})


@pytest.mark.parametrize(("name", "subscriptions"), [("customer:both", ("x",)), ("subscription:both", ("both",))])
def test_a_name_that_two_have_can_be_told_apart(name: str, subscriptions: tuple[str, ...]) -> None:
    assert closing(name, owned={"both": "u2", "x": "both"}).subscriptions == subscriptions


@pytest.mark.parametrize(
    ("asked_for", "said"), [("s1", "s1 needs no flip: it costs nothing"), ("u1", "nothing of what was asked for")]
)
def test_where_nothing_is_to_flip_it_says_so(asked_for: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        closing(asked_for, owned={"s1": "u1"}, idle={"s1": "it costs nothing"})


def test_a_file_names_one_on_a_line() -> None:
    assert names("u1\n\n # all of Ada's\nSUB-7  # and one more\nu1\n") == ("u1", "SUB-7")
