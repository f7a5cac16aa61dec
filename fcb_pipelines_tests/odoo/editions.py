"""Sandboxes of each edition, for tests that say which they need."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg

from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.sandbox.edition import EDITIONS
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving

NOW = datetime(2026, 6, 2, 16, 0, 0, 250_000, tzinfo=UTC)
USUAL = os.environ.get("FCB_TEST_SANDBOX_EDITION", "community-19")
"""The edition that the contract tests run on: any other can be asked for by hand."""

USERS = {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}


@contextmanager
def sandbox_of(postgres_url: str, edition: str, database: str) -> Iterator[str]:
    """The address of a sandbox of that edition, with a database of its own that goes with it."""
    _run(postgres_url, f"CREATE DATABASE {database}")
    with serving(create_app(in_database(postgres_url, database), USERS, clock=lambda: NOW, edition=EDITIONS[edition])) as url:
        yield url
    _run(postgres_url, f"DROP DATABASE {database} WITH (FORCE)")


def as_user(url: str, database: str, user: str = "admin") -> Odoo:
    """The port, as one of the two users."""
    return connect(url, database, user, USERS[user], transport="jsonrpc")


def _run(postgres_url: str, statement: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as conn:
        conn.execute(statement.encode())
