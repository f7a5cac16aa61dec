import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from fcb_pipelines.local.children import (
    CannotStart,
    Child,
    free_port,
    is_free,
    minimal_environment,
    spawn,
    tail,
)

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def started(tmp_path: Path, program: str) -> Child:
    return spawn("the program", [sys.executable, "-c", program], log=tmp_path / "log", environ=minimal_environment())


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_that_ignores_us_is_killed_with_its_own_children(tmp_path: Path) -> None:
    child = started(tmp_path, STUBBORN)
    child.wait_until(lambda: (tmp_path / "log").read_text().endswith("\n"), seconds=20)
    grandchild = int((tmp_path / "log").read_text())
    child.stop((signal.SIGTERM, 0.2))
    assert child.process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 5
    while is_alive(grandchild) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(grandchild)


def test_stopping_what_has_ended_is_nothing(tmp_path: Path) -> None:
    child = started(tmp_path, "")
    child.process.wait(20)
    child.stop((signal.SIGTERM, 1.0))
    assert child.process.returncode == 0


def test_an_early_end_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    child = started(tmp_path, "import sys; print('the disk is full'); sys.exit(3)")
    with pytest.raises(CannotStart, match=r"(?s)^the program ended with code 3; .*the disk is full$"):
        child.wait_until(lambda: False, seconds=20)


def test_waiting_ends(tmp_path: Path) -> None:
    child = started(tmp_path, "import time; time.sleep(60)")
    try:
        with pytest.raises(CannotStart, match="was not ready within 0 s"):
            child.wait_until(lambda: False, seconds=0.1)
    finally:
        child.stop((signal.SIGTERM, 5.0))


def test_a_child_can_be_interrupted_though_we_cannot(tmp_path: Path) -> None:
    # As in a shell's background job, which ignores SIGINT and hands that on.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = started(tmp_path, "import signal; print(signal.getsignal(signal.SIGINT).__name__)")
        child.process.wait(20)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "log").read_text() == "default_int_handler\n"


def test_a_child_is_in_a_session_of_its_own(tmp_path: Path) -> None:
    child = started(tmp_path, "import os; print(os.getsid(0))")
    child.process.wait(20)
    assert int((tmp_path / "log").read_text()) == child.process.pid != os.getsid(0)


def test_the_callers_variables_stay_here(tmp_path: Path) -> None:
    child = started(tmp_path, "import os; print(sorted(set(os.environ) - {'PATH', 'LC_ALL', 'TZ', 'LC_CTYPE'}))")
    child.process.wait(20)
    assert (tmp_path / "log").read_text() == "[]\n"


@pytest.mark.parametrize(("content", "said"), [(None, "(empty)"), (b"", "(empty)"), (b"\xff end\n", "� end")])
def test_a_tail_is_readable_whatever_is_there(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "log").write_bytes(content)
    assert tail(tmp_path / "log") == said


def test_a_tail_is_the_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 5000 + b"last")
    assert tail(tmp_path / "log") == "x" * 1996 + "last"


def test_the_preferred_port_is_taken_if_it_is_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) != port
    assert is_free(port)
    assert free_port(port) == port
    assert is_free(free_port())
