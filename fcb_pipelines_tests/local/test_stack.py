import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from fcb_pipelines.domain.errors import InvalidSettings, RuleViolation
from fcb_pipelines.local.children import CannotStart
from fcb_pipelines.local.keeper import ADDRESSES_FILE, KEEPER_LOCK
from fcb_pipelines.local.placement import place
from fcb_pipelines.local.stack import is_running, reset, running
from fcb_pipelines.local.state import is_free
from fcb_pipelines.settings import Settings, load
from fcb_pipelines.store.database import pending_migrations

FCB_TOML = """
[services.shop]
mapping = "mapping"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
"""
REAL_SOURCE = {"FCB_SOURCE_SHOP_URL": "postgresql://reader@db.invalid/shop"}
REAL_ODOO = {"FCB_ODOO_URL": "http://odoo.invalid", "FCB_ODOO_DB": "d", "FCB_ODOO_USER": "u", "FCB_ODOO_KEY": "k"}
REAL_DATABASES = {"FCB_DATABASE_URL": "postgresql://db.invalid/fcb", "FCB_DAGSTER_URL": "postgresql://db.invalid/dagster"}

USER = """
import os, sys, time
from pathlib import Path
from fcb_pipelines.local.stack import running
from fcb_pipelines.settings import load
folder = Path(sys.argv[1])
with running(load(os.environ, folder=folder), environ=os.environ, folder=folder, report=lambda text: None) as settings:
    print(settings.database_url.get_secret_value(), flush=True)
    time.sleep(60)
"""


class Project:
    """A folder with settings, and the stack that a command run in it gets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".fcb"
        self.environ = {**REAL_SOURCE, **REAL_ODOO}
        self.said: list[str] = []
        (folder / "mapping").mkdir(parents=True)
        (folder / "mapping" / "users.sql").touch()
        (folder / "fcb.toml").write_text(FCB_TOML)

    def running(self, **more: str) -> AbstractContextManager[Settings]:
        environ = {**self.environ, **more}
        return running(load(environ, folder=self.folder), environ=environ, folder=self.folder, report=self.said.append)

    def other_command(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", USER, str(self.folder)]
        return subprocess.Popen(command, env={**os.environ, **self.environ}, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def project(private: Path) -> Iterator[Project]:
    made = Project(private / "project")
    yield made
    if made.state.exists():
        reset(made.state)


def database(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def remember(settings: Settings) -> None:
    with psycopg.connect(database(settings)) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS one")


def is_kept(settings: Settings) -> bool:
    with psycopg.connect(database(settings)) as conn:
        return conn.execute("SELECT one FROM kept").fetchone() == (1,)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def becomes_idle(state: Path) -> bool:
    deadline = time.monotonic() + 20
    while not is_free(state / KEEPER_LOCK) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_free(state / KEEPER_LOCK)


def keeper_of(state: Path) -> int:
    return int((state / KEEPER_LOCK).read_text())


def postmaster_of(state: Path) -> int:
    return int((place(state).home / "data" / "postmaster.pid").read_text().splitlines()[0])


def test_given_real_addresses_nothing_is_started_or_written(project: Project) -> None:
    with project.running(**REAL_DATABASES) as settings:
        assert database(settings) == REAL_DATABASES["FCB_DATABASE_URL"]
    assert not project.state.exists()
    assert project.said == []


def test_what_is_missing_is_there_with_our_schema_and_gone_afterwards(project: Project) -> None:
    with project.running() as settings:
        assert pending_migrations(database(settings)) == ()
        assert settings.dagster_url is not None
        assert settings.dagster_url.get_secret_value().startswith("postgresql+psycopg2://")
        addresses = project.state / ADDRESSES_FILE
        assert set(json.loads(addresses.read_text())) == {"FCB_DATABASE_URL", "FCB_DAGSTER_URL"}
        assert stat.S_IMODE(addresses.stat().st_mode) == 0o600
        assert is_running(project.state)
    assert not is_running(project.state)
    assert not addresses.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(database(settings))
    assert project.said == [f"starting an embedded Postgres in {project.state}"]


@pytest.mark.parametrize("given", ["FCB_DATABASE_URL", "FCB_DAGSTER_URL"])
def test_only_what_is_not_configured_is_made(project: Project, given: str) -> None:
    with project.running(**{given: REAL_DATABASES[given]}):
        addresses = json.loads((project.state / ADDRESSES_FILE).read_text())
        assert set(addresses) == set(REAL_DATABASES) - {given}
        (made,) = addresses.values()
        with psycopg.connect(made.replace("+psycopg2", "")) as conn:
            rows = conn.execute("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname != 'postgres'").fetchall()
        assert rows == [("dagster",) if given == "FCB_DATABASE_URL" else ("fcb",)]


def test_the_next_start_finds_what_was_kept(project: Project) -> None:
    with project.running() as settings:
        remember(settings)
    with project.running() as settings:
        assert is_kept(settings)


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
    assert becomes_idle(project.state)
    with project.running() as settings:
        assert pending_migrations(database(settings)) == ()


def test_a_killed_postgres_is_started_again_by_the_next_command(project: Project) -> None:
    with project.running() as settings:
        remember(settings)
        os.kill(postmaster_of(project.state), signal.SIGKILL)
        with project.running() as again:
            assert is_kept(again)


def test_a_killed_keeper_is_replaced_by_the_next_command(project: Project) -> None:
    with project.running() as settings:
        remember(settings)
        os.kill(keeper_of(project.state), signal.SIGKILL)
        assert becomes_idle(project.state)
        with project.running() as again:
            assert is_kept(again)


def test_addresses_that_a_killed_keeper_left_are_not_believed(project: Project) -> None:
    with project.running():
        os.kill(keeper_of(project.state), signal.SIGKILL)
        assert becomes_idle(project.state)
    (project.state / ADDRESSES_FILE).write_text(json.dumps({"FCB_DATABASE_URL": "postgresql://127.0.0.1:1/gone"}))
    with project.running() as settings:
        assert pending_migrations(database(settings)) == ()


def test_a_signal_to_the_keeper_stops_everything_in_order(project: Project) -> None:
    with project.running():
        postmaster = postmaster_of(project.state)
        os.kill(keeper_of(project.state), signal.SIGTERM)
        assert becomes_idle(project.state)
        with pytest.raises(ProcessLookupError):
            os.kill(postmaster, 0)


def test_why_it_does_not_start_is_said(project: Project) -> None:
    with project.running():
        home = place(project.state).home
    with (home / "data" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(CannotStart, match="no_such_setting"), project.running():
        pass
    assert not is_running(project.state)


def test_a_service_without_a_demo_needs_its_address(project: Project) -> None:
    del project.environ["FCB_SOURCE_SHOP_URL"]
    with pytest.raises(InvalidSettings, match="set FCB_SOURCE_SHOP_URL"), project.running():
        pass
    assert not is_running(project.state)


def test_a_reset_is_refused_while_a_command_uses_the_stack(project: Project) -> None:
    with project.running() as settings:
        with pytest.raises(RuleViolation, match="an fcb command uses"):
            reset(project.state)
        remember(settings)
    home = place(project.state).home
    reset(project.state)
    assert not project.state.exists()
    assert not home.exists()


def test_a_reset_waits_for_a_stack_that_is_stopping(project: Project) -> None:
    command = project.other_command()
    assert first_line(command)
    end(command)
    reset(project.state)
    assert not project.state.exists()


def test_a_reset_refuses_a_folder_that_is_not_ours(project: Project) -> None:
    with pytest.raises(InvalidSettings, match="was not made by fcb_pipelines"):
        reset(project.folder)
    assert (project.folder / "fcb.toml").exists()


def test_two_that_start_at_once_get_one_stack(project: Project) -> None:
    together = threading.Barrier(2)
    urls: list[str] = []

    def use() -> None:
        with project.running() as settings:
            urls.append(database(settings))
            together.wait(30)

    users = [threading.Thread(target=use) for _ in range(2)]
    for user in users:
        user.start()
    for user in users:
        user.join(60)
    assert len(urls) == 2
    assert len(set(urls)) == 1
