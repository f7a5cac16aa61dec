"""The control loop's ends: asked for, beside a demo, or by itself; nothing of it stays and nothing is hidden."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fcb_pipelines.local.children import free_port, signalled
from fcb_pipelines.local.loop.beside import loop_beside
from fcb_pipelines.local.placement import place
from fcb_pipelines.local.sandbox import SOURCE_FOLDER
from fcb_pipelines.local.state import make_state
from fcb_pipelines.settings import load
from fcb_pipelines_tests.projects import write_project

pytestmark = pytest.mark.slow
STATE = re.compile(r"in (\S+/\.fcb)$", re.MULTILINE)


def test_whoever_ends_it_early_is_told_so_and_nothing_stays(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("wb") as out:
        command = [sys.executable, "-m", "fcb_pipelines", "loop", "--headless"]
        process = subprocess.Popen(command, cwd=SOURCE_FOLDER, stdout=out, stderr=out)
    until = time.monotonic() + 120
    while "endpoints add" not in said.read_text() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    found = STATE.search(said.read_text())
    assert found is not None, said.read_text()
    state = Path(found[1])
    home = place(state).home
    assert home.exists()
    process.terminate()
    assert process.wait(timeout=120) == 128 + signal.SIGINT, said.read_text()
    assert (state.exists(), state.parent.exists(), home.exists()) == (False, False, False)


def test_a_loop_that_ended_by_itself_is_told_once_and_ends_nothing_else(tmp_path: Path) -> None:
    settings = load({}, folder=write_project(tmp_path))
    (make_state(settings.state_dir) / "logs").mkdir(exist_ok=True)
    told: list[str] = []
    # No project's folder: the loop refuses to begin.
    bare = tmp_path / "bare"
    bare.mkdir()
    with loop_beside(settings, folder=bare, report=told.append) as look:
        until = time.monotonic() + 60
        while len(told) < 2 and time.monotonic() < until:
            look()
            time.sleep(0.1)
        look()
    assert [told[0].startswith("the control loop will be on"), "ended by itself" in told[1], len(told)] == [True, True, 2]


def test_a_terminal_that_is_closed_asks_for_the_end_where_that_is_not_ignored() -> None:
    before, asked = signal.getsignal(signal.SIGHUP), list[int]()
    try:
        for handler in (signal.SIG_DFL, signal.SIG_IGN):
            signal.signal(signal.SIGHUP, handler)
            with signalled(lambda number, _frame: asked.append(number)):
                os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)
    assert asked == [signal.SIGHUP]


def test_there_is_a_port_after_the_last_one() -> None:
    assert free_port(65536) <= 65535
