"""What checks warned of is told once, and what the result tells by itself is not told again."""

import dagster as dg
import pytest

from fcb_pipelines.cli.runs import stopped_by
from fcb_pipelines.cli.warned import tell_warnings, warnings_of
from fcb_pipelines_tests.cli.evaluations import warning

TO_DO = "what to do: fcb run --service shop --period"


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ([], []),
        ([warning("feeds_agree", said="they differ")], [f"warning: feeds_agree: they differ; {TO_DO} 2026-03"]),
        ([warning("users_suite", None, "1 row", metadata={})], ["warning: users_suite: 1 row"]),
        ([warning("feeds_agree", passed=True, metadata={})], []),
        ([warning("feeds_agree", severity=dg.AssetCheckSeverity.ERROR)], []),
        ([warning("coverage"), warning("import_complete", None), warning("reconciliation_clean")], []),
    ],
)
def test_a_check_that_only_warned_is_told_with_what_to_do(found: list[dg.AssetCheckEvaluation], lines: list[str]) -> None:
    assert list(warnings_of(found)) == lines


def test_of_several_months_there_is_one_line_for_each_check() -> None:
    found = [
        warning("feeds_agree", "2026-03", "they differ"),
        warning("usage_conserved", "2026-03", "nothing was pushed yet"),
        warning("feeds_agree", "2026-04", "they differ"),
        warning("feeds_agree", "2026-05", "1 twice pushed"),
    ]
    assert list(warnings_of(found)) == [
        f"warning: feeds_agree: 2026-03, 2026-04: they differ; 2026-05: 1 twice pushed; {TO_DO} YYYY-MM",
        f"warning: usage_conserved: 2026-03: nothing was pushed yet; {TO_DO} 2026-03",
    ]


def test_services_are_told_apart() -> None:
    other = warning("feeds_agree", said="b", asset_key=dg.AssetKey(["host", "usage_totals"]))
    assert [line.split(";")[0] for line in warnings_of([warning("feeds_agree", said="a"), other])] == [
        "warning: feeds_agree: a",
        "warning: feeds_agree: b",
    ]


def test_a_month_that_was_run_again_is_told_as_it_is_since() -> None:
    assert list(warnings_of([warning("feeds_agree"), warning("feeds_agree", passed=True)])) == []


@pytest.mark.parametrize(("is_whole", "lines"), [(True, []), (False, ["warning: register_reconciled: 1 months differ"])])
def test_of_a_check_that_looks_at_all_months_the_last_run_has_the_last_word(is_whole: bool, lines: list[str]) -> None:
    first = warning("register_reconciled", "2026-03", "2 months differ")
    last = warning("register_reconciled", "2026-04", "1 months differ", passed=is_whole)
    assert [line.split(";")[0] for line in warnings_of([first, last])] == lines


def test_warnings_are_no_part_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    tell_warnings([warning("feeds_agree", said="they differ")])
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"warning: feeds_agree: they differ; {TO_DO} 2026-03\n")


def test_what_lets_nothing_come_after_it_is_told_with_what_to_do() -> None:
    stopping = warning("source_invoices_carried", said="1.00 ≠ 2.00", severity=dg.AssetCheckSeverity.ERROR, blocking=True)
    others = [warning("feeds_agree", blocking=True), warning("shadow_inert", severity=dg.AssetCheckSeverity.ERROR)]
    (told,) = stopped_by([stopping, *others])
    assert told.startswith("the check source_invoices_carried of shop/usage_totals says: 1.00 ≠ 2.00. What to do: fcb run")
