"""Processes that we start: apart from the terminal, never left behind, stopped in order, their logs at hand.

Owns: how a child is started, waited for and stopped, and what is said when it cannot start. Does not own: which processes
there are (postgres, keeper, processes).
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fcb_pipelines.domain.errors import FcbError

TAIL_BYTES = 2000
POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1


class CannotStart(FcbError):
    """A part of the embedded stack could not be started or died; the text says what mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The system user that a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A started process and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def stop(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal and wait so many seconds for the end; what is still there then is killed, its own children too."""
        for number, seconds in steps:
            self._signal_all(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                break
        self._signal_all(signal.SIGKILL)
        self.process.wait()

    def _signal_all(self, number: signal.Signals) -> None:
        """Signal the whole group: Dagster's code server has the processes of its runs in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def failure(self, said: str) -> CannotStart:
        """Why it is not there, with the end of its log."""
        return CannotStart(f"{self.name} {said}; the end of {self.log}:\n{tail(self.log)}")

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when it is ready; raises `CannotStart` if it ends before or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_alive:
                raise self.failure(f"ended with code {self.process.returncode}")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready within {seconds:.0f} s")
            time.sleep(POLL_SECONDS)


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environ: Mapping[str, str],
    account: Account | None = None,
    if_parent_dies: signal.Signals | None = signal.SIGTERM,
    folder: Path | None = None,
) -> Child:
    """Start a process in a session of its own, so that the terminal's Ctrl-C does not reach it before we stop it in order.

    Its output goes to `log`. On Linux it is sent `if_parent_dies` when the thread that called this ends, however it ends;
    None is for a process that must outlive us.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=folder or "/",
            start_new_session=True,
            preexec_fn=_prepare(if_parent_dies),  # noqa: PLW1509 - no threads run while we spawn
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
        )
    return Child(name=name, process=process, log=log)


def _prepare(if_parent_dies: signal.Signals | None) -> Callable[[], None]:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def prepare() -> None:
        # A shell that runs us with `&` sets SIGINT to ignored; a child that inherits that cannot be stopped (Dagster
        # copies its SIGINT onto SIGTERM).
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if libc is not None and if_parent_dies is not None:
            libc.prctl(_PR_SET_PDEATHSIG, int(if_parent_dies))

    return prepare


@contextmanager
def signalled(receive: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have SIGINT, SIGTERM and a terminal that is closed received so while the block runs, instead of dying of them."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # Ignored by nohup, and then to be left so.
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


def tail(log: Path) -> str:
    """The last lines of a log, or a word that there are none."""
    try:
        text = log.read_bytes()[-TAIL_BYTES:].decode("utf-8", errors="replace")
    except FileNotFoundError:
        text = ""
    return text.strip() or "(empty)"


def free_port(preferred: int | None = None) -> int:
    """A port of 127.0.0.1 that nobody listens on: the preferred one if it is free."""
    if preferred is not None and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def minimal_environment() -> dict[str, str]:
    """What a program needs that is not ours: no `PG*` or `FCB_*` variable of the caller changes what it does."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
