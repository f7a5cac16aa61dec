"""The import chain against each Odoo: the sandbox always, a real one when `FCB_TEST_ODOO_URL` (and _DB, _USER, _KEY) is set."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fcb_pipelines.domain.usage import PULLED, PUSHED
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import EDITIONS
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.desk import Desk
from fcb_pipelines_tests.acts.month import Month, a_month
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.odoo.conftest import TRANSPORT, TRANSPORTS
from fcb_pipelines_tests.odoo.editions import USUAL, prices_kept_whole
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving
from fcb_pipelines_tests.source.small_host import FIRST, SmallHost

DATABASE = "odoo_imports"
SERVERS = ("sandbox", *(["real"] if "FCB_TEST_ODOO_URL" in os.environ else []))


@pytest.fixture(scope="session")
def sandbox_of_imports(postgres_url: str) -> Iterator[str]:
    """The address of a sandbox with a database of its own."""
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {DATABASE}")
    keys = {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}
    with serving(create_app(in_database(postgres_url, DATABASE), keys, clock=lambda: NOW, edition=EDITIONS[USUAL])) as url:
        yield url
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(params=SERVERS)
def odoos(request: pytest.FixtureRequest) -> tuple[Odoo, Odoo]:
    """Each Odoo in turn, as the administrator and as the user with the least rights."""
    if request.param == "sandbox":
        url = request.getfixturevalue("sandbox_of_imports")
        return _connected(url, DATABASE, "admin", ADMIN_KEY), _connected(url, DATABASE, "importer", IMPORTER_KEY)
    names = ("URL", "DB", "USER", "KEY", "LEAST_USER", "LEAST_KEY")
    url, database, user, key, least_user, least_key = (os.environ[f"FCB_TEST_ODOO_{name}"] for name in names)
    key = os.environ.get("FCB_TEST_ODOO_PASSWORD", key) if TRANSPORT == "jsonrpc" else key
    return _connected(url, database, user, key), _connected(url, database, least_user, least_key)


def _connected(url: str, database: str, user: str, key: str) -> Odoo:
    """As an operator connects who sets nothing; `FCB_TEST_ODOO_TRANSPORT` says otherwise."""
    return connect(url, database, user, key, transport=TRANSPORTS[TRANSPORT] if TRANSPORT else "auto")


@pytest.fixture
def chain(odoos: tuple[Odoo, Odoo], store_database: str) -> Iterator[Chain]:
    """The imports of a service that no other test has, as the administrator; what they made is removed afterwards."""
    db = KeptStore(store_database)
    with db.transaction() as conn:
        conn.execute(
            "INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('any', %s, false, '')", [NOW]
        )
    started = Chain(db=db, odoo=odoos[0], service=a_service(f"t{secrets.token_hex(5)}"))
    with prices_kept_whole(odoos[0]):
        yield started
        started.remove()


@pytest.fixture
def least(chain: Chain, odoos: tuple[Odoo, Odoo]) -> Chain:
    """The same, by a user who may not read external ids."""
    return Chain(db=chain.db, odoo=odoos[1], service=chain.service)


@pytest.fixture
def month(chain: Chain, fresh_database: str, tmp_path: Path) -> Iterator[Month]:
    """April of a small host against each Odoo; its drafts are removed afterwards."""
    started = a_month(chain, SmallHost(fresh_database, tmp_path))
    yield started
    started.remove()


@pytest.fixture(params=[PULLED, PUSHED])
def desk(request: pytest.FixtureRequest, fresh_database: str, store_database: str, tmp_path: Path) -> Desk:
    """A host whose first subscription used 100.5 cpu-seconds in March and 7 in April, told by the billed feed."""
    host = SmallHost(fresh_database, tmp_path)
    host.run(f"UPDATE invoices SET external_subscription_id = '{FIRST}'", "UPDATE users SET country = 'CA', state = 'ON'")
    found = Desk(host=host, db=KeptStore(store_database), feed=request.param)
    if found.feed == PUSHED:
        host.run("DELETE FROM usage")
    found.snapshot()
    if found.feed == PUSHED:
        for at, quantity in (("2026-03-20T10:00Z", "100.5"), ("2026-04-01T04:00Z", "7"), ("2026-05-10T00:00Z", "1")):
            found.use(at, quantity, key=f"k {at}")
    return found
