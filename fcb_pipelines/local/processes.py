"""Dagster's processes on this machine: one code server for all, the web page, and the daemon that starts queued runs.

Owns: DAGSTER_HOME, starting the three, saying where the page is, and stopping them in order. Does not own: what they load
(definitions) and where Dagster keeps its runs (stack).
"""

import json
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from fcb_pipelines.domain.errors import InvalidSettings
from fcb_pipelines.local.children import CannotStart, Child, free_port, is_free, signalled, spawn
from fcb_pipelines.local.databases import DAGSTER_SCHEME
from fcb_pipelines.local.sandbox import SOURCE_FOLDER, answers
from fcb_pipelines.local.state import make_state, write_private
from fcb_pipelines.settings import Settings

DEFINITIONS = "fcb_pipelines.definitions"
LOCATION = "fcb_pipelines"
START_SECONDS = 60.0
STOP = ((signal.SIGTERM, 15.0),)
_WATCH_SECONDS = 0.2
_POOL_LIMIT = re.compile(r"^(\s+default_limit: )\d+$", re.MULTILINE)

Report = Callable[[str], None]


def dagster_variables(settings: Settings, *, folder: Path) -> dict[str, str]:
    """What Dagster's own commands need in their environment; makes DAGSTER_HOME with our `dagster.yaml` in it.

    `FCB_DAGSTER_URL` is missing where no stack runs and none is configured.
    """
    state = make_state(settings.state_dir)
    home = state / "dagster"
    home.mkdir(mode=0o700, exist_ok=True)
    (home / "dagster.yaml").write_text(_instance(settings, _instance_file(folder)), encoding="utf-8")
    found = {"DAGSTER_HOME": str(home), "FCB_STATE_DIR": str(state)}
    if settings.dagster_url is not None:
        url = settings.dagster_url.get_secret_value()
        found["FCB_DAGSTER_URL"] = url.replace("postgresql://", f"{DAGSTER_SCHEME}://", 1)
    return found


def shell_variables(settings: Settings, *, folder: Path) -> dict[str, str]:
    """The same for a person's shell: the password stands in a file that only its owner reads, and PGPASSFILE names it."""
    found = dagster_variables(settings, folder=folder)
    url = urlsplit(found.get("FCB_DAGSTER_URL", ""))
    if url.password is None:
        return found
    place = Path(found["DAGSTER_HOME"]) / "pgpass"
    return {**found, "FCB_DAGSTER_URL": urlunsplit(_taken_out(url, place)), "PGPASSFILE": str(place)}


def without_password(url: str, place: Path) -> str:
    """The address of a database for a person or a client of libpq: the password stands in a file that it names."""
    return urlunsplit(_taken_out(urlsplit(url), place)._replace(query=f"passfile={quote(str(place), safe='')}"))


def _taken_out(url: SplitResult, place: Path) -> SplitResult:
    """The address without the password, which is written into a password file of libpq that only its owner reads."""
    parts = (url.hostname or "*", str(url.port or "*"), url.path.lstrip("/") or "*", url.username or "*", url.password or "")
    # Fields by colon, in which a colon or a backslash is escaped.
    write_private(place, ":".join(_escaped(unquote(part)) for part in parts) + "\n")
    return url._replace(netloc=f"{url.username}@{url.netloc.rpartition('@')[2]}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


def refuse_taken_port(settings: Settings) -> None:
    """Raise `InvalidSettings` if somebody listens where the page is to be."""
    if not is_free(settings.ui_port):
        raise InvalidSettings(
            f"port {settings.ui_port} is taken (or needs root): end what listens there (`ss -ltnp` names it), "
            f"or choose another port for the Dagster page, such as `FCB_UI_PORT={free_port()} make demo`"
        )


def serve_dagster(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    folder: Path,
    report: Report,
    module: str = DEFINITIONS,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Serve the page, the code and the daemon until SIGINT or SIGTERM, then stop them in order; `look` is called meanwhile.

    Raises `InvalidSettings` if the port is taken, `CannotStart` with the end of its log if one of them ends by itself.
    """
    refuse_taken_port(settings)
    variables = {**environ, **dagster_variables(settings, folder=folder), "DAGSTER_DISABLE_TELEMETRY": "1"}
    children: list[Child] = []
    with _signals() as is_asked_to_stop:
        try:
            for planned in _plan(settings.ui_port, Path(variables["DAGSTER_HOME"]), module):
                child = planned.start(variables, folder)
                children.append(child)
                child.wait_until(partial(planned.may_be_left, is_asked_to_stop), seconds=START_SECONDS)
                if is_asked_to_stop():
                    return
            report(f"Dagster is on http://127.0.0.1:{settings.ui_port} (Ctrl-C ends it)")
            _watch(children, is_asked_to_stop, look)
        finally:
            for child in reversed(children):
                child.stop(*STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A process to be started, and how to see that the next one may follow."""

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]

    def may_be_left(self, is_asked_to_stop: Callable[[], bool]) -> bool:
        return is_asked_to_stop() or self.is_ready()

    def start(self, variables: Mapping[str, str], folder: Path) -> Child:
        log = Path(variables["FCB_STATE_DIR"]) / "logs" / f"{self.name.replace(' ', '-')}.log"
        return spawn(f"Dagster's {self.name}", [sys.executable, "-m", *self.command], log=log, environ=variables, folder=folder)


def _plan(ui_port: int, home: Path, module: str) -> tuple[_Planned, ...]:
    port = free_port()
    workspace = str(_workspace(home, port))
    here, page = ("-h", "127.0.0.1", "-p"), f"http://127.0.0.1:{ui_port}/server_info"
    code = ("dagster", "api", "grpc", *here, str(port), "-m", module, "--location-name", LOCATION)
    webserver = ("dagster_webserver", *here, str(ui_port), "-w", workspace)
    return (
        _Planned(name="code server", command=code, is_ready=lambda: _listens(port)),
        _Planned(name="webserver", command=webserver, is_ready=lambda: answers(page)),
        _Planned(name="daemon", command=("dagster._daemon", "run", "-w", workspace), is_ready=lambda: True),
    )


def _watch(children: list[Child], is_asked_to_stop: Callable[[], bool], look: Callable[[], None]) -> None:
    while not is_asked_to_stop():
        look()
        for child in children:
            if not child.is_alive:
                raise child.failure(f"ended by itself with code {child.process.returncode}")
        time.sleep(_WATCH_SECONDS)


def _workspace(home: Path, port: int) -> Path:
    """A workspace of one shared code server, so that the page and the daemon do not each load the code again."""
    server = {"host": "127.0.0.1", "port": port, "location_name": LOCATION}
    path = home / "workspace.yaml"
    path.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8")  # JSON is YAML
    return path


def _instance_file(folder: Path) -> Path:
    for place in (folder, SOURCE_FOLDER):
        if (place / "dagster.yaml").is_file():
            return place / "dagster.yaml"
    raise CannotStart(f"dagster.yaml is missing in {folder}: run in the project's folder")


def _instance(settings: Settings, file: Path) -> str:
    """The instance as the project has it, with as many runs on Odoo at once as calls are allowed."""
    return _POOL_LIMIT.sub(rf"\g<1>{settings.odoo_concurrency}", file.read_text(encoding="utf-8"))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _signals() -> Iterator[Callable[[], bool]]:
    """Ask for the end by SIGINT and SIGTERM instead of dying of them, while the block runs."""
    received: list[int] = []
    with signalled(lambda number, _frame: received.append(number)):
        yield lambda: bool(received)
