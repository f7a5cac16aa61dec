"""Flip plans: the same plan is the same hash, and whatever a person decides on changes it."""

from dataclasses import replace
from typing import Any

import pytest

from fcb_pipelines.domain.claims import Biller
from fcb_pipelines.domain.flip_plans import FlipPlan, Proof
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.records_json import as_json, read
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.flips import NOW, a_charge, a_plan, a_subscription, a_term


@pytest.mark.parametrize("changes", [{"made_at": NOW.replace(year=2027)}, {"snapshot_id": 99}])
def test_when_it_was_made_is_no_part_of_a_plan(changes: dict[str, Any]) -> None:
    assert a_plan(**changes).content_hash == a_plan().content_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"not_before": "2026-08"},
        {"final_usage": Biller.ODOO},
        {"asked_for": ("u2",)},
        {"drawn_in": {"s1": "of the same customer as s2"}},
        {"left_out": {"s2": "it ended"}},
        {"settings_hash": "1" * 64},
        {"rule_version": "2"},
    ],
)
def test_whatever_else_it_says_is(changes: dict[str, Any]) -> None:
    assert a_plan(**changes).content_hash != a_plan().content_hash


@pytest.mark.parametrize(
    "changes",
    [
        {"external_user_id": "u2"},
        {"partner_id": 12},
        {"order_id": None},
        {"token_id": 5},
        {"terms_ending": (a_term(),)},
        {"notes": ("no_order: …",)},
        {"charges": (a_charge(first_net=money("20.00 CAD")),)},
        {"charges": (a_charge(boundary=day("2026-08-01")),)},
        {"charges": (a_charge(proof=Proof.UNPROVED),)},
        {"charges": (a_charge(final_from=day("2026-06-01")),)},
    ],
)
def test_a_plan_whose_owner_order_boundary_or_amount_changed_is_another(changes: dict[str, Any]) -> None:
    """A deployment that moved to another partner since makes another plan, and the one that was armed is refused."""
    assert a_plan(a_subscription(**changes)).flip_id() != a_plan().flip_id()


def test_what_is_read_back_is_the_same_plan() -> None:
    plan = a_plan(a_subscription(terms_ending=(a_term(),)), left_out={"s2": "it ended"}, final_usage=Biller.ODOO)
    kept = read(FlipPlan, as_json(plan))
    assert (kept, kept.content_hash) == (plan, plan.content_hash)


def test_its_id_is_its_hash_and_another_once_it_came_to_its_end() -> None:
    plan = a_plan()
    assert plan.flip_id() == f"F-{plan.content_hash[:12]}"
    ids = {plan.flip_id(times) for times in range(3)}
    assert len(ids) == 3
    assert all(len(one) == 14 for one in ids)


def test_no_total_sums_across_currencies_or_what_is_unknown() -> None:
    charges = [a_charge(), a_charge(first_net=money("5.00 USD")), a_charge(first_net=None)]
    plan = a_plan(*(a_subscription(f"s{number}", charges=(one,)) for number, one in enumerate(charges)))
    assert {code: str(amount) for code, amount in plan.totals.items()} == {"CAD": "19.99 CAD", "USD": "5.00 USD"}
    assert replace(plan, subscriptions=()).totals == {}
