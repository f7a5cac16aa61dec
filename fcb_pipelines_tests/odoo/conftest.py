"""Both Odoos behind one port: the sandbox always, a real one when `FCB_TEST_ODOO_URL` (and _DB, _USER, _KEY) is set."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
import pytest

from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.made import Made
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving

DATABASE = "odoo_contract"
NOW = datetime(2026, 6, 2, 16, 0, 0, 250_000, tzinfo=UTC)
SANDBOX = "sandbox"
REAL = "real"
HAS_REAL = "FCB_TEST_ODOO_URL" in os.environ
SERVERS = (SANDBOX, *([REAL] if HAS_REAL else []))


@dataclass(frozen=True, kw_only=True)
class Login:
    """How to come in, as the administrator and as the user with the least rights."""

    url: str
    database: str
    user: str
    key: str = field(repr=False)
    least_user: str
    least_key: str = field(repr=False)


@pytest.fixture(scope="session")
def sandbox_url(postgres_url: str) -> Iterator[str]:
    """The address of a sandbox with a database of its own."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {DATABASE}")
    keys = {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}
    with serving(create_app(in_database(postgres_url, DATABASE), keys, clock=lambda: NOW)) as url:
        yield url
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(params=SERVERS)
def login(request: pytest.FixtureRequest) -> Login:
    """Each Odoo in turn."""
    if request.param == SANDBOX:
        url = request.getfixturevalue("sandbox_url")
        return Login(url=url, database=DATABASE, user="admin", key=ADMIN_KEY, least_user="importer", least_key=IMPORTER_KEY)
    names = ("URL", "DB", "USER", "KEY", "LEAST_USER", "LEAST_KEY")
    url, database, user, key, least_user, least_key = (os.environ[f"FCB_TEST_ODOO_{name}"] for name in names)
    return Login(url=url, database=database, user=user, key=key, least_user=least_user, least_key=least_key)


@pytest.fixture
def odoo(login: Login) -> Odoo:
    """The port, as the administrator."""
    return connect(login.url, login.database, login.user, login.key, timeout_seconds=60)


@pytest.fixture
def importer(login: Login) -> Odoo:
    """The port, as the user with the least rights."""
    return connect(login.url, login.database, login.least_user, login.least_key, timeout_seconds=60)


@pytest.fixture
def run() -> str:
    """A word no other run uses: part of every name and external id that a test makes."""
    return f"t{secrets.token_hex(5)}"


@pytest.fixture
def made(odoo: Odoo, run: str) -> Iterator[Made]:
    """Makes records for a test and removes them, with all that hangs on them, when it ends."""
    records = Made(odoo, run)
    yield records
    records.remove()
