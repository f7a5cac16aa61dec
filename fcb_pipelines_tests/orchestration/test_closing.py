"""Closing a month in Dagster, its late usage in the next one, and the sensor that sees usage come."""

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.sensors import PARTITION
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.orchestration.conftest import Operator, check, made, records
from fcb_pipelines_tests.source.small_host import FIRST

BY_ADA = {"ops": {"small__closing": {"config": {"closed_by": "ada"}}}}


@pytest.fixture
def march(operator: Operator) -> Operator:
    """March was run."""
    operator.snapshot()
    assert operator.dual_run("2026-03").success
    return operator


def use(operator: Operator, at: str, quantity: int) -> None:
    operator.host.run(f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', {quantity}, '{at}', NULL, '{at}')")
    operator.snapshot()


def requests(operator: Operator) -> tuple[list[dg.RunRequest], str | None]:
    """What the sensor asks for now, or why it asks for nothing."""
    definitions = operator.definitions()
    given = {"connections": operator.connections}
    with dg.build_sensor_context(
        instance=operator.instance, repository_def=definitions.get_repository_def(), resources=given
    ) as context:
        tick = definitions.resolve_sensor_def("small_usage_changed").evaluate_tick(context)
    return list(tick.run_requests or []), tick.skip_message


def test_a_month_is_closed_by_a_name_and_its_late_usage_is_adjusted(march: Operator) -> None:
    closed = march.job("small_close", "2026-03", **BY_ADA)
    assert made(closed) == {"closing"}
    (event,) = closed.get_asset_materialization_events()
    assert event.step_materialization_data.materialization.metadata["closed by"].value == "ada"
    use(march, "2026-03-21T00:00Z", 363500)
    result = march.dual_run("2026-04")
    assert result.success
    found = check(result, "late_usage_adjusted")
    assert (found.passed, found.blocking) == (True, True)
    (row,) = records(found, "adjustments")
    assert (row["month"], row["net before"], row["net now"], row["adjustment"]) == ("2026-03", "0.00", "0.76", "0.76 CAD")


def test_late_usage_that_is_not_what_its_events_say_stops_the_bill(march: Operator) -> None:
    assert march.job("small_close", "2026-03", **BY_ADA).success
    use(march, "2026-03-21T00:00Z", 363500)
    with march.db.transaction() as conn:
        conn.execute("UPDATE usage_running SET quantity = quantity + 1 WHERE booked_in = '2026-04' AND period = '2026-03'")
    result = march.dual_run("2026-04")
    found = check(result, "late_usage_adjusted")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "expected_invoices" not in made(result)


def test_what_the_source_contradicts_of_a_closed_month_is_a_warning_of_the_next_bill(march: Operator) -> None:
    use(march, "2026-03-21T00:00Z", 50)
    assert march.dual_run("2026-03").success
    assert march.job("small_close", "2026-03", **BY_ADA).success
    assert check(march.dual_run("2026-04"), "closed_usage_confirmed").passed
    march.host.run("UPDATE usage SET quantity = 40 WHERE quantity = 50")
    march.snapshot()
    result = march.dual_run("2026-04")
    found = check(result, "closed_usage_confirmed")
    assert (result.success, found.passed, found.severity) == (True, False, dg.AssetCheckSeverity.WARN)
    assert found.description == "the source changed what it told of 2026-03: closed, so their bills stand"
    (month,) = records(found, "months")
    assert (month["contradicting events"], month["cpu_seconds beyond what stands"]) == (1, "-10")
    (odd,) = records(found, "to look at")
    assert (odd["month"], odd["stored"], odd["offered"]) == ("2026-03", "50", "40")


def test_nobody_closes_a_month_without_a_name(march: Operator) -> None:
    with pytest.raises(dg.DagsterInvalidConfigError, match="closed_by"):
        march.job("small_close", "2026-03")


def test_a_month_that_may_not_be_closed_says_why(march: Operator) -> None:
    result = march.job("small_close", "2026-04", **BY_ADA)
    (failed,) = result.get_step_failure_events()
    assert failed.step_failure_data.error is not None
    assert "2026-03 of small is still open: close it first" in str(failed.step_failure_data.error)


def test_what_comes_after_a_month_was_metered_is_asked_for_once(march: Operator) -> None:
    assert requests(march) == ([], "the usage of every open period is what it was metered with")
    use(march, "2026-03-21T00:00Z", 1)
    (first,), _ = requests(march)
    assert (first.partition_key, first.job_name) == ("2026-03", None)
    assert requests(march)[0][0].run_key == first.run_key
    use(march, "2026-03-22T00:00Z", 1)
    assert requests(march)[0][0].run_key != first.run_key
    assert march.dual_run("2026-03").success
    assert requests(march)[0] == []


def test_the_same_usage_is_asked_for_again_where_it_was_metered_otherwise_since(march: Operator) -> None:
    use(march, "2026-03-21T00:00Z", 1)
    (first,), _ = requests(march)
    later = replace(march, now=NOW + timedelta(hours=1))
    assert later.dual_run("2026-03").success
    assert requests(later)[0] == []
    service = march.settings.service("small")
    usage_totals(later.connections.period(service, "2026-03"), 1)
    (again,), _ = requests(later)
    assert (again.partition_key, again.run_key != first.run_key) == ("2026-03", True)


def test_a_month_that_is_being_metered_is_not_asked_for(march: Operator) -> None:
    use(march, "2026-03-21T00:00Z", 1)
    job = march.definitions().resolve_job_def("small_dual_run")
    run = march.instance.create_run_for_job(job, tags={PARTITION: "2026-03"}, status=dg.DagsterRunStatus.STARTED)
    try:
        assert requests(march) == ([], "changed and being metered already: 2026-03")
    finally:
        march.instance.delete_run(run.run_id)
    assert len(requests(march)[0]) == 1


def test_months_that_are_being_metered_keep_no_other_from_being_asked_for(march: Operator) -> None:
    assert march.dual_run("2026-04").success
    use(march, "2026-03-21T00:00Z", 1)
    use(march, "2026-04-21T00:00Z", 1)
    job = march.definitions().resolve_job_def("small_dual_run")
    started, asked = [], []
    for month in ("2026-03", "2026-04"):
        asked.append([one.partition_key for one in requests(march)[0]])
        started.append(march.instance.create_run_for_job(job, tags={PARTITION: month}, status=dg.DagsterRunStatus.STARTED))
    told = requests(march)
    for run in started:
        march.instance.delete_run(run.run_id)
    assert asked == [["2026-03", "2026-04"], ["2026-04"]]
    assert told == ([], "changed and being metered already: 2026-03, 2026-04")
