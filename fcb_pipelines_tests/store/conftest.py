"""An open transaction on a store of one's own."""

from collections.abc import Iterator

import pytest

from fcb_pipelines.store.database import Connection, Database


@pytest.fixture
def conn(store_database: str) -> Iterator[Connection]:
    """One transaction; what it wrote goes with the database."""
    with Database(store_database).transaction() as connection:
        yield connection
