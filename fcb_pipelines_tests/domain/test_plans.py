"""Plans: what a plan must have, and which an import takes."""

from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.imports import plans_to_skip
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription


@pytest.mark.parametrize(("text", "months"), [("monthly", 1), (" Yearly ", 12), ("YEARLY", 12)])
def test_a_billing_cycle_is_read_in_any_case(text: str, months: int) -> None:
    assert Interval.read(text).months == months


@pytest.mark.parametrize("text", ["weekly", "", None, "month", "biennial"])
def test_an_unknown_billing_cycle_is_not_monthly(text: str | None) -> None:
    with pytest.raises(InvalidInput, match="unknown billing cycle"):
        Interval.read(text)


def test_a_missing_price_is_not_zero() -> None:
    plan = a_plan(prices={Interval.MONTHLY: Decimal(0)})
    assert plan.flat_price(Interval.MONTHLY) == 0
    with pytest.raises(InvalidInput, match="has no yearly price"):
        plan.flat_price(Interval.YEARLY)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": " "}, "has no name"),
        ({"unit_batch": Decimal(0)}, "unit batch must be above 0"),
        ({"unit_price": Decimal("-0.01")}, "must not be negative"),
        ({"included_quantity": Decimal(-1)}, "must not be negative"),
    ],
)
def test_a_plan_refuses_to_exist_wrong(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        a_plan(**wrong)


@pytest.mark.parametrize(
    ("active", "priced", "referenced", "take_all", "is_left_out"),
    [
        (True, True, False, False, False),
        (False, True, True, False, False),
        (False, True, False, False, True),
        (False, True, False, True, False),
        (True, False, False, True, True),
        (True, False, True, False, False),
    ],
)
def test_an_import_takes_active_or_referenced_plans(
    active: bool, priced: bool, referenced: bool, take_all: bool, is_left_out: bool
) -> None:
    plan = a_plan("p1", {Interval.MONTHLY: Decimal(1)} if priced else {}, is_active=active)
    scope = {"s1"} if referenced else set()
    assert bool(plans_to_skip([plan], [a_subscription("s1")], scope, take_all=take_all)) is is_left_out
