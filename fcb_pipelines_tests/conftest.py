"""What every test may ask for: a real Postgres, an empty database, one with our schema, the moment it is, a fixed folder."""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from fcb_pipelines.local.placement import remove
from fcb_pipelines.local.postgres import EmbeddedPostgres, in_database
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.schema import migrate
from fcb_pipelines_tests.acceptance.decided import decided, rehearsed
from fcb_pipelines_tests.acceptance.fixtures import again, all_plans, demo, demo_to_change, great_expectations, quiet, warm
from fcb_pipelines_tests.kept import end_sessions
from fcb_pipelines_tests.memory import quick_folder
from fcb_pipelines_tests.projects import write_project
from fcb_pipelines_tests.webhooks.listening import Receivers, receiving

__all__ = ["again", "all_plans", "decided", "demo", "demo_to_change", "great_expectations", "quiet", "rehearsed", "warm"]
"""Fixtures of the whole product, for acceptance, cli and faults."""

NOW = datetime(2026, 6, 2, 16, 0, tzinfo=UTC)
"""The moment of the tests: the morning after May closed, as in the demo."""

NOBODY = 65534
"""The user of that name, as Linux has it."""

GIVEN = os.environ.get("FCB_TEST_DATABASE_URL")
"""The administrator's URL of a server that is there already."""
COPY: LiteralString = "CREATE DATABASE {} TEMPLATE {}" if GIVEN else "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
"""Our own server waits for no disk, and copies files with half the work that blocks are; for another it may be more."""

TOGETHER = "the whole product"
WHOLE_PRODUCT = {"warm", "demo"}
"""Fixtures that take long and are told once for all tests: whoever asks for one of them must run in the same process."""


def pytest_configure() -> None:
    """Let Ctrl-C end the commands that tests start, of tests in the background too: their shell has it ignored.

    And keep what Python compiled, as make does: to compile it all again takes each of them ten seconds.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Keeps the tests of the whole product together when several processes share the tests.

    Marked before the groups are looked at, and looked at afterwards: shared out one by one they would do everything twice.
    """
    whole = [each for each in items if isinstance(each, pytest.Function) and WHOLE_PRODUCT & set(each.fixturenames)]
    for item in whole:
        item.add_marker(pytest.mark.xdist_group(TOGETHER))
    yield
    if getattr(config.option, "loadgroup", False) and not all(each.nodeid.endswith(f"@{TOGETHER}") for each in whole):
        raise pytest.UsageError(
            "pytest-xdist does not keep groups together with this version of pytest: see requirements-dev.in"
        )


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """Whatever a command that ran in this process told those that it starts, the next test has none of it."""
    before = dict(os.environ)
    yield
    for name in [name for name in os.environ if name not in before and name.startswith(("FCB_", "DAGSTER_"))]:
        del os.environ[name]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The administrator's URL: `FCB_TEST_DATABASE_URL` if given, else an embedded server that ends with the tests."""
    if GIVEN:
        yield GIVEN
        return
    with quick_folder() as state:
        server = EmbeddedPostgres(state, durable=False)
        try:
            url = server.start()
            _let_in_quickly(url)
            yield url
        finally:
            server.stop()
            remove(state)


def _let_in_quickly(url: str) -> None:
    """Ask for the password without its thousands of rounds, which are most of what one of many connections costs."""
    with psycopg.connect(url) as conn:
        conn.execute("SET scram_iterations = 1")
        conn.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(conn.info.password)))


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database of its own."""
    with database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def store_template(postgres_url: str) -> Iterator[str]:
    """The name of a database that has our schema; nobody may be connected to it."""
    with database(postgres_url) as url:
        migrate(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def store_database(postgres_url: str, store_template: str) -> Iterator[str]:
    """The URL of a database of its own with our schema and no rows."""
    with database(postgres_url, template=store_template) as url:
        yield url


@pytest.fixture(scope="module")
def database_of_module(postgres_url: str, store_template: str) -> Iterator[str]:
    """The URL of a store that the tests of a module share."""
    with database(postgres_url, template=store_template) as url:
        yield url


@pytest.fixture
def rolled_back(database_of_module: str) -> Iterator[Connection]:
    """One transaction of which nothing is left for the next test."""
    with Database(database_of_module).transaction() as connection:
        yield connection
        connection.rollback()


@contextmanager
def database(admin_url: str, *, template: str = "template1") -> Iterator[str]:
    """The URL of a database that is there for as long as this is."""
    name = f"test_{secrets.token_hex(6)}"
    url = in_database(admin_url, name)
    end_sessions(in_database(admin_url, template))
    _run(admin_url, COPY, name, template)
    try:
        yield url
    finally:
        end_sessions(url)
        _run(admin_url, "DROP DATABASE {} WITH (FORCE)", name)


def _run(admin_url: str, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as conn:
        conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def fixed() -> Iterator[Path]:
    """A folder of the caller, who cannot take it away: its parent, a project, is closed to writing; root becomes `nobody`."""
    caller = os.geteuid()
    with tempfile.TemporaryDirectory() as parent:
        folder = write_project(Path(parent)) / "state"
        folder.mkdir(mode=0o755)
        Path(parent).chmod(0o555)
        if caller == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
        os.seteuid(caller)
        Path(parent).chmod(0o700)


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    """Endpoints of others, on this machine."""
    with receiving() as found:
        yield found
