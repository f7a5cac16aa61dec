"""When a period is clean, and what stands against it where it is not."""

from dataclasses import replace
from typing import Any

import pytest

from fcb_pipelines.domain.clean import Against, Judged, Standing, clean_run, objections, standing
from fcb_pipelines.domain.coverage import coverage
from fcb_pipelines.domain.rows import Explanation, Finding, Instance, Remedy, Verdict
from fcb_pipelines_tests.report.material import carried, explained, matched, row, unexplained
from fcb_pipelines_tests.signed import an_instance

CLEAN = Standing(unexplained=0, no_successor=0, fix_model=0, is_covered=True, rule_version="2", settings_hash="h")


def against(found: Standing) -> list[tuple[Against, int]]:
    return [(one.against, one.count) for one in objections(found, rule_version="2", settings_hash="h")]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"unexplained": 3}, [(Against.UNEXPLAINED, 3)]),
        ({"no_successor": 2}, [(Against.NO_SUCCESSOR, 2)]),
        ({"fix_model": 1}, [(Against.FIX_MODEL, 1)]),
        ({"is_covered": False}, [(Against.COVERAGE, 1)]),
        ({"is_closed": False}, [(Against.NOT_CLOSED, 1)]),
        ({"rule_version": "1"}, [(Against.RULES, 1)]),
        ({"settings_hash": "x"}, [(Against.SETTINGS, 1)]),
        ({"fix_model": 1, "unexplained": 1}, [(Against.UNEXPLAINED, 1), (Against.FIX_MODEL, 1)]),
    ],
)
def test_each_thing_stands_against_it_by_itself(changed: dict[str, Any], expected: list[tuple[Against, int]]) -> None:
    assert against(replace(CLEAN, **changed)) == expected


def test_each_objection_says_what_to_do() -> None:
    worst = replace(CLEAN, unexplained=1, no_successor=1, fix_model=1, is_covered=False, is_closed=False, rule_version="1")
    worst = replace(worst, settings_hash="x")
    found = objections(worst, rule_version="2", settings_hash="h")
    assert [one.against for one in found] == list(Against)
    assert all(one.what_to_do and one.words for one in found)


def accepted(remedy: Remedy) -> Instance:
    told = Explanation(findings=(Finding(cause="price_agreed_by_word", remedy=remedy, words="agreed"),))
    return an_instance(verdict=Verdict.ACCEPTED, explanation=told)


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        (matched(), []),
        (unexplained(), [(Against.UNEXPLAINED, 1), (Against.COVERAGE, 1)]),
        (carried(), [(Against.NO_SUCCESSOR, 1), (Against.COVERAGE, 1)]),
        (carried(successor="the source keeps billing it: ada"), []),
        (explained(), [(Against.FIX_MODEL, 1)]),
        (accepted(Remedy.NONE), []),
        # Accepting a difference that our price causes mends nothing.
        (accepted(Remedy.FIX_MODEL), [(Against.FIX_MODEL, 1)]),
        # Somebody signed that an explained difference stays as it is.
        (explained(settled_by=Remedy.NONE), []),
        (explained(settled_by=Remedy.FIX_MODEL), [(Against.FIX_MODEL, 1)]),
        # What the source must mend, our own terms bill right.
        (accepted(Remedy.FIX_SOURCE), []),
    ],
)
def test_how_an_instance_stands(instance: Instance, expected: list[tuple[Against, int]]) -> None:
    rows = [row("s1", instance)]
    assert against(standing(rows, coverage(rows, "CAD"), rule_version="2", settings_hash="h")) == expected


def test_clean_periods_are_counted_back_until_one_is_not() -> None:
    stained = objections(replace(CLEAN, unexplained=1), rule_version="2", settings_hash="h")
    months = [("2025-11", True), ("2025-12", True), ("2026-01", True), ("2026-02", False), ("2026-03", True)]
    history = [Judged(period=month, objections=() if is_clean else stained) for month, is_clean in months]
    assert [clean_run(history, last) for last in ("2026-01", "2026-02", "2026-03", "2026-04")] == [3, 0, 1, 0]
    assert clean_run([one for one in history if one.period != "2025-12"], "2026-01") == 1
