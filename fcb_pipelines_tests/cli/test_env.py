import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fcb_pipelines.cli.env import env
from fcb_pipelines.local.keeper import KEEPER_LOCK
from fcb_pipelines.local.state import locked, make_state
from fcb_pipelines_tests.projects import enter, write_project

NOT_RUNNING = "the embedded stack is not running: start `fcb demo` in another terminal first\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose path a shell would split, being where commands are run."""
    folder = tmp_path / "it's a project"
    enter(monkeypatch, write_project(folder))
    return folder


def run(**variables: str) -> Result:
    return CliRunner().invoke(env, env=variables)


def evaluated(exports: str) -> dict[str, str]:
    """The variables as a shell has them after evaluating the lines."""
    shown = subprocess.run(["sh", "-c", 'eval "$0"; env -0', exports], env={}, capture_output=True, text=True, check=True)
    pairs = dict(entry.partition("=")[::2] for entry in shown.stdout.split("\0") if entry)
    return {name: value for name, value in pairs.items() if name.startswith(("FCB_", "DAGSTER_", "PGPASS"))}


def test_a_shell_gets_the_values_whatever_is_in_them(project: Path) -> None:
    result = run(FCB_DAGSTER_URL="postgresql://dagster:a$b'c%3Ad@db.invalid/dagster")
    password_file = project / ".fcb" / "dagster" / "pgpass"
    assert evaluated(result.stdout) == {
        "DAGSTER_HOME": str(project / ".fcb" / "dagster"),
        "FCB_STATE_DIR": str(project / ".fcb"),
        "FCB_DAGSTER_URL": "postgresql+psycopg2://dagster@db.invalid/dagster",
        "PGPASSFILE": str(password_file),
    }
    assert password_file.read_text() == "db.invalid:*:dagster:dagster:a$b'c\\:d\n"
    assert password_file.stat().st_mode & 0o777 == 0o600
    assert result.stderr == ""
    assert (project / ".fcb" / "dagster" / "dagster.yaml").is_file()


def test_a_stack_that_is_not_running_is_said_beside_the_lines(project: Path) -> None:
    result = run()
    assert result.exit_code == 0
    assert set(evaluated(result.stdout)) == {"DAGSTER_HOME", "FCB_STATE_DIR"}
    assert result.stderr == NOT_RUNNING


def test_with_a_running_stack_nothing_is_said(project: Path) -> None:
    state = make_state(project / ".fcb")
    (state / "addresses.json").write_text('{"FCB_DAGSTER_URL": "postgresql+psycopg2://127.0.0.1:5/dagster"}')
    with locked(state / KEEPER_LOCK):
        result = run()
    assert evaluated(result.stdout)["FCB_DAGSTER_URL"] == "postgresql+psycopg2://127.0.0.1:5/dagster"
    assert result.stderr == ""


def test_addresses_of_a_stack_that_was_killed_are_not_passed_off_as_running(project: Path) -> None:
    state = make_state(project / ".fcb")
    (state / "addresses.json").write_text('{"FCB_DAGSTER_URL": "postgresql+psycopg2://127.0.0.1:5/dagster"}')
    assert run().stderr == NOT_RUNNING


def test_an_address_in_the_projects_env_file_counts_as_given(project: Path) -> None:
    (project / ".env").write_text("FCB_DAGSTER_URL=postgresql://db.invalid/dagster\n")
    result = run()
    assert evaluated(result.stdout)["FCB_DAGSTER_URL"] == "postgresql+psycopg2://db.invalid/dagster"
    assert result.stderr == ""
