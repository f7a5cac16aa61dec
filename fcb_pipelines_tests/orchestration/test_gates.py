"""What guards an act stops it, in the same run; what is a finding does not; and what failed is said."""

import os
import signal
import threading
import time

import dagster as dg
import psycopg
import pytest

from fcb_pipelines.checks.remedies import REMEDIES, WHAT_TO_DO
from fcb_pipelines.cli.runs import failed, why
from fcb_pipelines.cli.warned import warnings_of
from fcb_pipelines.store.database import Database, connect
from fcb_pipelines_tests.orchestration.conftest import Operator, check, made, records
from fcb_pipelines_tests.source.small_host import FIRST, SECOND

pytestmark = pytest.mark.usefixtures("great_expectations")

SOURCE = {"users", "subscriptions", "usage", "invoices"}
"""Of the snapshot; `plans` is also an asset of the chain."""
DUAL_RUN = {"usage_totals", "rated_lines", "expected_invoices", "actual_invoices", "reconciliation"}


def failures(result: dg.ExecuteInProcessResult) -> str:
    return " ".join(event.message or "" for event in result.get_step_failure_events())


def error_of(result: dg.ExecuteInProcessResult) -> str:
    """What the page shows of a failed step, its causes too."""
    (event,) = result.get_step_failure_events()
    error, said = event.step_failure_data.error, []
    while error is not None:
        said.append(error.message)
        error = error.cause
    return " ".join(said)


def test_a_month_that_is_in_order_is_made_whole(operator: Operator) -> None:
    operator.snapshot()
    result = operator.dual_run()
    assert result.success
    assert made(result) == DUAL_RUN
    assert check(result, "usage_conserved").passed
    assert check(result, "money_conserved").passed
    assert [row["events"] for row in records(check(result, "usage_conserved"), "sums")] == [2, 2, 2, 2, 2]


def test_lost_usage_stops_the_rating(operator: Operator) -> None:
    operator.snapshot()
    with operator.db.transaction() as conn:
        conn.execute("DELETE FROM usage_event WHERE quantity = 100.5")
    result = operator.dual_run()
    found = check(result, "usage_conserved")
    assert not result.success
    assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.ERROR, True)
    assert made(result) & DUAL_RUN == {"usage_totals"}
    assert [(row["place"], row["cpu_seconds"]) for row in records(found, "sums")] == [
        ("read", "100.500001"),
        ("usage events", "0.000001"),
        ("counted again, by aggregation", "0.000001"),
        ("running totals", "100.500001"),
        ("usage totals", "100.500001"),
    ]
    assert [row["kept_quantity"] for row in records(found, "kept otherwise than counted")] == ["100.500001"] * 2


def test_each_check_there_is_has_a_sentence_of_what_to_do(operator: Operator) -> None:
    checks = operator.definitions().resolve_asset_graph().asset_check_keys
    assert {check.name for check in checks} == REMEDIES.keys()
    for sentence in REMEDIES.values():
        assert "{" not in sentence.format(service="small", period="2026-03", of="2026-03")


def test_every_check_that_fails_says_what_to_do(operator: Operator) -> None:
    operator.host.run("DELETE FROM invoices", "UPDATE users SET email = 'nonsense' WHERE external_user_id = 2")
    operator.snapshot()
    operator.host.run("UPDATE usage SET quantity = 9 WHERE source_event_id = 'e-7'")
    results = [operator.job("small_snapshot"), operator.dual_run("2026-04")]
    evaluations = [one for result in results for one in result.get_asset_check_evaluations()]
    assert {one.check_name for one in evaluations if not one.passed} >= {"usage_conserved", "users_suite", "coverage"}
    for one in evaluations:
        assert (WHAT_TO_DO in one.metadata) is not one.passed, one.check_name


def test_a_coverage_that_is_not_complete_only_warns(operator: Operator) -> None:
    operator.host.run("DELETE FROM invoices")
    operator.snapshot()
    result = operator.dual_run()
    found = check(result, "coverage")
    assert result.success
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_check_keeps_a_status_for_each_month(operator: Operator) -> None:
    operator.snapshot()
    with operator.db.transaction() as conn:
        conn.execute("DELETE FROM usage_event WHERE quantity = 100.5")
    bad, good = operator.dual_run("2026-03"), operator.dual_run("2026-04")
    found = [check(result, "usage_conserved") for result in (bad, good)]
    assert [(one.partition, one.passed) for one in found] == [("2026-03", False), ("2026-04", True)]


def test_conflicts_and_rejected_usage_are_kept_and_shown(operator: Operator) -> None:
    operator.snapshot()
    operator.host.run(
        "UPDATE usage SET quantity = 9 WHERE source_event_id = 'e-7'",
        f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', -1, '2026-04-02 10:00Z', NULL, 'e-8')",
        f"DELETE FROM usage WHERE external_subscription_id = '{SECOND}'",
    )
    operator.snapshot()
    result = operator.dual_run("2026-04")
    found = check(result, "usage_conserved")
    assert result.success
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN), "every unit is there, and people must look"
    (told,) = (line for line in warnings_of(result.get_asset_check_evaluations()) if "usage_conserved" in line)
    assert told.startswith("warning: usage_conserved: every unit is accounted for, but the source contradicts 1 stored events")
    assert told.endswith(f"; what to do: {found.metadata[WHAT_TO_DO].value}")
    shown = {name: found.metadata[name].value for name in ("conflicts", "rejected", "gone from the source")}
    assert shown == {"conflicts": 1, "rejected": 1, "gone from the source": 1}
    assert [(row["what"], row["key"], row["stored"], row["offered"]) for row in records(found, "to look at")] == [
        ("conflict", "e-7", "7", "9"),
        ("gone", "2026-04-10T00:00:00+00:00", "3", None),
        ("rejected", "e-8", None, "-1"),
    ]
    assert [row["cpu_seconds"] for row in records(found, "sums")] == ["9", "9", "7", "3", *["10"] * 4]
    with operator.db.transaction() as conn:
        kept = conn.execute("SELECT idempotency_key, quantity::text FROM usage_conflict").fetchall()
        issues = conn.execute("SELECT entity, data->>'quantity' FROM source_issue").fetchall()
        first = conn.execute("SELECT quantity::text FROM usage_event WHERE idempotency_key = 'e-7'").fetchone()
    assert (kept, first) == ([("e-7", "9")], ("7",)), "what was stored first stands"
    assert issues == [("usage", "-1")]


def test_a_step_that_fails_says_why_and_nothing_after_it_is_made(operator: Operator) -> None:
    result = operator.dual_run()
    assert not result.success
    assert made(result) == set()
    said = " ".join(
        event.step_failure_data.error.to_string()
        for event in result.get_step_failure_events()
        if event.step_failure_data.error is not None
    )
    assert "no snapshot of small" in said
    assert "fcb run --service small --period 2026-03 --refresh" in said


def test_a_run_that_is_interrupted_ends_the_command_as_ctrl_c_does(operator: Operator) -> None:
    operator.snapshot()
    with operator.db.transaction() as conn:
        conn.execute("LOCK TABLE usage_event IN ACCESS EXCLUSIVE MODE")
        threading.Thread(target=interrupted_at_a_lock, args=(operator.db,)).start()
        result = operator.dual_run()
    assert not result.success
    with pytest.raises(KeyboardInterrupt):
        raise failed("small_dual_run", result)


def interrupted_at_a_lock(db: Database) -> None:
    """Send this process what Ctrl-C sends once a session waits for a lock, or after ten seconds."""
    deadline = time.monotonic() + 10
    with connect(db.url, autocommit=True) as conn:
        while time.monotonic() < deadline and not conn.execute(WAITING).fetchall():
            time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)


WAITING = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_the_coverage_of_a_month_that_was_never_reconciled_says_so(operator: Operator) -> None:
    found = check(operator.only_check("reconciliation", "coverage", "2026-03"), "coverage")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description == "2026-03 was never reconciled: run fcb run --service small --period 2026-03"


class TestImport:
    """The chain, whose first guard are the suites."""

    def test_an_import_that_is_in_order_is_made_whole(self, operator: Operator) -> None:
        result = operator.imported()
        assert result.success, failures(result)
        assert made(result) == SOURCE | {"plans", "partners", "shadow_subscriptions"}
        assert all(one.passed for one in result.get_asset_check_evaluations())
        assert {one.check_name for one in result.get_asset_check_evaluations()} >= {
            "import_complete",
            "shadow_inert",
            "odoo_read_back",
        }

    def test_an_order_that_odoo_taxes_otherwise_stops_the_import_and_is_shown(self, operator: Operator) -> None:
        operator.host.run("UPDATE users SET state = NULL")
        result = operator.imported()
        found = check(result, "odoo_read_back")
        assert not result.success
        assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.ERROR, True)
        assert {(row["field"], row["sent"]) for row in records(found, "differences")} == {("taxes", None)}
        assert "fiscal position" in str(found.description)
        assert f"small/shadow_subscriptions says: {found.description}. What to do: the table of this check" in why(result)
        assert found.metadata["count"].value == len(records(found, "differences"))

    def test_a_missed_critical_expectation_stops_the_import(self, operator: Operator) -> None:
        operator.host.run("DELETE FROM users")
        result = operator.imported()
        found = check(result, "users_suite")
        assert not result.success
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert made(result) == SOURCE | {"plans"}, "nothing was made in Odoo"
        assert why(result).count("the check ") == 1, "what only warned did not stop it"
        assert "the check users_suite of small/source/users says: " in why(result)
        assert "missed first: expected table row count to be between, found 0. What to do: mend the rows" in why(result)
        with operator.db.transaction() as conn:
            assert conn.execute("SELECT count(*) FROM import_run").fetchone() == (0,)

    def test_a_snapshot_that_missed_something_critical_is_used_by_no_later_run(self, operator: Operator) -> None:
        operator.host.run("CREATE TABLE kept AS TABLE subscriptions", "DELETE FROM subscriptions")
        assert not operator.imported().success
        result = operator.dual_run()
        assert made(result) == set()
        reason = "subscriptions: expected table row count to be between, found 0."
        assert f"snapshot 1 of small cannot be built on: {reason}" in error_of(result)
        assert why(result).startswith(f"snapshot 1 of small cannot be built on: {reason}")
        operator.host.run("INSERT INTO subscriptions TABLE kept")
        assert operator.imported().success
        assert operator.dual_run().success

    def test_rows_that_nobody_can_use_are_counted_and_shown_wherever_they_are_from(self, operator: Operator) -> None:
        operator.host.run(
            f"INSERT INTO evidence VALUES ('contract', 'subscription', '{FIRST}', NULL, NULL, '[]', 'contract 8')",
            "UPDATE evidence SET subject_id = NULL WHERE reference = 'contract 7'",
            "UPDATE plans SET unit_batch = 0 WHERE external_plan_id = 'l'",
        )
        result = operator.imported()
        found = check(result, "records_usable")
        assert (found.passed, found.severity, found.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
        assert found.metadata["bad evidence"].value == 2
        shown = records(found, "bad rows")
        assert [(row["entity"], row["id"]) for row in shown] == [
            ("evidence", "contract/subscription/"),
            ("evidence", f"contract/subscription/{FIRST}"),
        ]
        assert "subject_id is NULL" in str(shown[0]["reason"])
        assert "must be a JSON object" in str(shown[1]["reason"])
        (plans,) = (
            event.step_materialization_data.materialization
            for event in result.get_asset_materialization_events()
            if event.asset_key == dg.AssetKey(["small", "source", "plans"])
        )
        assert plans.metadata["bad rows"].value == 1, "the domain refuses a batch of nothing"

    def test_a_missed_warning_and_a_bad_row_stop_nothing(self, operator: Operator) -> None:
        operator.host.run(
            "UPDATE users SET email = 'nonsense' WHERE external_user_id = 2",
            "INSERT INTO plans VALUES ('free', 'No name', 'CAD', -1, NULL, 0, 0, 1, true, NULL)",
        )
        result = operator.imported()
        assert result.success, failures(result)
        users, plans = check(result, "users_suite"), check(result, "plans_suite")
        assert [(one.passed, one.severity) for one in (users, plans)] == [(False, dg.AssetCheckSeverity.WARN)] * 2
        assert [row["column"] for row in records(users, "expectations") if row["met"] == "NO"] == ["email"]
        assert "free" in str(records(plans, "bad rows"))
        assert "partners" in made(result)

    def test_an_order_that_somebody_confirmed_is_not_inert(self, operator: Operator, odoo_database: str) -> None:
        assert operator.imported().success
        with psycopg.connect(odoo_database) as conn:
            conn.execute("UPDATE sale_order SET state = 'sale' WHERE client_order_ref = %s", [FIRST])
        result = operator.imported()
        found = check(result, "shadow_inert")
        assert not result.success
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert "sale" in str(records(found, "not inert"))
        assert "1 records could charge somebody, the first: " in why(result)
