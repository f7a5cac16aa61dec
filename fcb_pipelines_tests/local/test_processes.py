import http.client
import json
import os
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.instance.config import PoolGranularity
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths

from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.local.children import CannotStart, free_port, is_free
from fcb_pipelines.local.processes import (
    DEFINITIONS,
    LOCATION,
    dagster_variables,
    refuse_taken_port,
    serve_dagster,
)
from fcb_pipelines.local.state import make_state
from fcb_pipelines.settings import Settings, load
from fcb_pipelines_tests.projects import write_project

ROOT = Path(__file__).parents[2]
TINY = "fcb_pipelines_tests.local.tiny_definitions"
LOCATIONS = "{workspaceOrError {... on Workspace {locationEntries {name locationOrLoadError {__typename}}}}}"
LAUNCH = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {__typename ... on LaunchRunSuccess {run {runId}}}
}"""
STATUS = "query($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"


def settings_of(folder: Path, **variables: str) -> Settings:
    return load(variables, folder=write_project(folder))


class Page:
    """The Dagster page as a browser's script sees it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = json.dumps({"query": query, "variables": variables})
        connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())["data"]
        connection.close()
        return answer

    def launch(self) -> str:
        """Queue a run of the tiny asset, as the page's button does; returns its id."""
        selector = {
            "repositoryLocationName": LOCATION,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["hello"]}],
        }
        launched = self.ask(LAUNCH, params={"selector": selector, "mode": "default", "runConfigData": {}})
        run_id: str = launched["launchRun"]["run"]["runId"]
        return run_id

    def ended(self, run_id: str) -> str:
        """How that run ended, waiting for it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status: str = self.ask(STATUS, id=run_id)["runOrError"]["status"]
            if status in {"SUCCESS", "FAILURE", "CANCELED"}:
                return status
            time.sleep(0.2)
        return "late"


def children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def child_running(module: str) -> int:
    (pid,) = [pid for pid in children() if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return pid


def serve(settings: Settings, folder: Path, once_up: Callable[[str], None], module: str = TINY) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    serve_dagster(settings, environ=environ, folder=folder, report=once_up, module=module)


@pytest.mark.slow
def test_the_page_is_up_within_its_limit_runs_what_is_launched_and_stops_when_asked(
    tmp_path: Path, fresh_database: str
) -> None:
    port = free_port()
    settings = settings_of(tmp_path, FCB_DAGSTER_URL=fresh_database, FCB_UI_PORT=str(port))
    before, began, said = children(), time.monotonic(), list[str]()
    ends = list[str]()

    def use() -> None:
        try:
            page = Page(port)
            entries = page.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
            ends.extend(entry["locationOrLoadError"]["__typename"] for entry in entries)
            ends.append(page.ended(page.launch()))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    user = threading.Thread(target=use)

    def once_up(text: str) -> None:
        said.append(text)
        assert time.monotonic() - began < 30
        user.start()

    serve(settings, tmp_path, once_up)
    user.join()
    assert said == [f"Dagster is on http://127.0.0.1:{port} (Ctrl-C ends it)"]
    assert ends == ["RepositoryLocation", "SUCCESS"]
    assert children() == before
    assert is_free(port)


@pytest.mark.slow
def test_a_process_that_dies_ends_all_and_is_named(tmp_path: Path, fresh_database: str) -> None:
    port = free_port()
    settings = settings_of(tmp_path, FCB_DAGSTER_URL=fresh_database, FCB_UI_PORT=str(port))
    before = children()
    with pytest.raises(CannotStart, match=r"(?s)^Dagster's webserver ended by itself with code -9; .*webserver.log"):
        serve(settings, tmp_path, lambda _text: os.kill(child_running("dagster_webserver"), signal.SIGKILL))
    assert children() == before
    assert is_free(port)


def test_code_that_does_not_load_is_said_with_its_error(tmp_path: Path, fresh_database: str) -> None:
    settings = settings_of(tmp_path, FCB_DAGSTER_URL=fresh_database, FCB_UI_PORT=str(free_port()))
    with pytest.raises(CannotStart, match=r"(?s)^Dagster's code server ended with code 1; .*no_such_module"):
        serve(settings, tmp_path, pytest.fail, module="no_such_module")


def test_a_signal_that_came_before_all_are_up_ends_it(tmp_path: Path, fresh_database: str) -> None:
    settings = settings_of(tmp_path, FCB_DAGSTER_URL=fresh_database, FCB_UI_PORT=str(free_port()))
    before = children()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    serve(settings, tmp_path, pytest.fail)
    assert children() == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_taken_port_is_said_with_what_mends_it_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        settings = settings_of(tmp_path, FCB_UI_PORT=str(other.getsockname()[1]))
        with pytest.raises(InvalidSettings, match=r"port \d+ is taken .*`FCB_UI_PORT=\d+ make demo`"):
            serve(settings, tmp_path, pytest.fail)
    assert not settings.state_dir.exists()
    refuse_taken_port(settings)


def test_dagsters_home_is_in_the_state_folder_and_its_own(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, FCB_DAGSTER_URL="postgresql://reader:secret@db.invalid/dagster")
    variables = dagster_variables(settings, folder=tmp_path)
    home = Path(variables["DAGSTER_HOME"])
    assert home == make_state(tmp_path / ".fcb") / "dagster"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "dagster.yaml").read_text() == (ROOT / "dagster.yaml").read_text()
    assert variables["FCB_DAGSTER_URL"] == "postgresql+psycopg2://reader:secret@db.invalid/dagster"
    assert variables["FCB_STATE_DIR"] == str(home.parent)


def test_a_projects_own_instance_file_wins(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    variables = dagster_variables(settings_of(tmp_path), folder=tmp_path)
    assert (Path(variables["DAGSTER_HOME"]) / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"
    assert "FCB_DAGSTER_URL" not in variables


def test_the_workspace_names_the_definitions_as_the_demo_does() -> None:
    (origin,) = location_origins_from_yaml_paths([str(ROOT / "workspace.yaml")])
    assert origin.location_name == LOCATION
    assert isinstance(origin, ManagedGrpcPythonEnvCodeLocationOrigin)
    assert origin.loadable_target_origin.module_name == DEFINITIONS


def test_two_runs_on_one_period_exclude_each_other(
    tmp_path: Path, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = dagster_variables(settings_of(tmp_path, FCB_DAGSTER_URL=fresh_database), folder=tmp_path)
    monkeypatch.setenv("FCB_DAGSTER_URL", variables["FCB_DAGSTER_URL"])
    with dg.DagsterInstance.from_config(variables["DAGSTER_HOME"]) as instance:
        queue = instance.get_concurrency_config().run_queue_config
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
    assert queue is not None
    assert queue.max_concurrent_runs == 4
    assert list(queue.tag_concurrency_limits) == [
        {"key": "dagster/partition", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    ]


@pytest.mark.parametrize(("given", "limit"), [({}, 2), ({"FCB_ODOO_CONCURRENCY": "5"}, 5)])
def test_as_many_runs_on_odoo_as_calls_are_allowed(
    tmp_path: Path, fresh_database: str, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], limit: int
) -> None:
    variables = dagster_variables(settings_of(tmp_path, FCB_DAGSTER_URL=fresh_database, **given), folder=tmp_path)
    monkeypatch.setenv("FCB_DAGSTER_URL", variables["FCB_DAGSTER_URL"])
    with dg.DagsterInstance.from_config(variables["DAGSTER_HOME"]) as instance:
        pools = instance.get_concurrency_config().pool_config
    assert pools.default_pool_limit == limit
    # By the run: the slot of a step would stay taken when its process is killed.
    assert pools.pool_granularity == PoolGranularity.RUN
