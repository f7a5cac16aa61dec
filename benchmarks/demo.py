"""The demo's figures: whole processes from outside, and its steps from inside.

Each figure has a state folder of its own, removed afterwards.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
STEPS = """
import os, time
from pathlib import Path
from fcb_pipelines.cli.demo import demo_periods
from fcb_pipelines.cli.runs import run_import, run_period
from fcb_pipelines.local.stack import running
from fcb_pipelines.settings import load
folder = Path.cwd()
with running(load(os.environ, folder=folder), environ=os.environ, folder=folder, report=lambda text: None) as settings:
    service = settings.service(None)
    started = time.perf_counter()
    run_import(settings, service)
    for key in demo_periods(service, settings.now):
        run_period(settings, service, key)
    print(time.perf_counter() - started)
    started = time.perf_counter()
    run_import(settings, service)
    print(time.perf_counter() - started)
"""
TIMED = "import time; started = time.perf_counter(); {}; print(time.perf_counter() - started)"


@contextmanager
def _state() -> Iterator[dict[str, str]]:
    """The environment of a demo of its own."""
    with tempfile.TemporaryDirectory(prefix="fcb-bench-") as folder:
        state = {"FCB_STATE_DIR": f"{folder}/state"}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("FCB_")}
        try:
            yield plain | state
        finally:
            subprocess.run(_fcb("reset", "--yes"), cwd=ROOT, env=plain | state, capture_output=True, check=False)


def _fcb(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fcb_pipelines", *arguments]


def _python(code: str, env: dict[str, str]) -> list[float]:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def fresh_clone_to_summary() -> float:
    """`make demo ARGS=--headless` in a new clone; packages come from the installer's cache if it has them."""
    with _state() as env, tempfile.TemporaryDirectory(prefix="fcb-bench-") as folder:
        clone = f"{folder}/clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), clone], check=True)
        started = time.perf_counter()
        subprocess.run(["make", "-C", clone, "demo", "ARGS=--headless"], env=env, capture_output=True, check=True)
        return time.perf_counter() - started


@cache
def _steps() -> tuple[float, float]:
    """Seconds of the first import with all periods, and of the second import, in one process."""
    with _state() as env:
        first, second = _python(STEPS, env)
    return first, second


def processing_beyond_gx() -> float:
    """Import and all periods through Dagster, less what importing Great Expectations takes by itself in this run."""
    with _state() as env:
        (gx,) = _python(TIMED.format("import great_expectations"), env)
    return _steps()[0] - gx


def second_import() -> float:
    """An import that finds everything as it left it, checks included."""
    return _steps()[1]


def code_location() -> float:
    """A new process that imports the definitions and resolves every job."""
    with _state() as env:
        (seconds,) = _python(
            TIMED.format("from fcb_pipelines.definitions import defs; defs().get_repository_def().get_all_jobs()"), env
        )
    return seconds


def page_up() -> float:
    """From the summary to the page that answers."""
    with _state() as env:
        env |= {"FCB_UI_PORT": "3987"}
        subprocess.run(_fcb("demo", "--headless"), cwd=ROOT, env=env, capture_output=True, check=True)
        serving = subprocess.Popen(
            _fcb("demo"), cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            started = _moment_of("starting the Dagster page", serving)
            return _answered(f"http://127.0.0.1:{env['FCB_UI_PORT']}/server_info") - started
        finally:
            serving.send_signal(signal.SIGINT)
            serving.wait()


def _moment_of(text: str, process: subprocess.Popen[str]) -> float:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return time.perf_counter()
    raise RuntimeError(f"the demo ended before it said {text!r}")


def _answered(url: str) -> float:
    for _ in range(1200):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return time.perf_counter()
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} never answered")
