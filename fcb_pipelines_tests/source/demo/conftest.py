"""The demo service, seeded once for all of these tests; they only read it."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import TupleRow

from fcb_pipelines.local.postgres import ensure_database
from fcb_pipelines.services import Service
from fcb_pipelines.settings import load
from fcb_pipelines.source.connection import Connection, open_source
from fcb_pipelines.source.demo.seed import seed

CONFIG = Path(__file__).parents[3] / "fcb.toml"


@pytest.fixture(scope="session")
def demo_url(postgres_url: str) -> Iterator[str]:
    """The URL of a seeded demo database."""
    name = f"test_demo_{secrets.token_hex(6)}"
    url = ensure_database(postgres_url, name)
    with psycopg.connect(url) as conn:
        seed(conn)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def demo(demo_url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """A session on the demo's own tables that cannot change them for the next test."""
    with psycopg.connect(demo_url, options="-c default_transaction_read_only=on -c timezone=UTC") as conn:
        yield conn


@pytest.fixture
def service(demo_url: str, tmp_path: Path) -> Service:
    """The demo as the project's reviewed fcb.toml describes it."""
    return load({"FCB_CONFIG": str(CONFIG), "FCB_SOURCE_NEXACLOUD_URL": demo_url}, folder=tmp_path).service("nexacloud")


@pytest.fixture
def source(service: Service) -> Iterator[Connection]:
    """The session in which the project reads a source."""
    with open_source(service) as conn:
        yield conn
