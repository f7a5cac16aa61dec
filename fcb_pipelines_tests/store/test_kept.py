"""A store that keeps its sessions does to its transactions what the store does."""

import psycopg
import pytest

from fcb_pipelines.domain.errors import Refused, RolledBack
from fcb_pipelines.store.database import Connection
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.kept import KeptStore, end_sessions


@pytest.fixture
def store(store_database: str) -> KeptStore:
    with KeptStore(store_database).transaction() as conn:
        conn.execute("CREATE TABLE kept (number integer)")
    return KeptStore(store_database)


def add(conn: Connection, number: int) -> int:
    """A row; the number of the session."""
    conn.execute("INSERT INTO kept VALUES (%s)", [number])
    return conn.info.backend_pid


def numbers(store: KeptStore) -> list[int]:
    """What anybody else sees."""
    with psycopg.connect(store.url) as conn:
        return [row[0] for row in conn.execute("SELECT number FROM kept ORDER BY 1").fetchall()]


def end(store: KeptStore, session: int) -> None:
    with psycopg.connect(store.url, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(%s, 5000)", [session])


def test_what_is_done_is_committed_and_the_session_used_again(store: KeptStore) -> None:
    with store.transaction() as conn:
        first = add(conn, 1)
    assert numbers(store) == [1]
    with store.transaction() as conn:
        assert add(conn, 2) == first
    assert numbers(store) == [1, 2]


def do(store: KeptStore, number: int, statement: str) -> None:
    """Add a row, then something else, in one transaction."""
    with store.transaction() as conn:
        add(conn, number)
        conn.execute(statement.encode())


def test_what_raises_is_rolled_back_and_leaves_nothing_to_the_next(store: KeptStore) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        do(store, 1, "SELECT 1 / 0")
    with pytest.raises(Refused, match="run  fcb migrate"):
        do(store, 2, "SELECT FROM nothing_of_the_kind")
    do(store, 3, "SELECT 1")
    assert numbers(store) == [3]


def test_a_transaction_that_the_caller_rolled_back_is_over(store: KeptStore) -> None:
    with store.transaction() as conn:
        add(conn, 1)
        conn.rollback()
    do(store, 2, "SELECT 1")
    assert numbers(store) == [2]


def test_two_at_once_have_a_session_each(store: KeptStore) -> None:
    with store.transaction() as one, store.transaction() as other:
        assert add(one, 1) != add(other, 2)
        assert numbers(store) == []
    assert numbers(store) == [1, 2]


def test_a_session_that_ended_meanwhile_is_not_used_again(store: KeptStore) -> None:
    with store.transaction() as conn:
        first = add(conn, 1)
    end(store, first)
    with store.transaction() as conn:
        assert add(conn, 2) != first
    assert numbers(store) == [1, 2]


def test_a_session_that_ends_in_a_transaction_takes_it_along(store: KeptStore) -> None:
    with pytest.raises(RolledBack, match="run again"):
        do(store, 1, "SELECT pg_terminate_backend(pg_backend_pid())")
    do(store, 2, "SELECT 1")
    assert numbers(store) == [2]


def test_whoever_ends_them_can_copy_the_database(store: KeptStore, postgres_url: str) -> None:
    name = store.url.rpartition("/")[2]
    with psycopg.connect(store.url) as conn:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fcb'"
        assert conn.execute(count).fetchone() == (1,)
    with database(postgres_url, template=name) as url, KeptStore(url).transaction() as conn:
        add(conn, 1)
        end_sessions(store.url)
    assert numbers(store) == []
