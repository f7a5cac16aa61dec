"""A process that has imported all that a command may need, and forks one process for each command it is asked for.

Owns: starting commands fast. Each is a process of its own that begins in `fcb_pipelines.cli.main` like the installed `fcb`, so
it can be killed like one; it only skips the fifteen seconds of imports. The installed `fcb` is run by the demo and in cli/.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY = "ready"
SLOW = ("pandas", "great_expectations", "great_expectations.expectations", "dagster_postgres", "odoorpc")
COMMANDS = ("demo", "doctor", "imports", "migrate", "prune", "register", "reset", "rows", "run", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended; `code` is negative if a signal ended it."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def answer(self) -> Any:
        """The whole of standard output as JSON."""
        assert self.code == 0, f"fcb {' '.join(self.args)} ended with {self.code}: {self.err}"
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
    """The process that forks; it ends with its standard input."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "fcb_pipelines_tests.acceptance.warm"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._logs = tempfile.TemporaryDirectory(prefix="fcb-commands-")
        self._is_ready = False

    def start(self, *args: str, environ: Mapping[str, str], folder: Path) -> Command:
        """Start `fcb` with these arguments, with this environment, in this folder."""
        place = Path(tempfile.mkdtemp(dir=self._logs.name))
        pid = self.ask({"args": args, "environ": dict(environ), "folder": str(folder), "logs": str(place)})
        return Command(self, args, pid, place)

    def ask(self, request: Mapping[str, Any]) -> int:
        """Send a request; the answer is a process id or an exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if not self._is_ready:
            assert self._process.stdout.readline().strip() == READY
            self._is_ready = True
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it; commands that it started are its own children and were waited for."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()
        self._logs.cleanup()


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
