"""The check that a period is clean, and the figures of the report where Dagster shows them."""

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from fcb_pipelines.acts import report as acts
from fcb_pipelines.report.figures import figures, summary
from fcb_pipelines_tests.orchestration.conftest import Operator, check, records


@pytest.fixture
def march(operator: Operator) -> dg.ExecuteInProcessResult:
    """March was run, and nothing of it is undecided."""
    operator.snapshot()
    done = operator.dual_run("2026-03")
    assert done.success, "a finding stops nothing"
    return done


def test_a_period_of_which_all_is_decided_is_clean(march: dg.ExecuteInProcessResult) -> None:
    found = check(march, "reconciliation_clean")
    assert (found.passed, found.description, records(found, "against it")) == (True, "clean", [])


def test_what_stands_against_a_period_is_a_warning(operator: Operator) -> None:
    operator.host.run("UPDATE invoices SET subtotal = subtotal + 1, total = total + 1")
    operator.snapshot()
    done = operator.dual_run("2026-03")
    assert done.success, "a finding stops nothing"
    found = check(done, "reconciliation_clean")
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    told = records(found, "against it")
    assert {str(row["against"]) for row in told} >= {"unexplained", "coverage"}
    assert all(row["what to do"] for row in told)
    assert str(told[0]["count"]) in str(found.description)
    assert "fcb report --service small --period 2026-03" in str(found.metadata["what to do"].value)


def test_the_figures_are_those_of_the_report(march: dg.ExecuteInProcessResult, operator: Operator) -> None:
    service = operator.settings.services["small"]
    with operator.db.transaction() as conn:
        revision = acts.newest(conn, service, "2026-03")
        assert revision is not None
        base = acts.base(conn, operator.connections.period(service, "2026-03"), revision)
    expected = summary(figures(base.rows, "CAD"))
    assert expected["billed CAD"] != "0.00"
    (done,) = (
        event.step_materialization_data.materialization.metadata
        for event in march.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(["small", "reconciliation"])
    )
    shown = check(march, "reconciliation_clean").metadata
    assert {name: done[name].value for name in expected} == expected
    assert {name: shown[name].value for name in expected} == expected


def test_other_rules_stand_against_it_until_it_is_run_again(march: dg.ExecuteInProcessResult, operator: Operator) -> None:
    del march
    with operator.db.transaction() as conn:
        conn.execute("UPDATE period_revision SET settings_hash = 'of before'")
    found = check(operator.only_check("reconciliation", "reconciliation_clean", "2026-03"), "reconciliation_clean")
    assert "made under other reviewed rules" in str(found.description)


def test_a_period_that_was_run_before_it_closed_is_not_clean(operator: Operator) -> None:
    within = replace(operator, now=datetime(2026, 3, 20, 12, tzinfo=UTC))
    within.snapshot()
    found = check(within.dual_run("2026-03"), "reconciliation_clean")
    assert not found.passed
    assert "run before the month closed" in str(found.description)


def test_a_period_that_was_never_run_is_not_clean(operator: Operator) -> None:
    operator.snapshot()
    found = check(operator.only_check("reconciliation", "reconciliation_clean", "2026-03"), "reconciliation_clean")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "fcb run --service small --period 2026-03" in str(found.description)
