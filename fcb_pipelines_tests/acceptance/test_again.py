"""Doing it again: nothing is made twice, a dry run writes nothing, and what too wide an import made can go."""

from fcb_pipelines_tests.acceptance.fixtures import PERIODS, Again, AllPlans, Demo


def test_the_demo_says_what_it_does(demo: Demo) -> None:
    assert "Traceback" not in demo.ended.err
    assert [f"rating and reconciling {period}" in demo.ended.err for period in PERIODS] == [True] * 3


def test_a_second_import_creates_and_changes_nothing(again: Again) -> None:
    found = again.imported
    assert (found["created"], found["changed"], found["unchanged"], found["failed"]) == (0, 0, 200, 0)
    assert found["skipped"] == 126


def test_a_second_import_and_run_leave_the_same(demo: Demo, again: Again) -> None:
    assert again.remains["odoo"] == demo.remains["odoo"]
    assert {part for part in demo.remains if again.remains[part] != demo.remains[part]} == set()


def test_a_dry_run_writes_nothing(again: Again) -> None:
    store, sandbox = zip(again.before, again.after, strict=True)
    assert len(store[0]) > 15
    assert sum(map(len, store[0].values())) > 4000, "the store was looked at"
    assert sum(map(len, sandbox[0].values())) > 300, "the sandbox was looked at"
    assert store[0] == store[1]
    assert sandbox[0] == sandbox[1]


def test_a_dry_run_shows_that_nothing_differs(again: Again) -> None:
    assert (again.dry["created"], again.dry["changed"], again.dry["unchanged"]) == (0, 0, 200)
    assert all(one["diff"] == [] for one in again.dry["entities"].values())


def test_a_dry_run_shows_people_what_the_import_then_makes(again: Again, all_plans: AllPlans) -> None:
    assert again.dry_for_people.code == 0
    assert "would be written" in again.dry_for_people.out
    assert again.dry_for_people.out.count("create fcb.nexacloud_plan_") == 2 * all_plans.imported["created"]


def test_a_second_run_adds_a_revision_in_which_nothing_changed(demo: Demo, again: Again) -> None:
    before = demo.status["services"]["nexacloud"]["periods"]["2026-04"]
    assert (before["revision"], again.run["revision"]) == (1, 2)
    assert again.run["changes"]["rows"] == []
    assert again.rows == demo.rows["2026-04"]
    assert {name: again.run[name] for name in before if name != "revision"} == {
        name: before[name] for name in before if name != "revision"
    }


def test_all_plans_are_those_that_have_a_price(all_plans: AllPlans, again: Again) -> None:
    found = all_plans.imported
    assert (found["created"] + found["unchanged"] + found["skipped"] + found["failed"]) == 7 + 232 + 87
    assert found["created"] > 0
    assert found["changed"] == 0
    assert len(all_plans.still_there["odoo"].records) == len(again.remains["odoo"].records) + 2 * found["created"]


def test_what_all_plans_brought_is_listed_and_nothing_else(all_plans: AllPlans) -> None:
    listed = [one["external_id"] for one in all_plans.prunable["prunable"]]
    assert listed == sorted(listed)
    assert len(listed) == 2 * all_plans.imported["created"]
    assert {one["model"] for one in all_plans.prunable["prunable"]} == {"product.template"}
    assert all_plans.prunable["removed"] == []


def test_listing_removes_nothing(all_plans: AllPlans) -> None:
    there = {f"fcb.{name}" for _, name in all_plans.still_there["odoo"].records}
    assert {one["external_id"] for one in all_plans.prunable["prunable"]} <= there


def test_pruning_removes_what_was_listed_and_leaves_the_first_import(all_plans: AllPlans, again: Again) -> None:
    listed = [one["external_id"] for one in all_plans.prunable["prunable"]]
    assert sorted(all_plans.pruned["removed"]) == listed
    assert all_plans.pruned["refused"] == {}
    assert all_plans.remains["odoo"] == again.remains["odoo"]
    assert all_plans.remains["made"] == again.remains["made"]
    assert all_plans.nothing_left["prunable"] == []
