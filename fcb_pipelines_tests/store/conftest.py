"""An open transaction on a store of one's own."""

from collections.abc import Iterator

import pytest

from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.conftest import database


@pytest.fixture
def conn(store_database: str) -> Iterator[Connection]:
    """One transaction; what it wrote goes with the database."""
    with Database(store_database).transaction() as connection:
        yield connection


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
