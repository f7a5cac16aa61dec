"""One project whose commands are killed again and again, told once for all tests; what was seen after each kill is kept.

Owns: the moments and their order, and the servers on which rounds are played (`test_exactly_once`). `FCB_TEST_ALL_KILLS=1` adds
more moments than a short run has time for.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fcb_pipelines.local.placement import place
from fcb_pipelines.local.warm import Done
from fcb_pipelines_tests.acceptance.project import Project
from fcb_pipelines_tests.acceptance.remains import Remains, Shadow, remains, shadow, stored
from fcb_pipelines_tests.faults import benches, report
from fcb_pipelines_tests.faults.frozen import frozen, reaches, settled
from fcb_pipelines_tests.faults.report import Journey
from fcb_pipelines_tests.faults.rounds import Bench, Round, Undisturbed, undisturbed

STORE, ODOO = "store", "odoo"
IS_LONG = bool(os.environ.get("FCB_TEST_ALL_KILLS"))
IMPORT_MOMENTS = (
    *([(STORE, "source_record")] if IS_LONG else []),
    (STORE, "snapshot_record"),
    *([(STORE, "snapshot_usage")] if IS_LONG else []),
    (STORE, "usage_event"),
    (ODOO, "res_partner"),
    *([(STORE, "account_link"), (STORE, "odoo_record")] if IS_LONG else []),
    (ODOO, "product_template"),
    *([(ODOO, "ir_model_data")] if IS_LONG else []),
    (ODOO, "sale_order_line"),
    (STORE, "import_run"),
)
"""In the order of an import, because Odoo ends a call whose caller is dead: what was written once is not written again."""
RUN_MOMENTS = (
    "usage_total",
    "expected_line",
    "reconciliation_instance",
    *(["period_stage", "rated_line", "actual_line", "period_revision", "reconciliation_row"] if IS_LONG else []),
)
LATER_RUN_MOMENTS = RUN_MOMENTS if IS_LONG else RUN_MOMENTS[-1:]
PERIODS = ("2026-03", "2026-04", "2026-05")

Played = tuple[Bench, Undisturbed]
"""A server, and where each step ends on it if nothing goes wrong."""
ROUNDS = pytest.StashKey[list[Round]]()
JOURNEYS = pytest.StashKey[list[Journey]]()


@dataclass(frozen=True, kw_only=True)
class Killed:
    """What was seen after a kill, before anything else was run."""

    args: tuple[str, ...]
    table: str
    code: int
    stored: dict[str, list[str]]
    shadow: Shadow
    rows: Done


@dataclass(frozen=True, kw_only=True)
class Story:
    """All that happened, in order."""

    imports: tuple[Killed, ...]
    crashed: Done
    imported: Any
    first_runs: tuple[Killed, ...]
    later_runs: tuple[Killed, ...]
    rows: list[Any]
    at_once: tuple[Done, Done]
    last: Any
    remains: Remains


def kill(project: Project, table: str, *args: str, where: str = STORE) -> Killed:
    """Run a command until it writes to a table, and kill it there."""
    url = project.sandbox_url if where == ODOO else project.store_url
    with frozen(url, table) as watcher:
        command = project.start(*args)
        try:
            reaches(command, watcher, table)
        finally:
            ended = command.kill()
    settled(project.store_url)
    return Killed(
        args=args,
        table=table,
        code=ended.code,
        stored=stored(project.store_url),
        shadow=shadow(project.odoo()),
        rows=project.fcb("rows", "--period", PERIODS[0], "--json"),
    )


def crash(project: Project) -> Done:
    """Let Postgres die under an import, as when the machine does; the next command starts it again."""
    with frozen(project.store_url, "usage_event") as watcher:
        command = project.start("import")
        reaches(command, watcher, "usage_event")
        postmaster = place(project.state).home / "data" / "postmaster.pid"
        os.kill(int(postmaster.read_text().splitlines()[0]), signal.SIGQUIT)
    assert project.fcb("status").code == 0, "the next command starts it again"
    return command.wait()


def both_at_once(project: Project) -> tuple[Done, Done]:
    """Two runs of one period: the second starts while the first is in the middle."""
    args = ("run", "--period", PERIODS[0], "--json")
    with frozen(project.store_url, "rated_line") as watcher:
        first = project.start(*args)
        reaches(first, watcher, "rated_line")
        second = project.fcb(*args)
    return first.wait(), second


@pytest.fixture(scope="session")
def story(quiet: Project) -> Story:
    """Imports and runs that die at every moment, each followed by one that is left alone."""
    imports = tuple(kill(quiet, table, "import", where=where) for where, table in IMPORT_MOMENTS)
    crashed = crash(quiet)
    imported = quiet.fcb("import", "--json").answer
    run = ("run", "--period", PERIODS[0])
    first = tuple(kill(quiet, table, *run) for table in RUN_MOMENTS)
    for period in PERIODS:
        assert quiet.fcb("run", "--period", period).code == 0
    rows = rows_of(quiet)
    later = tuple(kill(quiet, table, *run) for table in LATER_RUN_MOMENTS)
    at_once = both_at_once(quiet)
    last = quiet.fcb(*run, "--json").answer
    return Story(
        imports=imports,
        crashed=crashed,
        imported=imported,
        first_runs=first,
        later_runs=later,
        rows=rows,
        at_once=at_once,
        last=last,
        remains=remains(quiet),
    )


def rows_of(project: Project) -> list[Any]:
    """The rows of the first period."""
    rows: list[Any] = project.fcb("rows", "--period", PERIODS[0], "--json").answer
    return rows


@pytest.fixture(scope="session")
def rounds_store(postgres_url: str, store_template: str) -> Iterator[str]:
    """One store for all rounds."""
    with benches.store(postgres_url, store_template) as url:
        yield url


@pytest.fixture(scope="session")
def on_sandbox(postgres_url: str, rounds_store: str) -> Iterator[Played]:
    """Our own server."""
    with benches.sandbox(postgres_url, rounds_store) as bench:
        yield bench, undisturbed(bench)


@pytest.fixture(scope="session")
def on_real(rounds_store: str) -> Played:
    """The one that the environment names."""
    bench = benches.real(rounds_store)
    return bench, undisturbed(bench)


@pytest.fixture
def played(request: pytest.FixtureRequest) -> Played:
    """The server that a test asks for."""
    found: Played = request.getfixturevalue(f"on_{request.param}")
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Begin to remember what was played."""
    config.stash[ROUNDS] = []
    config.stash[JOURNEYS] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what became of many rounds."""
    if rounds := config.stash.get(ROUNDS, []):
        terminalreporter.section("faults")
        for line in report.table(rounds):
            terminalreporter.write_line(line)
    if journeys := config.stash.get(JOURNEYS, []):
        terminalreporter.section("from facts to effects")
        for line in report.journeys(journeys):
            terminalreporter.write_line(line)
