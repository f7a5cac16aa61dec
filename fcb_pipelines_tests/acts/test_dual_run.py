"""A period from usage events to a revision, on a real Postgres and a small host."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.acts.conservation import money_conserved, register_gaps
from fcb_pipelines.acts.invoices import actual_period
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.quality import suite_rows
from fcb_pipelines.acts.rating import expect_period, rate_period
from fcb_pipelines.acts.reconciliation import reconcile_period
from fcb_pipelines.acts.revisions import published_rows
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.reconciliation import NOT_YET_ISSUED
from fcb_pipelines.domain.rows import Row, Status
from fcb_pipelines.domain.tax import TaxRate, TaxTable
from fcb_pipelines.services import Service
from fcb_pipelines.settings import Settings
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.revisions import Whole, reconciled
from fcb_pipelines_tests.source.small_host import FIRST, SECOND, SmallHost

ONTARIO = TaxTable(rates=(TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1)),))
RULES: dict[str, Any] = {"line_rules": ({"pattern": "^Small", "kind": "plan"},), "terms_assumed_from": date(2026, 1, 1)}


@pytest.fixture
def host(fresh_database: str, tmp_path: Path) -> SmallHost:
    host = SmallHost(fresh_database, tmp_path)
    host.run(f"UPDATE invoices SET external_subscription_id = '{FIRST}'")
    return host


@pytest.fixture
def work(host: SmallHost, store_database: str) -> Callable[..., PeriodWork]:
    def build(key: str, service: Service | None = None, settings_hash: str = "settings") -> PeriodWork:
        one = service or host.service(**RULES)
        db = KeptStore(store_database)
        period = one.period(key)
        return PeriodWork(db=db, service=one, period=period, taxes=ONTARIO, settings_hash=settings_hash, now=NOW)

    return build


def snapshot(work: PeriodWork) -> int:
    return take_snapshot(work.db, work.service, work.now, lambda _: None).snapshot_id


def dual_run(work: PeriodWork) -> Whole:
    usage_totals(work)
    rate_period(work)
    expect_period(work)
    actual_period(work)
    return reconciled(work)


def of(done: Whole, subscription: str) -> Row:
    (row,) = (row for row in done.rows if row.external_subscription_id == subscription)
    return row


def test_a_month_is_metered_rated_and_compared(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    snapshot(march)
    done = dual_run(march)
    first = of(done, FIRST)
    assert (first.status, first.external_invoice_ids) == (Status.MATCH, ("in_1",))
    assert of(done, SECOND).status is Status.NOTHING_DUE
    assert done.coverage.money == {"CAD": "1.0000"}
    assert all(one.holds for one in money_conserved(march))


def test_running_again_adds_a_revision_that_says_nothing_changed(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    snapshot(march)
    first, second = dual_run(march), dual_run(march)
    assert (first.revision, second.revision) == (1, 2)
    assert first.rows == second.rows
    assert second.changes.as_json() == {"because": [], "rows": []}


def test_a_new_snapshot_changes_what_the_source_changed_and_says_why(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    march = work("2026-03")
    before = snapshot(march)
    dual_run(march)
    host.run("UPDATE plans SET price_monthly = 10, valid_from = '2026-01-01 00:00-05' WHERE external_plan_id = 's'")
    assert dual_run(march).changes.rows == (), "only a new snapshot may show what the source says now"
    after = snapshot(march)
    done = dual_run(march)
    assert done.changes.because == (f"snapshot {before} → {after}",)
    (change,) = done.changes.rows
    assert change.fields["status"] == ("match", "delta")
    assert str(of(done, FIRST).difference) == "0.86 CAD"


def test_published_rows_are_those_of_the_newest_revision(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    with march.db.transaction() as conn:
        assert published_rows(conn, march.service, "2026-03") is None
    snapshot(march)
    dual_run(march)
    with march.db.transaction() as conn:
        rows = published_rows(conn, march.service, "2026-03")
    assert rows is not None
    assert [row["subscription"] for row in rows] == [FIRST, SECOND]
    assert rows[0]["expected"] == {"net": "9.14", "tax": "1.19", "gross": "10.33"}
    assert rows[0]["instances"][1]["charge"] == "cpu_seconds"


def test_overage_of_cpu_seconds_is_priced_by_the_core_hour_and_rounded_once(
    work: Callable[..., PeriodWork], host: SmallHost
) -> None:
    host.run("UPDATE usage SET quantity = 1000 + 3600 * 100.333333 WHERE source_event_id = 'e-7'")
    april = work("2026-04")
    snapshot(april)
    usage_totals(april)
    rate_period(april)
    amounts = {line.charge: line.net for line in expect_period(april) if line.external_subscription_id == FIRST}
    assert str(amounts["cpu_seconds"]) == "0.75 CAD"


def test_every_stage_needs_the_one_before(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    with pytest.raises(RuleViolation, match="no snapshot of small"):
        usage_totals(march)
    snapshot(march)
    for act, missing in ((rate_period, "usage_totals"), (expect_period, "rated_lines"), (reconcile_period, "actual_invoices")):
        with pytest.raises(RuleViolation, match=f"{missing}.* of small 2026-03 were never built"):
            act(march)


def test_stages_of_different_snapshots_are_never_compared(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    snapshot(march)
    dual_run(march)
    snapshot(march)
    for act in (usage_totals, rate_period, expect_period):
        act(march)
    with pytest.raises(RuleViolation, match="different snapshots"):
        reconcile_period(march)


def test_stages_of_other_settings_are_never_compared(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    snapshot(march)
    dual_run(march)
    with pytest.raises(RuleViolation, match="settings changed"):
        reconcile_period(replace(march, settings_hash="others"))


def test_two_runs_on_one_period_exclude_each_other(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    snapshot(march)
    with march.db.transaction() as conn:
        march.lock(conn)
        with pytest.raises(RuleViolation, match="another run is working on small/2026-03"):
            usage_totals(march)
    usage_totals(march)


def test_a_subscription_with_an_unknown_cycle_is_named_and_stops_no_other(
    work: Callable[..., PeriodWork], host: SmallHost
) -> None:
    host.run(f"UPDATE subscriptions SET billing_interval = 'weekly' WHERE external_subscription_id = '{SECOND}'")
    march = work("2026-03")
    snapshot(march)
    usage_totals(march)
    (issue,) = rate_period(march).issues
    assert "weekly" in issue.reason
    done = dual_run(march)
    assert of(done, FIRST).status is Status.MATCH
    assert of(done, SECOND).status is Status.ONLY_EXPECTED
    assert done.coverage.subscriptions == "0.5000"


def test_a_plan_without_the_price_is_named_and_is_not_nothing(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    host.run("UPDATE plans SET price_monthly = NULL, price_yearly = 5 WHERE external_plan_id = 's'")
    march = work("2026-03")
    snapshot(march)
    row = of(dual_run(march), FIRST)
    assert (row.status, row.expected) == (Status.DELTA, None)
    assert any("has no monthly price" in note for one in row.instances for note in one.notes)


def test_money_that_was_tampered_with_between_the_stages_is_found(work: Callable[..., PeriodWork]) -> None:
    march = work("2026-03")
    snapshot(march)
    dual_run(march)
    with march.db.transaction() as conn:
        conn.execute("UPDATE reconciliation_row SET actual_net = actual_net + 0.01 WHERE actual_net IS NOT NULL")
    assert [one.what for one in money_conserved(march) if not one.holds] == ["actual lines = actual side of the rows"]


def test_suite_rows_know_what_other_entities_say(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    host.run(f"UPDATE subscriptions SET external_plan_id = 'gone' WHERE external_subscription_id = '{SECOND}'")
    host.run("UPDATE invoices SET total = 10.34")
    march = work("2026-03")
    snapshot(march)
    with march.db.transaction() as conn:
        assert [row["has_plan"] for row in suite_rows(conn, march.service, "subscriptions")] == [True, False]
        assert [row["total_gap"] for row in suite_rows(conn, march.service, "invoices")] == ["0.01"]


def test_a_real_source_and_the_demo_never_share_a_store(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    real = work("2026-03")
    snapshot(real)
    with pytest.raises(RuleViolation, match=r"holds snapshots of a real source.*the demo is configured"):
        snapshot(work("2026-03", host.service(**RULES, is_demo=True)))
    snapshot(real)


def test_a_snapshot_in_the_middle_of_a_month_mixes_nothing(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    march = work("2026-03")
    before = snapshot(march)
    usage_totals(march)
    rate_period(march)
    host.run("UPDATE invoices SET subtotal = 99")
    snapshot(march)
    expect_period(march)
    actual_period(march)
    assert of(reconciled(march), FIRST).status is Status.MATCH, f"all of it is of snapshot {before}"


def test_the_same_snapshot_gives_the_same_rows_whenever_it_is_looked_at(work: Callable[..., PeriodWork]) -> None:
    april = work("2026-04")
    snapshot(replace(april, now=datetime(2026, 4, 20, tzinfo=UTC)))
    early = dual_run(replace(april, now=datetime(2026, 4, 20, tzinfo=UTC)))
    late = dual_run(replace(april, now=datetime(2026, 9, 1, tzinfo=UTC)))
    assert any(NOT_YET_ISSUED in one.notes for row in early.rows for one in row.instances)
    assert (late.rows, late.changes.rows) == (early.rows, ())


@pytest.mark.parametrize(
    ("statement", "row_ids"),
    [
        (f"INSERT INTO subscriptions SELECT * FROM subscriptions WHERE external_subscription_id = '{SECOND}'", {FIRST, SECOND}),
        ("UPDATE plans SET currency = 'USD', price_monthly = NULL WHERE external_plan_id = 's'", {FIRST, SECOND}),
        (
            f"UPDATE subscriptions SET ended_at = '9999-12-31 23:59Z' WHERE external_subscription_id = '{FIRST}'",
            {FIRST, SECOND},
        ),
        (f"UPDATE subscriptions SET started_at = '0001-01-02Z' WHERE external_subscription_id = '{SECOND}'", {FIRST, SECOND}),
        ("UPDATE invoices SET issued_at = '0001-01-02Z'", {FIRST, SECOND}),
        ("UPDATE usage SET metric = 'gigabytes'", {FIRST, SECOND}),
        (
            "UPDATE usage SET external_subscription_id = '00000000-0000-0000-0000-00000000000f'",
            {FIRST, SECOND, FIRST[:-1] + "f"},
        ),
    ],
)
def test_no_bad_row_stops_a_month(work: Callable[..., PeriodWork], host: SmallHost, statement: str, row_ids: set[str]) -> None:
    host.run(statement)
    march = work("2026-03")
    snapshot(march)
    done = dual_run(march)
    assert {row.external_subscription_id for row in done.rows if row.line_key is None} == row_ids
    assert all(one.holds for one in money_conserved(march))


def test_use_that_no_price_is_for_is_never_nothing(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    host.run("UPDATE usage SET metric = 'gigabytes' WHERE source_event_id IS NULL")
    march = work("2026-03")
    snapshot(march)
    usage_totals(march)
    assert [issue.external_subscription_id for issue in rate_period(march).issues] == [FIRST]
    assert of(dual_run(march), FIRST).status is Status.DELTA


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoices SET status = 'refunded'",
        "INSERT INTO invoices SELECT * FROM invoices",
        'UPDATE invoices SET lines = \'[{"description": "x", "amount": null}]\'',
    ],
)
def test_an_invoice_that_cannot_be_read_is_money_that_nobody_decided(
    work: Callable[..., PeriodWork], host: SmallHost, statement: str
) -> None:
    host.run("UPDATE invoices SET issued_at = '2026-03-20Z'", statement)
    march = work("2026-03")
    snapshot(march)
    done = dual_run(march)
    raw = [row for row in done.rows if row.line_key]
    assert raw
    assert all(row.status is Status.ONLY_ACTUAL and row.instances[0].notes[0].startswith("unusable") for row in raw)
    assert done.coverage.money == {"CAD": "0.0000"}
    assert all(one.holds for one in money_conserved(march))


def test_tax_without_anything_taxed_is_shown(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    host.run("UPDATE invoices SET subtotal = 0, total = 1.19, lines = '[]', issued_at = '2026-03-20Z'")
    march = work("2026-03")
    snapshot(march)
    row = of(dual_run(march), FIRST)
    assert row.actual is not None
    assert str(row.actual.tax) == "1.19 CAD"
    assert all(one.holds for one in money_conserved(march))


def test_a_month_that_the_register_has_and_no_row_holds_is_named(work: Callable[..., PeriodWork], host: SmallHost) -> None:
    march = work("2026-03")
    snapshot(march)
    reached = Connections(settings=settings(march), now=NOW, report=lambda _: None)
    assert [(gap.month, gap.why.split(":")[0]) for gap in register_gaps(reached, march.service)] == [
        ("2026-03", "never reconciled")
    ]
    dual_run(march)
    assert register_gaps(reached, march.service) == ()
    host.run("UPDATE invoices SET subtotal = 10, total = 11.19")
    snapshot(march)
    assert [gap.why.split(",")[0] for gap in register_gaps(reached, march.service)] == [
        "never reconciled: fcb run --service small --period 2026-04"
    ]


def settings(work: PeriodWork) -> Settings:
    """Settings that know the store of a test."""
    return Settings(
        services={work.service.code: work.service}, database_url=SecretStr(work.db.url), config_file=Path("fcb.toml")
    )
