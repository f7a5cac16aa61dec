"""Each Odoo behind one port: the sandbox always, a real one when `FCB_TEST_ODOO_URL` (and _DB, _USER, _KEY) is set.

The modules of `OVER_BOTH` run over JSON-RPC and JSON-2, all others over JSON-RPC. `FCB_TEST_ODOO_TRANSPORT=jsonrpc|json2`
makes everything run over that one; over JSON-RPC the administrator of the real one then logs in with `FCB_TEST_ODOO_PASSWORD`,
and the user with the least rights with `FCB_TEST_ODOO_LEAST_PASSWORD`, where these are set.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.transport import Choice, connect
from fcb_pipelines_tests.odoo.bent import Server, copied, installed
from fcb_pipelines_tests.odoo.billed import Billed, billing
from fcb_pipelines_tests.odoo.editions import USUAL, Names, names_of, sandbox_of
from fcb_pipelines_tests.odoo.made import Made
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY

DATABASE = "odoo_contract"
SANDBOX = "sandbox"
REAL = "real"
HAS_REAL = "FCB_TEST_ODOO_URL" in os.environ
SERVERS = (SANDBOX, *([REAL] if HAS_REAL else []))
TRANSPORT = os.environ.get("FCB_TEST_ODOO_TRANSPORT")
TRANSPORTS: dict[str, Choice] = {"jsonrpc": "jsonrpc", "json2": "json2"}
OVER_BOTH = frozenset(
    {"test_access", "test_connect", "test_import_records", "test_load", "test_load_orders", "test_order_states", "test_records"}
)
"""Modules in which it may matter how an answer travels."""

HAS_JSON2 = TRANSPORT != "jsonrpc"
"""Whether the real one is taken to have JSON-2: an Odoo 18 is tested with `FCB_TEST_ODOO_TRANSPORT=jsonrpc`."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """How to come in, as the administrator and as the user with the least rights."""

    url: str
    database: str
    transport: Choice
    user: str
    key: str = field(repr=False)
    least_user: str
    least_key: str = field(repr=False)

    def odoo(self) -> Odoo:
        """The port, as the administrator."""
        return self._connected(self.user, self.key)

    def importer(self) -> Odoo:
        """The port, as the user with the least rights."""
        return self._connected(self.least_user, self.least_key)

    def _connected(self, user: str, key: str) -> Odoo:
        return connect(self.url, self.database, user, key, transport=self.transport, timeout_seconds=60)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives each test its Odoos: every server, over the transports of its module."""
    if "login" in metafunc.fixturenames:
        is_both = metafunc.module.__name__.rpartition(".")[2] in OVER_BOTH
        transports = [TRANSPORT] if TRANSPORT else list(TRANSPORTS) if is_both else ["jsonrpc"]
        ways = [(server, TRANSPORTS[transport]) for server in SERVERS for transport in transports]
        metafunc.parametrize("login", ways, indirect=True, ids="-".join)
    if "json2_login" in metafunc.fixturenames:
        metafunc.parametrize("json2_login", [each for each in SERVERS if each == SANDBOX or HAS_JSON2], indirect=True)


@pytest.fixture(scope="session")
def sandbox_url(postgres_url: str) -> Iterator[str]:
    """The address of a sandbox with a database of its own."""
    with sandbox_of(postgres_url, USUAL, DATABASE) as url:
        yield url


@pytest.fixture
def login(request: pytest.FixtureRequest) -> Login:
    """Each Odoo in turn, over each transport in turn."""
    server, transport = request.param
    return _login(request, server, transport)


@pytest.fixture
def json2_login(request: pytest.FixtureRequest) -> Login:
    """Each Odoo that has JSON-2."""
    return _login(request, request.param, "json2")


def _login(request: pytest.FixtureRequest, server: str, transport: Choice) -> Login:
    if server == SANDBOX:
        least = {"least_user": "importer", "least_key": IMPORTER_KEY}
        url = request.getfixturevalue("sandbox_url")
        return Login(url=url, database=DATABASE, transport=transport, user="admin", key=ADMIN_KEY, **least)
    names = ("URL", "DB", "USER", "KEY", "LEAST_USER", "LEAST_KEY")
    url, database, user, key, least_user, least_key = (os.environ[f"FCB_TEST_ODOO_{name}"] for name in names)
    if transport == "jsonrpc":
        key = os.environ.get("FCB_TEST_ODOO_PASSWORD", key)
        least_key = os.environ.get("FCB_TEST_ODOO_LEAST_PASSWORD", least_key)
    return Login(
        url=url, database=database, transport=transport, user=user, key=key, least_user=least_user, least_key=least_key
    )


@pytest.fixture
def odoo(login: Login) -> Odoo:
    """The port, as the administrator."""
    return login.odoo()


@pytest.fixture
def importer(login: Login) -> Odoo:
    """The port, as the user with the least rights."""
    return login.importer()


@pytest.fixture
def run() -> str:
    """A word no other run uses: part of every name and external id that a test makes."""
    return f"t{secrets.token_hex(5)}"


@pytest.fixture
def names(odoo: Odoo, login: Login) -> Names:
    """What this Odoo calls things."""
    return names_of(odoo, login.url)


@pytest.fixture
def made(odoo: Odoo, run: str, names: Names) -> Iterator[Made]:
    """Makes records for a test and removes them, with all that hangs on them, when it ends."""
    records = Made(odoo, run, names)
    yield records
    records.remove()


@pytest.fixture
def billed(odoo: Odoo, made: Made) -> Iterator[Billed]:
    """Makes what a customer is billed and pays, and removes it before the rest."""
    with billing(odoo, made) as records:
        yield records


@pytest.fixture(scope="session")
def installed_sandbox(postgres_url: str) -> Iterator[str]:
    """The name of a database with a new installation, which each `server` copies."""
    with installed(postgres_url) as name:
        yield name


@pytest.fixture
def server(postgres_url: str, installed_sandbox: str) -> Iterator[Server]:
    """A sandbox that the test alone has and may bend."""
    with copied(postgres_url, installed_sandbox) as started:
        yield started
