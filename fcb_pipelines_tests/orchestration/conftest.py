"""Definitions as an operator has them, and runs of them in this process on a small host, a real store and a real sandbox."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from fcb_pipelines.acts.connections import Connections
from fcb_pipelines.definitions import build_defs
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.settings import Settings, load
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acceptance.project import ROOT
from fcb_pipelines_tests.conftest import NOW, database
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

SMALL = """
[services.small]
mapping = "mapping"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
place_of_supply = "CA-ON"
terms_assumed_from = 2026-01-01
owner = "ops@example.org"

[[services.small.line_rules]]
pattern = "^Small"
kind = "plan"

[[taxes]]
place = "CA-ON"
component = "HST"
percent = "13"
valid_from = 2010-07-01
"""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Starts jobs of the small host, and looks at what became of them."""

    host: SmallHost
    db: Database
    settings: Settings
    instance: dg.DagsterInstance
    now: datetime = NOW

    def job(self, name: str, period: str | None = None, **config: Any) -> dg.ExecuteInProcessResult:
        """Run a job to its end, whatever that is."""
        return self._run(self.definitions(), name, period, config)

    def only_check(self, asset: str, name: str, period: str | None = None) -> dg.ExecuteInProcessResult:
        """Run one check without its asset, as the page can."""
        selection = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(["small", asset]), name))
        job = dg.Definitions(jobs=[dg.define_asset_job("one_check", selection=selection)])
        return self._run(dg.Definitions.merge(self.definitions(), job), "one_check", period, {})

    def definitions(self) -> dg.Definitions:
        """All that Dagster shows, on what this operator has."""
        return build_defs(settings=self.settings, resources={"connections": self.connections})

    @property
    def connections(self) -> Connections:
        """What acts reach the outside with."""
        return Connections(settings=self.settings, now=self.now, report=lambda _: None)

    def _run(
        self, definitions: dg.Definitions, job: str, period: str | None, config: dict[str, Any]
    ) -> dg.ExecuteInProcessResult:
        return definitions.resolve_job_def(job).execute_in_process(
            # Dagster takes the tag where it refuses the key: for a job of one check.
            instance=self.instance,
            tags={"dagster/partition": period} if period else None,
            run_config={**QUIET, **config},
            raise_on_error=False,
        )

    def imported(self) -> dg.ExecuteInProcessResult:
        """Take a snapshot and import."""
        return self.job("small_import")

    def snapshot(self) -> None:
        """Take a snapshot; its suites may warn."""
        self.job("small_snapshot")

    def dual_run(self, period: str = "2026-03") -> dg.ExecuteInProcessResult:
        """Meter, rate and reconcile."""
        return self.job("small_dual_run", period)


def made(result: dg.ExecuteInProcessResult) -> set[str]:
    """The names of the assets that a run made."""
    keys = [event.asset_key for event in result.get_asset_materialization_events()]
    return {key.path[-1] for key in keys if key is not None}


def check(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    """The outcome of a check in a run."""
    (found,) = (one for one in result.get_asset_check_evaluations() if one.check_name == name)
    return found


def records(found: dg.AssetCheckEvaluation, name: str) -> list[dict[str, object]]:
    """The rows of a table that a check shows."""
    value = found.metadata[name]
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


@pytest.fixture(scope="session")
def instance() -> Iterator[dg.DagsterInstance]:
    """Where all runs of these tests are kept."""
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(scope="session")
def odoo_template(postgres_url: str) -> Iterator[str]:
    """The name of a sandbox's database that has nothing of ours; nobody may be connected to it."""
    with database(postgres_url) as url:
        create_app(url, {"admin": ADMIN_KEY}, clock=lambda: NOW)
        yield url.rpartition("/")[2]


@pytest.fixture
def odoo_database(postgres_url: str, odoo_template: str) -> Iterator[str]:
    """The URL of the sandbox's database: its own for each test, because orders outlast the customers they were made for."""
    with database(postgres_url, template=odoo_template) as url:
        yield url


@pytest.fixture
def odoo(odoo_database: str) -> Iterator[dict[str, str]]:
    """The settings of a sandbox that has nothing of ours."""
    with serving(create_app(odoo_database, {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}, clock=lambda: NOW)) as url:
        name = odoo_database.rpartition("/")[2]
        yield {"FCB_ODOO_URL": url, "FCB_ODOO_DB": name, "FCB_ODOO_USER": "importer", "FCB_ODOO_KEY": IMPORTER_KEY}


@pytest.fixture
def operator(
    fresh_database: str, store_database: str, odoo: dict[str, str], instance: dg.DagsterInstance, tmp_path: Path
) -> Operator:
    """A small host whose first subscription was billed in March."""
    (tmp_path / "mapping").mkdir()
    host = SmallHost(fresh_database, tmp_path / "mapping")
    host.run(
        f"UPDATE invoices SET external_subscription_id = '{FIRST}'", "UPDATE users SET email = 'bob@example.org', name = 'Bob'"
    )
    host.run("UPDATE users SET email = external_user_id || '@example.org', country = 'CA', state = 'ON'")
    (tmp_path / "fcb.toml").write_text(SMALL)
    given = {"FCB_SOURCE_SMALL_URL": fresh_database, "FCB_DATABASE_URL": store_database}
    settings = load({**given, **odoo, "FCB_STATE_DIR": str(tmp_path / "state")}, folder=tmp_path)
    return Operator(host=host, db=Database(store_database), settings=settings, instance=instance)


@pytest.fixture(scope="session")
def project_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The project's own fcb.toml, with nothing configured."""
    folder = tmp_path_factory.mktemp("project")
    return load({"FCB_CONFIG": str(ROOT / "fcb.toml")}, folder=folder)


@pytest.fixture(scope="session")
def two_services(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The project's fcb.toml with a second service of the same mapping."""
    folder = tmp_path_factory.mktemp("two")
    second = SMALL.partition("[[services.small.line_rules]]")[0].replace('"mapping"', '"nexacloud"')
    (folder / "fcb.toml").write_text((ROOT / "fcb.toml").read_text() + second)
    return load({}, folder=folder)
