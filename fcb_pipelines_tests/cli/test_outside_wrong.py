"""What a new user gets wrong outside: addresses, passwords, keys, mappings. One message says what to mend, none half done."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fcb_pipelines.local.sandbox import DATABASE
from fcb_pipelines.local.warm import Done
from fcb_pipelines_tests.acceptance.fixtures import Demo
from fcb_pipelines_tests.acceptance.project import ROOT, Project, contents

MAPPING = ROOT / "fcb_pipelines" / "source" / "nexacloud"
MADE_WITH_THE_TABLES = {"alembic_version", "log_head"}
SECRET = "pw-that-must-not-be-shown"


def refused(done: Done, *said: str) -> None:
    """It ended with 1, named what to mend and showed no secret."""
    assert done.code in (1, 2), done.err
    assert done.out == ""
    for each in said:
        assert re.search(each, done.err), done.err
    assert SECRET not in done.err
    assert "Traceback" not in done.err


@dataclass(frozen=True, kw_only=True)
class Real:
    """Somebody who has a store, a Dagster, an Odoo and a service of their own."""

    project: Project
    source: str
    store: str
    variables: dict[str, str]

    def fcb(self, *args: str, **wrong: str) -> Done:
        """Run a command with some of the variables wrong."""
        return self.project.fcb(*args, **self.variables | wrong)


@pytest.fixture
def real(demo: Demo, store_database: str) -> Real:
    """Everything is right; nothing was imported yet."""
    settings = demo.project.settings
    source, dagster, odoo = settings.service("nexacloud").source_url, settings.dagster_url, settings.odoo
    assert source is not None
    assert dagster is not None
    assert odoo is not None
    variables = {
        "FCB_SOURCE_NEXACLOUD_URL": source.get_secret_value(),
        "FCB_DATABASE_URL": store_database,
        "FCB_DAGSTER_URL": dagster.get_secret_value(),
        "FCB_ODOO_URL": odoo.url,
        "FCB_ODOO_DB": DATABASE,
        "FCB_ODOO_USER": odoo.user,
        "FCB_ODOO_KEY": odoo.key.get_secret_value(),
    }
    return Real(project=demo.project, source=source.get_secret_value(), store=store_database, variables=variables)


def is_untouched(store: str) -> bool:
    """Whether no row of ours was kept."""
    return all(not rows for table, rows in contents(store).items() if table not in MADE_WITH_THE_TABLES)


def of(url: str, *, host: str | None = None, password: str | None = None, database: str | None = None) -> str:
    """The address with parts replaced."""
    found = urlsplit(url)
    place = f"{host or found.hostname}:{1 if host else found.port}"
    return f"postgresql://{found.username}:{password or found.password}@{place}/{database or found.path[1:]}"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"host": "127.0.0.1", "password": SECRET}, "cannot be reached: .*refused"),
        ({"password": SECRET}, "refused the login: .*password authentication failed"),
        ({"database": "nobody"}, 'database "nobody" does not exist'),
    ],
)
def test_a_wrong_source_address_names_its_variable(real: Real, wrong: dict[str, str], said: str) -> None:
    done = real.fcb("import", FCB_SOURCE_NEXACLOUD_URL=of(real.source, **wrong))
    refused(done, said, "Check FCB_SOURCE_NEXACLOUD_URL")
    assert is_untouched(real.store)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FCB_SOURCE_NEXACLOUD_URL", f"mysql://reader:{SECRET}@db/x", "is not a Postgres address"),
        ("FCB_ODOO_KEY", SECRET, "refused our login"),
        ("FCB_ODOO_USER", "nobody", "FCB_ODOO_KEY is a key of the user 'importer'"),
        ("FCB_ODOO_DB", "nodb", "nodb"),
        ("FCB_ODOO_URL", "http://127.0.0.1:1", "127.0.0.1:1"),
    ],
)
def test_a_wrong_address_or_key_names_its_variable(real: Real, variable: str, value: str, said: str) -> None:
    refused(real.fcb("import", "--dry-run", **{variable: value}), variable, said)
    assert is_untouched(real.store)


@pytest.mark.parametrize("address", [f"postgresql://u:{SECRET}@127.0.0.1:1/x", f"no {SECRET}"])
@pytest.mark.parametrize(("variable", "command"), [("FCB_DATABASE_URL", "status"), ("FCB_DAGSTER_URL", "import")])
def test_a_wrong_address_of_a_database_of_ours_names_its_variable(
    real: Real, variable: str, command: str, address: str
) -> None:
    refused(real.fcb(command, **{variable: address}), variable)


def test_a_store_without_our_tables_says_migrate_and_migrate_mends_it(real: Real, fresh_database: str) -> None:
    refused(real.fcb("status", FCB_DATABASE_URL=fresh_database), "fcb migrate")
    migrated = real.fcb("migrate", FCB_DATABASE_URL=fresh_database)
    assert (migrated.code, migrated.out) == (0, "")
    assert "applying 0001" in migrated.err
    assert "is up to date" in real.fcb("migrate", FCB_DATABASE_URL=fresh_database).err
    assert real.fcb("status", "--json", FCB_DATABASE_URL=fresh_database).answer["services"]["nexacloud"]["partners"] == 0


@pytest.mark.parametrize(
    ("entity", "line", "said"),
    [
        ("plans", "cpu_seconds_quota", "plans.sql.*cpu_seconds_quota"),
        ("users", "email", "users.sql.*email"),
    ],
)
def test_a_column_that_the_source_does_not_have_names_file_and_column(
    real: Real, tmp_path: Path, entity: str, line: str, said: str
) -> None:
    shutil.copytree(MAPPING, tmp_path / "bent")
    file = tmp_path / "bent" / f"{entity}.sql"
    file.write_text(re.sub(rf"\b{line}\b", f"{line}_gone", file.read_text()))
    config = (real.project.folder / "fcb.toml").read_text().replace('mapping = "nexacloud"', 'mapping = "bent"')
    (tmp_path / "fcb.toml").write_text(config)
    refused(real.fcb("import", FCB_CONFIG=str(tmp_path / "fcb.toml")), said)
    assert is_untouched(real.store)


def test_a_snapshot_is_needed_before_a_run(real: Real) -> None:
    refused(real.fcb("run", "--period", "2026-03"), "no snapshot of nexacloud", "fcb run .*--period 2026-03 --refresh")
    for command in ("register", "prune"):
        refused(real.fcb(command), "no snapshot of nexacloud")
    assert is_untouched(real.store)


def test_a_moved_clock_is_refused_with_a_real_service(real: Real) -> None:
    refused(real.fcb("status", FCB_NOW="2026-06-02T12:00:00Z"), "FCB_NOW .*refused with a real service")


def test_a_run_ends_with_what_its_checks_warn_of_and_is_done_all_the_same(real: Real) -> None:
    first = real.fcb("run", "--period", "2026-03", "--refresh")
    told = [line for line in first.err.splitlines() if line.startswith("warning: ")]
    assert first.code == 0, first.err
    assert "the first revision of the month" in first.err
    assert [re.split("; what to do: ", line)[0] for line in told] == [
        "warning: register_reconciled: 2 months differ between register and rows"
    ]
