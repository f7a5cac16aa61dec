"""A process that has imported all that a command may need, and forks one process for each command it is asked for.

Owns: starting commands fast. Each is a process of its own that begins in `fcb_pipelines.cli.main` like the installed `fcb`, so
it can be killed like one; it only skips the seconds of imports. Does not own: which commands are run, and what they do: it
imports them by name, as Python does for the installed one.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fcb_pipelines.local.children import CannotStart

READY = "ready"
SLOW = ("pandas", "great_expectations", "great_expectations.expectations", "dagster_postgres", "odoorpc")
COMMANDS = ("demo", "doctor", "imports", "migrate", "prune", "register", "reset", "rows", "run", "status")
END_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended; `code` is negative if a signal ended it."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """The whole of standard output as JSON; raises `AssertionError` where it ended otherwise than well."""
        if self.code != 0:
            raise AssertionError(f"fcb {' '.join(self.args)} ended with {self.code}: {self.err}")
        return json.loads(self.out)


class Command:
    """A command that was started."""

    def __init__(self, warm: "Warm", args: tuple[str, ...], pid: int, folder: Path) -> None:
        self._warm, self._args, self._folder = warm, args, folder
        self.pid = pid

    @property
    def said(self) -> str:
        """What it has told the operator so far."""
        return (self._folder / "err").read_text(encoding="utf-8")

    def kill(self) -> Done:
        """End it as the system does when memory runs out."""
        os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self) -> Done:
        """Wait until it has ended."""
        code = self._warm.ask({"wait": self.pid})
        return Done(args=self._args, code=code, out=(self._folder / "out").read_text(encoding="utf-8"), err=self.said)


class Warm:
    """The process that forks; it ends with its standard input. One thread at a time may use it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        # A session of its own: Ctrl-C is for whoever started us, who lets the command under way come to its end.
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._logs = tempfile.TemporaryDirectory(prefix="fcb-commands-")
        self._is_ready = False

    def start(self, *args: str, environ: Mapping[str, str], folder: Path) -> Command:
        """Start `fcb` with these arguments, with this environment, in this folder."""
        place = Path(tempfile.mkdtemp(dir=self._logs.name))
        pid = self.ask({"args": args, "environ": dict(environ), "folder": str(folder), "logs": str(place)})
        return Command(self, args, pid, place)

    def ask(self, request: Mapping[str, Any]) -> int:
        """Send a request; the answer is a process id or an exit code. Raises `CannotStart` where it ended by itself."""
        if not self._is_ready:
            self._line(READY)
            self._is_ready = True
        print(json.dumps(request), file=_there(self._process.stdin), flush=True)
        return int(self._line())

    def close(self) -> None:
        """End it; commands that it started are its own children and were waited for."""
        with suppress(BrokenPipeError):
            _there(self._process.stdin).close()
        self._process.wait(END_SECONDS)
        _there(self._process.stdout).close()
        self._logs.cleanup()

    def _line(self, expected: str = "") -> str:
        line = _there(self._process.stdout).readline().strip()
        if not line or (expected and line != expected):
            raise CannotStart(f"the process that starts commands ended by itself: {line or 'it said nothing'}")
        return line


def _there(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None  # noqa: S101 - both were asked for
    return pipe


def main() -> None:
    """Import, then fork as asked until standard input ends."""
    for name in (*SLOW, "fcb_pipelines.definitions", *(f"fcb_pipelines.cli.{command}" for command in COMMANDS)):
        importlib.import_module(name)
    gc.freeze()
    _answer(READY)
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        elif (answer := os.fork()) == 0:
            _become(request)
        _answer(str(answer))


def _answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _become(request: Mapping[str, Any]) -> None:
    for target, name, mode in ((0, os.devnull, os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY)):
        os.dup2(os.open(os.path.join(request["logs"], name), mode | os.O_CREAT), target)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["folder"])
    sys.argv = ["fcb", *request["args"]]
    code = 1
    try:
        importlib.import_module("fcb_pipelines.cli").main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Taking down all that was imported would cost each command a second.
        os._exit(code)


if __name__ == "__main__":
    main()
