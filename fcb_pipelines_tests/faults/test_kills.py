"""Killed anywhere, run again: the end is the same as if nothing had happened, and nothing was done twice."""

from collections import Counter

from fcb_pipelines_tests.acceptance.fixtures import Demo
from fcb_pipelines_tests.faults.conftest import PERIODS, Killed, Story

KILLED = -9


def killed(story: Story) -> tuple[Killed, ...]:
    return (*story.imports, *story.first_runs, *story.later_runs)


def test_at_least_ten_commands_were_killed_in_the_middle_of_a_write(story: Story) -> None:
    assert len(killed(story)) >= 10
    assert {each.code for each in killed(story)} == {KILLED}


def test_the_end_is_that_of_an_undisturbed_demo(story: Story, demo: Demo) -> None:
    differing = {part for part in demo.remains if story.remains[part] != demo.remains[part]}
    assert differing == set()


def test_nothing_is_in_odoo_twice(story: Story, demo: Demo) -> None:
    assert story.remains["odoo"].counts == demo.remains["odoo"].counts


def test_a_killed_import_leaves_no_half_snapshot(story: Story, demo: Demo) -> None:
    for each in story.imports:
        whole = (each.stored["source"], len(each.stored["records"]), len(each.stored["usage"]))
        nothing: tuple[list[str], int, int] = ([], 0, 0)
        undisturbed = (demo.remains["source"], len(demo.remains["records"]), len(demo.remains["usage"]))
        assert whole in (nothing, undisturbed), each.table


def test_a_kill_inside_the_snapshot_keeps_nothing_of_it(story: Story) -> None:
    first, second, *_ = story.imports
    assert (first.stored["source"], second.stored["source"]) == ([], [])
    assert second.stored["usage"] == []


def test_an_order_is_never_there_without_its_line_and_always_a_draft(story: Story) -> None:
    seen = Counter(model for each in killed(story) for model, _ in each.shadow.records)
    assert seen["sale.order"] > 0
    for each in killed(story):
        orders = [fields for (model, _), fields in each.shadow.records.items() if model == "sale.order"]
        assert {(order["state"], order["order_line"]) for order in orders} <= {("draft", 1)}, each.table


def test_what_odoo_finished_after_the_kill_is_found_again_and_not_made_twice(story: Story) -> None:
    """The sandbox completes the call whose caller is dead: nobody was told, and the next import must see it."""
    (cut,) = (each for each in story.imports if each.table == "res_partner")
    assert cut.stored["made"] == []
    assert story.imported["created"] < 200
    assert story.imported["created"] + story.imported["unchanged"] == 200


def test_a_killed_run_publishes_nothing(story: Story) -> None:
    for each in story.first_runs:
        assert each.rows.code == 1, each.table
        assert "never reconciled" in each.rows.err
        assert (each.stored["rows"], each.stored["instances"], each.stored["coverage"]) == ([], [], [])


def test_a_run_killed_later_leaves_the_rows_of_the_last_whole_one(story: Story) -> None:
    assert story.later_runs
    for each in story.later_runs:
        assert each.rows.answer == story.rows, each.table


def test_the_run_after_the_kills_is_the_same_and_says_that_nothing_changed(story: Story, demo: Demo) -> None:
    assert story.rows == demo.rows[PERIODS[0]]
    assert story.last["changes"]["rows"] == []
    assert story.last["revision"] == 3


def test_an_import_under_which_postgres_dies_and_comes_back_says_that_it_failed_and_why(story: Story) -> None:
    assert story.crashed.code == 1
    assert "Traceback" not in story.crashed.err
    assert "fcb: nexacloud_import failed" in story.crashed.err
    assert "server closed the connection" in story.crashed.err.partition("fcb: ")[2]


def test_of_two_runs_on_one_period_one_works_and_the_other_says_so(story: Story) -> None:
    first, second = story.at_once
    assert (first.code, second.code) == (0, 1)
    assert "another run is working on nexacloud/2026-03" in second.err
    assert second.out == ""
    assert first.answer["revision"] == 2
