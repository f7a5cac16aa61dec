import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fcb_pipelines.cli.reset import reset
from fcb_pipelines.domain.errors import InvalidSettings, RuleViolation
from fcb_pipelines.local.state import MARKER, USERS_LOCK, locked, make_state
from fcb_pipelines_tests.projects import enter, write_project


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's state folder with a database's file in it, the project being where commands are run."""
    enter(monkeypatch, write_project(tmp_path))
    made = make_state(tmp_path / ".fcb")
    (made / "dagster").mkdir()
    return made


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(reset, arguments, input=answer)


@pytest.mark.parametrize("arguments", [("--yes",), ()])
def test_the_state_is_removed_once_confirmed(state: Path, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, answer="y\n")
    assert result.exit_code == 0
    assert not state.exists()
    assert result.stdout == ""
    assert f"removed {state}" in result.stderr


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_nothing_is_removed_unless_confirmed(state: Path, answer: str) -> None:
    result = run(answer=answer)
    assert result.exit_code == 1
    assert (state / "dagster").is_dir()
    assert f"Remove {state} with its databases" in result.stderr


def test_a_second_time_there_is_nothing_to_remove(state: Path) -> None:
    run("--yes")
    result = run()
    assert result.exit_code == 0
    assert f"nothing to remove, {state} does not exist" in result.stderr


def test_what_a_killed_removal_left_is_removed_though_the_folder_is_gone(state: Path) -> None:
    left = state.rename(state.with_name(".fcb.4711.removed"))
    result = run("--yes")
    assert result.exit_code == 0
    assert f"removed {state}" in result.stderr
    assert not left.exists()


def test_a_folder_that_stays_is_said_to_be_emptied(monkeypatch: pytest.MonkeyPatch, fixed: Path) -> None:
    enter(monkeypatch, fixed.parent)
    state = make_state(fixed)
    monkeypatch.setenv("FCB_STATE_DIR", str(state))
    result = run("--yes")
    assert result.stderr == f"removed all that was in {state}; the folder itself cannot be removed and stays\n"
    assert list(state.iterdir()) == []


def test_it_is_refused_while_a_command_uses_the_state(state: Path) -> None:
    with locked(state / USERS_LOCK, shared=True):
        result = run("--yes")
    assert isinstance(result.exception, RuleViolation)
    assert (state / "dagster").is_dir()


def test_another_folder_is_refused_whatever_the_settings_say(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FCB_STATE_DIR", str(state.parent))
    result = run("--yes")
    assert isinstance(result.exception, InvalidSettings)
    assert (state.parent / "fcb.toml").exists()


def beside(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def waiting_for(file: Path) -> int:
    """How many processes wait for the lock of a file, as Linux lists them."""
    lines = Path("/proc/locks").read_text().splitlines()
    return sum("->" in line and f":{file.stat().st_ino} " in line for line in lines)


def test_two_at_once_both_end_well(state: Path) -> None:
    with locked(state / MARKER):
        both = [beside("-m", "fcb_pipelines", "reset", "--yes") for _ in range(2)]
        deadline = time.monotonic() + 20
        while waiting_for(state / MARKER) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    said = [one.communicate(timeout=20) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert [error for _, error in said] == [f"removed {state}\n"] * 2
    assert not state.exists()
