"""The embedded Postgres: real, on 127.0.0.1, with a password, in a folder of its own.

Owns: making the data folder, starting, stopping, and healing what a killed run left. Does not own: where it lives (placement)
and what is in its databases (stack). Of the wheel that brings it only the programs are used.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.local.children import CannotStart, Child, free_port, minimal_environment, spawn
from fcb_pipelines.local.placement import Placement, place
from fcb_pipelines.local.state import secret, try_lock, write_private

START_SECONDS = 60.0
STOP_SECONDS = 60.0
_ATTEMPTS = 5
_READY_LINE = 7
"""Index of the line of `postmaster.pid` that says how far the server is."""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to about 100 characters; ours may be longer
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",  # parallel plans need /dev/shm, which containers keep small
    "log_checkpoints": "off",
}
_NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "128MB",  # each new database is written into it whole, and it may be in memory
}
"""For tests: a crash of the machine may lose the data, which nobody wants to keep."""


class EmbeddedPostgres:
    """One server for one state folder; one process at a time may use it."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        """Take the state folder, which must exist; nothing happens before `start`."""
        self._state = state.resolve()
        self._durable = durable
        self._place: Placement | None = None
        self._child: Child | None = None
        self._lock: IO[bytes] | None = None
        self._url = ""

    @property
    def child(self) -> Child:
        """The running server; raises `CannotStart` if it was not started."""
        if self._child is None:
            raise CannotStart("the embedded Postgres is not running")
        return self._child

    def start(self) -> str:
        """Start the server, made new if there is none, and return the URL of its administrator.

        What a killed run left is healed: an orphaned server is stopped, a half-made data folder is made again. Raises
        `CannotStart` with the end of the log, `RuleViolation` if another process uses it.
        """
        self._lock = try_lock(self._state / "postgres.lock")
        if self._lock is None:
            raise RuleViolation(f"another process uses the embedded Postgres in {self._state}: wait until it has ended")
        try:
            self._place = place(self._state)
            self._heal(self._place)
            password = self._made(self._place)
            self._url = self._started(self._place, password)
        except BaseException:
            self.stop()
            raise
        return self._url

    def stop(self) -> None:
        """Stop the server in order (or at once where the data is not to last) and let others use the folder."""
        if self._child is not None:
            first = signal.SIGINT if self._durable else signal.SIGQUIT
            self._child.stop((first, STOP_SECONDS), (signal.SIGQUIT, 5.0))
            self._child = None
        self._unlock()

    def ensure_database(self, name: str) -> str:
        """Return the URL of a database, made if there is none."""
        return ensure_database(self._url, name)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _made(self, placement: Placement) -> str:
        """Make the data folder if it is not whole; return the administrator's password."""
        home = placement.home
        password = secret(home, "password")
        if not (home / "complete").is_file():
            shutil.rmtree(home / "data", ignore_errors=True)
            _initdb(placement, password)
            (home / "complete").touch()
        return password

    def _heal(self, placement: Placement) -> None:
        """Stop a server that a killed run left, and take its pid file from a stranger who was given the same number."""
        pid_file = placement.home / "data" / "postmaster.pid"
        pid = _pid_in(pid_file)
        if pid is None or not _is_alive(pid):
            return
        if _works_in(pid, placement.home / "data"):
            _stop_orphan(pid, placement.home / "data")
        else:
            # Not removed: its other lines let Postgres see whether old backends are still attached. Our own number is
            # the one living process that a starting server does not take for another server: its parent.
            lines = pid_file.read_text(encoding="utf-8").splitlines()
            pid_file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]), encoding="utf-8")

    def _started(self, placement: Placement, password: str) -> str:
        port_file = placement.home / "port"
        for attempt in range(1, _ATTEMPTS + 1):
            port = free_port(_number_in(port_file))
            try:
                self._child = self._run(placement, port)
                break
            except CannotStart as error:
                if attempt == _ATTEMPTS or not _may_pass(str(error)):
                    raise
                time.sleep(0.2 * attempt)
        port_file.write_text(str(port), encoding="utf-8")
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        _greet(url, self.child)
        return url

    def _run(self, placement: Placement, port: int) -> Child:
        data = placement.home / "data"
        settings = {**_SETTINGS, **({} if self._durable else _NOT_DURABLE), "port": str(port)}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        child = spawn(
            "the embedded Postgres",
            [placement.programs / "bin" / "postgres", "-D", data, *flags],
            log=placement.home / "log",
            environ=minimal_environment(),
            account=placement.account,
            if_parent_dies=signal.SIGINT,
        )
        try:
            child.wait_until(lambda: _is_ready(data / "postmaster.pid", child.process.pid), seconds=START_SECONDS)
        except BaseException:
            child.stop((signal.SIGQUIT, 5.0))
            raise
        return child


def ensure_database(admin_url: str, name: str) -> str:
    """Return the URL of a database of the administrator's server, made if there is none."""
    with psycopg.connect(admin_url, autocommit=True) as conn:
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            # Two callers may ask at once; then the other one has made it.
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return in_database(admin_url, name)


def in_database(url: str, name: str) -> str:
    """The same server's URL for another database."""
    return f"{url.rpartition('/')[0]}/{name}"


def _initdb(placement: Placement, password: str) -> None:
    shown = placement.home / "password.initdb"
    write_private(shown, password)
    placement.hand_over(shown)
    flags = ["--username=postgres", f"--pwfile={shown}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    flags += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    command = placement.programs / "bin" / "initdb"
    log = placement.home / "log"
    child = spawn(
        "initdb",
        [command, "-D", placement.home / "data", *flags],
        log=log,
        environ=minimal_environment(),
        account=placement.account,
    )
    try:
        code = child.process.wait(START_SECONDS)
    except subprocess.TimeoutExpired as error:
        child.stop((signal.SIGTERM, 5.0))
        raise child.failure(f"did not end within {START_SECONDS:.0f} s") from error
    finally:
        shown.unlink(missing_ok=True)
    if code != 0:
        raise child.failure(f"ended with code {code}")


def _pid_in(path: Path) -> int | None:
    number = _number_in(path)
    return abs(number) if number else None


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8").splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _is_ready(pid_file: Path, pid: int) -> bool:
    try:
        lines = pid_file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > _READY_LINE and lines[0] == str(pid) and lines[_READY_LINE].strip() == "ready"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _works_in(pid: int, data: Path) -> bool:
    """Whether that process is a server on this data folder: Postgres makes it its working folder."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data.resolve() and "postgres" in Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return False


def _stop_orphan(pid: int, data: Path) -> None:
    for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _works_in(pid, data):
                return
            time.sleep(0.05)
    raise CannotStart(f"a Postgres of an earlier run (process {pid}) does not end: run `kill -9 {pid}`")


def _may_pass(log: str) -> bool:
    """A port that was taken in between, or backends of a killed server that have not ended yet."""
    return any(said in log for said in ("Address already in use", "could not bind", "still in use"))


def _greet(url: str, child: Child) -> None:
    try:
        with psycopg.connect(url, connect_timeout=10) as conn:
            conn.execute("SELECT 1")
    except psycopg.OperationalError as error:
        child.stop((signal.SIGINT, STOP_SECONDS))
        raise child.failure("does not let us in; `fcb reset` starts anew") from error
