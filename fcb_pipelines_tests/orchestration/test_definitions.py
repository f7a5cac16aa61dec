"""What Dagster shows: assets with keys, groups, kinds, owners and descriptions, jobs, schedules, partitions."""

from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from fcb_pipelines.definitions import build_defs
from fcb_pipelines.settings import Settings, load
from fcb_pipelines_tests.acceptance.project import ROOT

TORONTO = ZoneInfo("America/Toronto")
SOURCE = ("users", "plans", "subscriptions", "usage", "invoices")
CHAIN = ("partners", "plans", "shadow_subscriptions")
DUAL_RUN = ("usage_totals", "rated_lines", "expected_invoices", "actual_invoices", "reconciliation")
INVOICES = ("odoo_draft_invoices", "odoo_source_invoices")
CLOSING = ("closing",)
FLIP = ("flip_plan", "flip")
LIVE = ("live_invoices", "live_guard")
MONTHLY = (*DUAL_RUN, *INVOICES, *CLOSING, "live_invoices")
ALL = {*(f"source/{name}" for name in SOURCE), *CHAIN, *MONTHLY, *FLIP, *LIVE}
UPSTREAM = {
    "partners": {"source/users"},
    "plans": {"source/plans", "partners"},
    "shadow_subscriptions": {"source/subscriptions", "plans"},
    "usage_totals": {"source/usage"},
    "rated_lines": {"usage_totals", "source/plans", "source/subscriptions"},
    "expected_invoices": {"rated_lines", "source/users"},
    "actual_invoices": {"source/invoices", "usage_totals"},
    "reconciliation": {"expected_invoices", "actual_invoices"},
    "odoo_draft_invoices": {"expected_invoices", "partners", "plans"},
    "odoo_source_invoices": {"actual_invoices", "expected_invoices", "partners"},
    "closing": {"reconciliation"},
    "flip_plan": {"shadow_subscriptions", "reconciliation"},
    "flip": {"flip_plan"},
    "live_invoices": {"expected_invoices"},
    "live_guard": {"flip"},
}
PERIOD_CHECKS = {
    "usage_conserved": True,
    "feeds_agree": True,
    "late_usage_adjusted": True,
    "closed_usage_confirmed": False,
    "money_conserved": True,
    "coverage": False,
    "reconciliation_clean": False,
    "register_reconciled": False,
    "draft_invoices_complete": True,
    "source_invoices_carried": True,
    "live_invoices_complete": True,
}
"""Name → whether a failure stops what comes after."""


_BUILT: dict[int, tuple[Settings, dg.Definitions]] = {}


def graph(settings: Settings) -> dg.Definitions:
    """Built once for the same settings, which are kept: nobody changes it, and building takes a second."""
    if id(settings) not in _BUILT:
        _BUILT[id(settings)] = settings, build_defs(settings=settings)
    return _BUILT[id(settings)][1]


def specs(settings: Settings) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in graph(settings).resolve_all_asset_specs()}


def check_specs(settings: Settings) -> dict[str, dg.AssetCheckSpec]:
    found = [spec for one in graph(settings).asset_checks or () for spec in one.check_specs]
    mine = [spec for spec in found if spec.asset_key.path[0] == "nexacloud"]
    names = Counter(spec.name for spec in mine)
    return {f"{spec.asset_key.path[-1]} {spec.name}" if names[spec.name] > 1 else spec.name: spec for spec in mine}


@pytest.fixture(scope="session")
def shown(project_settings: Settings) -> dict[str, dg.AssetSpec]:
    """The assets of the project's own fcb.toml."""
    return specs(project_settings)


def test_the_assets_of_the_project(shown: dict[str, dg.AssetSpec]) -> None:
    assert set(shown) == {f"nexacloud/{name}" for name in ALL}


def test_every_asset_is_told_about(shown: dict[str, dg.AssetSpec]) -> None:
    for name, spec in shown.items():
        assert spec.description, name
        assert len(spec.description.split()) > 4, name
        assert spec.kinds, name
        assert spec.owners == ["team:billing"], name


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("source", {f"source/{name}" for name in SOURCE}),
        ("import", set(CHAIN)),
        ("dual_run", set(DUAL_RUN)),
        ("odoo_invoices", set(INVOICES)),
        ("closing", set(CLOSING)),
        ("flip", set(FLIP)),
        ("live", set(LIVE)),
    ],
)
def test_groups(shown: dict[str, dg.AssetSpec], group: str, names: set[str]) -> None:
    assert {name for name, spec in shown.items() if spec.group_name == group} == {f"nexacloud/{name}" for name in names}


@pytest.mark.parametrize("name", sorted(UPSTREAM))
def test_what_an_asset_is_made_from(shown: dict[str, dg.AssetSpec], name: str) -> None:
    found = {dep.asset_key.to_user_string() for dep in shown[f"nexacloud/{name}"].deps}
    assert found == {f"nexacloud/{each}" for each in UPSTREAM[name]}


def test_only_what_is_of_a_month_has_partitions(shown: dict[str, dg.AssetSpec]) -> None:
    monthly = {f"nexacloud/{name}" for name in MONTHLY}
    assert {name for name, spec in shown.items() if spec.partitions_def} == monthly


def test_a_second_service_has_all_of_it_under_its_own_key(two_services: Settings) -> None:
    found = specs(two_services)
    assert set(found) == {f"{code}/{name}" for code in ("nexacloud", "small") for name in ALL}
    assert {spec.owners[0] for name, spec in found.items() if name.startswith("small/")} == {"ops@example.org"}
    deps = {dep.asset_key.path[0] for name, spec in found.items() if name.startswith("small/") for dep in spec.deps}
    assert deps == {"small"}, "services are never mixed"


@pytest.mark.parametrize("code", ["nexacloud", "small"])
def test_jobs_and_schedules_of_every_service_resolve(two_services: Settings, code: str) -> None:
    definitions = graph(two_services)
    for job, names in (
        ("snapshot", {f"source/{name}" for name in SOURCE}),
        ("import", {*(f"source/{name}" for name in SOURCE), *CHAIN}),
        ("dual_run", set(DUAL_RUN)),
        ("odoo_invoices", set(INVOICES)),
        ("close", set(CLOSING)),
        ("flip_plan", {"flip_plan"}),
        ("flip", {"flip"}),
        ("live", {"live_invoices"}),
        ("guard", {"live_guard"}),
    ):
        keys = definitions.resolve_job_def(f"{code}_{job}").asset_layer.executable_asset_keys
        assert {key.to_user_string() for key in keys} == {f"{code}/{name}" for name in names}
    assert definitions.resolve_schedule_def(f"{code}_import_nightly").cron_schedule == "0 2 * * *"
    assert definitions.resolve_schedule_def(f"{code}_dual_run_nightly").execution_timezone == "America/Toronto"
    assert definitions.resolve_job_def(f"{code}_deliver").description
    for what in ("usage_changed", "odoo_payments", "messages_due"):
        assert definitions.resolve_sensor_def(f"{code}_{what}").default_status is dg.DefaultSensorStatus.STOPPED
    assert definitions.resolve_schedule_def(f"{code}_live_monthly").cron_schedule == "0 6 3 * *"
    assert definitions.resolve_schedule_def(f"{code}_guard_daily").cron_schedule == "0 5 * * *"


def test_checks_guard_what_comes_after(project_settings: Settings) -> None:
    found = check_specs(project_settings)
    read_back = {f"{asset} odoo_read_back" for asset in ("shadow_subscriptions", *INVOICES)}
    guards = {f"{name}_suite" for name in SOURCE} | {"import_complete", "shadow_inert"} | read_back
    guards |= {"ready_to_flip", "no_alarm_open"}
    assert set(found) == guards | {"records_usable"} | set(PERIOD_CHECKS)
    assert {name for name, spec in found.items() if spec.blocking} == guards | {
        name for name, stops in PERIOD_CHECKS.items() if stops
    }
    assert all(spec.description for spec in found.values())


def test_a_check_of_a_period_carries_the_partition(project_settings: Settings) -> None:
    """Without it a check has one status, and a good May would hide a bad March."""
    found = check_specs(project_settings)
    partitioned = {f"nexacloud/{name}" for name in MONTHLY}
    for name, spec in found.items():
        has = spec.partitions_def is not None
        assert has == (spec.asset_key.to_user_string() in partitioned), name


@pytest.mark.parametrize(
    ("at", "periods"),
    [
        ("2026-06-02T03:00", ["2026-05", "2026-06"]),
        ("2026-06-01T03:00", ["2026-05", "2026-06"]),
        ("2026-05-31T03:00", ["2026-04", "2026-05"]),
        ("2027-01-01T03:00", ["2026-12", "2027-01"]),
        ("2026-03-15T03:00", ["2026-03"]),
    ],
)
def test_each_night_the_open_and_the_last_closed_period_are_run(at: str, periods: list[str], unmoved: Settings) -> None:
    when = datetime.fromisoformat(at).replace(tzinfo=TORONTO)
    definitions = graph(unmoved)
    schedule, known = definitions.resolve_schedule_def("nexacloud_dual_run_nightly"), definitions.get_repository_def()
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=when, repository_def=known)
        requests = schedule.evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in requests] == periods
    assert [request.tags["dagster/partition"] for request in requests] == periods, "dagster.yaml queues runs of one month by it"
    assert [request.run_key for request in requests] == [f"{period}@{at[:10]}" for period in periods]


@pytest.fixture
def unmoved() -> Settings:
    """A real service, whose clock is not moved."""
    given = {"FCB_CONFIG": str(ROOT / "fcb.toml"), "FCB_SOURCE_NEXACLOUD_URL": "postgresql://reader@db.invalid/x"}
    return load(given, folder=ROOT / "no-env-file-here")


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2026-06-02T12:00:00-04:00", "2026-06"),
        ("2026-06-01T03:59:59+00:00", "2026-05"),
        ("2026-06-01T04:00:00+00:00", "2026-06"),
        ("2025-01-01T00:00:00+00:00", "2026-03"),
    ],
)
def test_the_months_follow_the_clock(now: str, last: str) -> None:
    settings = load({"FCB_CONFIG": str(ROOT / "fcb.toml"), "FCB_NOW": now}, folder=ROOT / "no-env-file-here")
    partitions = specs(settings)["nexacloud/reconciliation"].partitions_def
    assert partitions is not None
    keys = partitions.get_partition_keys()
    assert (keys[0], keys[-1]) == ("2026-03", last)


def test_a_month_of_dagster_is_a_period_of_ours(project_settings: Settings) -> None:
    partitions = specs(project_settings)["nexacloud/reconciliation"].partitions_def
    assert isinstance(partitions, dg.MonthlyPartitionsDefinition)
    for key in partitions.get_partition_keys():
        window, period = partitions.time_window_for_partition_key(key), project_settings.service("nexacloud").period(key)
        assert (window.start.timestamp(), window.end.timestamp()) == (period.start.timestamp(), period.end.timestamp())
        assert window.end - window.start > timedelta(days=27)


def test_steps_run_in_the_process_of_their_run(project_settings: Settings) -> None:
    assert graph(project_settings).executor is dg.in_process_executor


def test_everything_that_calls_odoo_is_in_its_pool(project_settings: Settings) -> None:
    definitions = graph(project_settings)
    assets = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    calling = {spec.key for asset in assets for spec in asset.specs if "odoo" in spec.kinds}
    assert {key for asset in assets for key in asset.keys if asset.op.pool == "odoo"} == calling
    checks = [check for check in definitions.asset_checks or () if isinstance(check, dg.AssetChecksDefinition)]
    pools = {spec.name: check.op.pool for check in checks for spec in check.check_specs}
    assert {pools[name] for name in ("import_complete", "shadow_inert")} == {"odoo"}
    assert pools["money_conserved"] is None


@pytest.mark.parametrize(
    ("job", "pools"),
    [("import", {"odoo"}), ("snapshot", set()), ("dual_run", set()), ("odoo_invoices", {"odoo"}), ("guard", {"odoo"})],
)
def test_a_run_waits_for_the_pool_only_if_it_calls_odoo(project_settings: Settings, job: str, pools: set[str]) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(graph(project_settings).resolve_job_def(f"nexacloud_{job}"))
    assert (run.run_op_concurrency.all_pools if run.run_op_concurrency else set()) == pools
