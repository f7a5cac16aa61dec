import json
import os
import secrets
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from fcb_pipelines.domain.errors import InvalidSettings, RuleViolation
from fcb_pipelines.local.children import CannotStart
from fcb_pipelines.local.keeper import ADDRESSES_FILE
from fcb_pipelines.local.placement import place
from fcb_pipelines.local.stack import is_running, reset
from fcb_pipelines.settings import Settings
from fcb_pipelines.store.schema import pending_migrations
from fcb_pipelines_tests.local.project import REAL_DATABASES, REAL_ODOO, Project, login


@pytest.fixture(scope="module")
def used_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project's folder whose state each test takes as another one left it, which saves making a server for each."""
    folder = tmp_path_factory.mktemp("used") / "project"
    yield folder
    if (state := Project(folder).state).exists():
        reset(state)


@pytest.fixture
def project(used_folder: Path) -> Project:
    """A project that has been worked in."""
    return Project(used_folder)


@pytest.fixture
def new_project(private: Path) -> Iterator[Project]:
    """A project in which no command has been run."""
    made = Project(private / "project")
    yield made
    if made.state.exists():
        reset(made.state)


def database(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def remember(settings: Settings) -> str:
    """Keep something of this test in the database; returns its name."""
    name = f"kept_{secrets.token_hex(4)}"
    with psycopg.connect(database(settings)) as conn:
        conn.execute(sql.SQL("CREATE TABLE {} ()").format(sql.Identifier(name)))
    return name


def is_kept(settings: Settings, name: str) -> bool:
    with psycopg.connect(database(settings)) as conn:
        return conn.execute("SELECT FROM pg_tables WHERE tablename = %s", [name]).fetchone() is not None


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_given_real_addresses_nothing_is_started_or_written(new_project: Project) -> None:
    with new_project.running(**REAL_DATABASES) as settings:
        assert database(settings) == REAL_DATABASES["FCB_DATABASE_URL"]
    assert not new_project.state.exists()
    assert new_project.said == []


def test_what_is_missing_is_there_with_our_schema_and_gone_afterwards(new_project: Project) -> None:
    with new_project.running() as settings:
        assert pending_migrations(database(settings)) == ()
        assert settings.dagster_url is not None
        assert settings.dagster_url.get_secret_value().startswith("postgresql+psycopg2://")
        addresses = new_project.state / ADDRESSES_FILE
        assert set(json.loads(addresses.read_text())) == {"FCB_DATABASE_URL", "FCB_DAGSTER_URL", "FCB_WEBHOOK_KEYS"}
        assert stat.S_IMODE(addresses.stat().st_mode) == 0o600
        assert is_running(new_project.state)
    assert not is_running(new_project.state)
    assert not addresses.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database(settings))
    assert new_project.said == [f"starting an embedded Postgres in {new_project.state}"]


@pytest.mark.parametrize("given", ["FCB_DATABASE_URL", "FCB_DAGSTER_URL"])
def test_only_what_is_not_configured_is_made(new_project: Project, given: str) -> None:
    with new_project.running(**{given: REAL_DATABASES[given]}):
        addresses = json.loads((new_project.state / ADDRESSES_FILE).read_text())
        keys = {"FCB_WEBHOOK_KEYS"} if given == "FCB_DAGSTER_URL" else set()
        assert set(addresses) == set(REAL_DATABASES) - {given} | keys
        (made,) = (addresses[name] for name in addresses.keys() - keys)
        with psycopg.connect(made.replace("+psycopg2", "")) as conn:
            rows = conn.execute("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname != 'postgres'").fetchall()
        assert rows == [("dagster",) if given == "FCB_DATABASE_URL" else ("fcb",)]


def test_the_next_start_finds_what_was_kept(project: Project) -> None:
    with project.running() as settings:
        kept = remember(settings)
    with project.running() as settings:
        assert is_kept(settings, kept)


def test_commands_at_once_share_the_stack_and_the_last_one_stops_it(project: Project) -> None:
    with project.running() as first:
        with project.running() as second:
            assert database(second) == database(first)
        with psycopg.connect(database(first)) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)
    assert not is_running(project.state)
    assert len(project.said) == 1


def test_the_one_who_started_may_leave_first(project: Project) -> None:
    starter = project.other_command()
    url = first_line(starter)
    with project.running() as settings:
        starter.send_signal(signal.SIGINT)
        starter.wait(20)
        end(starter)
        assert database(settings) == url
        with psycopg.connect(url) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)


def test_a_killed_command_leaves_nothing_running(project: Project) -> None:
    command = project.other_command()
    assert first_line(command).startswith("postgresql://")
    end(command)
    assert project.becomes_idle()
    with project.running() as settings:
        assert pending_migrations(database(settings)) == ()


def test_a_killed_postgres_is_started_again_by_the_next_command(project: Project) -> None:
    with project.running() as settings:
        kept = remember(settings)
        os.kill(project.postmaster, signal.SIGKILL)
        with project.running() as again:
            assert is_kept(again, kept)


def test_a_killed_keeper_is_replaced_by_the_next_command(project: Project) -> None:
    with project.running() as settings:
        kept = remember(settings)
        os.kill(project.keeper, signal.SIGKILL)
        assert project.becomes_idle()
        with project.running() as again:
            assert is_kept(again, kept)


def test_addresses_that_a_killed_keeper_left_are_not_believed(project: Project) -> None:
    with project.running():
        os.kill(project.keeper, signal.SIGKILL)
        assert project.becomes_idle()
    (project.state / ADDRESSES_FILE).write_text(json.dumps({"FCB_DATABASE_URL": "postgresql://127.0.0.1:1/gone"}))
    with project.running() as settings:
        assert pending_migrations(database(settings)) == ()


def test_a_signal_to_the_keeper_stops_everything_in_order(project: Project) -> None:
    with project.running():
        postmaster = project.postmaster
        os.kill(project.keeper, signal.SIGTERM)
        assert project.becomes_idle()
        with pytest.raises(ProcessLookupError):
            os.kill(postmaster, 0)


def test_why_it_does_not_start_is_said(new_project: Project) -> None:
    with new_project.running():
        home = place(new_project.state).home
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(CannotStart, match="no_such_setting"), new_project.running():
        pass
    assert not is_running(new_project.state)


def test_a_service_without_a_demo_needs_its_address(project: Project) -> None:
    del project.environ["FCB_SOURCE_SHOP_URL"]
    with pytest.raises(InvalidSettings, match="set FCB_SOURCE_SHOP_URL"), project.running():
        pass
    assert not is_running(project.state)


def test_a_reset_is_refused_while_a_command_uses_the_stack(new_project: Project) -> None:
    with new_project.running() as settings:
        with pytest.raises(RuleViolation, match="an fcb command uses"):
            reset(new_project.state)
        remember(settings)
    home = place(new_project.state).home
    reset(new_project.state)
    assert not new_project.state.exists()
    assert not home.exists()


def test_a_reset_waits_for_a_stack_that_is_stopping(new_project: Project) -> None:
    command = new_project.other_command()
    assert first_line(command)
    end(command)
    reset(new_project.state)
    assert not new_project.state.exists()


def test_a_reset_refuses_a_folder_that_is_not_ours(project: Project) -> None:
    with pytest.raises(InvalidSettings, match="was not made by fcb_pipelines"):
        reset(project.folder)
    assert (project.folder / "fcb.toml").exists()


def test_two_that_start_at_once_get_one_stack(new_project: Project) -> None:
    together = threading.Barrier(2)
    urls: list[str] = []

    def use() -> None:
        with new_project.running() as settings:
            urls.append(database(settings))
            together.wait(30)

    users = [threading.Thread(target=use) for _ in range(2)]
    for user in users:
        user.start()
    for user in users:
        user.join(60)
    assert len(urls) == 2
    assert len(set(urls)) == 1


@pytest.fixture
def sandboxed(project: Project) -> Project:
    """A project whose Odoo is not given."""
    for name in REAL_ODOO:
        del project.environ[name]
    return project


def user_of(settings: Settings) -> object:
    assert settings.odoo is not None
    return login(settings.odoo)


def test_the_sandbox_lets_in_who_has_the_key_of_the_settings(sandboxed: Project) -> None:
    with sandboxed.running() as settings:
        assert isinstance(user_of(settings), int)
        assert user_of(settings) is not False
        assert settings.odoo is not None
        assert login(settings.odoo.model_copy(update={"key": SecretStr("wrong")})) is False
    with pytest.raises(ConnectionRefusedError):
        user_of(settings)


def test_a_part_that_a_later_command_needs_is_added(project: Project, sandboxed: Project) -> None:
    with project.running(**REAL_ODOO) as first:
        with sandboxed.running() as second:
            assert database(second) == database(first)
            assert user_of(second) is not False
        with project.running(**REAL_ODOO) as third:
            assert third.odoo == first.odoo
    assert not is_running(project.state)


def test_the_sandbox_alone_needs_no_database_of_ours(sandboxed: Project) -> None:
    with sandboxed.running(**REAL_DATABASES) as settings:
        assert user_of(settings) is not False
        assert database(settings) == REAL_DATABASES["FCB_DATABASE_URL"]


def test_a_killed_sandbox_is_started_again_by_the_next_command(sandboxed: Project) -> None:
    with sandboxed.running():
        children = Path(f"/proc/{sandboxed.keeper}/task/{sandboxed.keeper}/children").read_text().split()
        (sandbox,) = [int(pid) for pid in children if b"odoo.sandbox" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(sandbox, signal.SIGKILL)
        with sandboxed.running() as again:
            assert user_of(again) is not False


def source(settings: Settings) -> str:
    url = settings.service(None).source_url
    assert url is not None
    return url.get_secret_value()


def test_the_demo_service_is_filled_once_and_cannot_be_written(new_project: Project) -> None:
    config = new_project.folder / "fcb.toml"
    config.write_text(config.read_text().replace('"mapping"', '"nexacloud"'))
    del new_project.environ["FCB_SOURCE_SHOP_URL"]
    seen = []
    for _ in range(2):
        with new_project.running() as settings, psycopg.connect(source(settings), autocommit=True) as conn:
            seen.append(conn.execute("SELECT count(*), max(id::text) FROM subscriptions").fetchone())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("DELETE FROM subscriptions")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT * FROM planted_truth")
    assert seen[0] == seen[1]
    assert seen[0] is not None
    assert seen[0][0] > 80
