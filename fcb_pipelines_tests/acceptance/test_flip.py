"""A customer of the demo taken live, billed for a month and taken back: nothing is billed twice or never, or left behind."""

from collections import Counter
from decimal import Decimal

from fcb_pipelines_tests.acceptance.decided import Rehearsed

CANARY = {f"SUB-{number}" for number in range(1060, 1068)}


def test_the_gate_was_shut_until_people_signed(rehearsed: Rehearsed) -> None:
    assert rehearsed.objections > 20


def test_what_is_live_is_not_taken_live_again(rehearsed: Rehearsed) -> None:
    assert rehearsed.refused["refused"] is True
    assert {"ended"} <= {one["id"] for one in rehearsed.refused["objections"]}


def test_while_it_is_live_odoo_bills_and_the_source_does_not(rehearsed: Rehearsed) -> None:
    assert rehearsed.posted == {"2026-06": 2, "2026-07": 3}, "two monthly prices, and in July a year that begins anew"
    assert rehearsed.while_live["status"]["subscriptions"]["live"] == len(CANARY)
    rows = [row for row in rehearsed.while_live["rows"] if row["partner"] == "5" and row["verdict"] != "nothing_due"]
    assert {row["subscription"]: row["expected"]["net"] for row in rows} == {"SUB-1065": "14.00", "SUB-1066": "9.00"}
    assert {cause["cause"] for row in rows for one in row["instances"] for cause in one["causes"]} == {"billed_by_odoo"}


def test_no_month_has_anything_undecided_while_it_is_live(rehearsed: Rehearsed) -> None:
    assert {row["verdict"] for row in rehearsed.while_live["rows"]} <= {"match", "explained", "nothing_due"}
    coverage = rehearsed.while_live["status"]["periods"]["2026-06"]["coverage_money"]["CAD"]
    assert Decimal(coverage) == 1


def test_the_guards_found_nothing(rehearsed: Rehearsed) -> None:
    assert (rehearsed.while_live["guard"]["watched"], rehearsed.while_live["guard"]["open"]) == (len(CANARY), [])


def test_everything_in_odoo_is_as_before_but_for_what_must_remain(rehearsed: Rehearsed) -> None:
    assert set(rehearsed.journal["states"].values()) == {"shadow"}
    kinds = Counter(each.split(" ", 1)[0] for each in rehearsed.remains)
    assert kinds["moves"] == 2 * sum(rehearsed.posted.values()), "each invoice and its credit note"
    assert not set(kinds) - {"moves", "move_lines", "orders"}, rehearsed.remains


def test_each_step_is_journalled_with_its_end_and_on_the_chain(rehearsed: Rehearsed) -> None:
    assert rehearsed.journal["faults"] == []
    steps = Counter((one["external_subscription_id"], one["step"], one["phase"]) for one in rehearsed.journal["entries"])
    ended = {(subscription, step) for subscription, step, phase in steps if phase == "after"}
    assert {subscription for subscription, _ in ended} == CANARY
    assert all(steps[subscription, step, "after"] == 1 == steps[subscription, step, "before"] for subscription, step in ended)
    assert rehearsed.verified.code == 0
