"""The fixtures of conftest give each test a database of its own."""

import psycopg
import pytest


@pytest.mark.parametrize("turn", [1, 2])
def test_a_fresh_database_is_empty_every_time(fresh_database: str, turn: int) -> None:
    with psycopg.connect(fresh_database) as conn:
        assert conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        conn.execute("CREATE TABLE visited AS SELECT %s::int AS turn", [turn])


@pytest.mark.parametrize("turn", [1, 2])
def test_a_store_database_has_the_schema_every_time(store_database: str, turn: int) -> None:
    with psycopg.connect(store_database) as conn:
        assert conn.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        conn.execute("CREATE TABLE visited AS SELECT %s::int AS turn", [turn])
