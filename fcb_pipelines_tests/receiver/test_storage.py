"""What each storage promises: all or nothing, parts, tables made once, and one error for whatever is wrong with it."""

import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from fcb_host.errors import StorageUnavailable
from fcb_host.receiver.storage import Storage, Transaction
from fcb_host.receiver.storage_postgres import PostgresStorage
from fcb_host.receiver.storage_sqlite import SqliteStorage

INSERT = "INSERT INTO fcb_receiver_heard VALUES ('central', :subscription, 'end', :sequence)"


class Stopped(Exception):
    """Raised in a block on purpose."""


@contextmanager
def stopped(storage: Storage) -> Iterator[Transaction]:
    """A transaction that does not come to its end."""
    with suppress(Stopped), storage.transaction() as tx:
        yield tx
        raise Stopped


def there(storage: Storage) -> list[tuple[Any, ...]]:
    with storage.transaction() as tx:
        return tx.rows("SELECT subscription, sequence FROM fcb_receiver_heard ORDER BY 1")


def test_a_transaction_is_kept_whole_or_not_at_all(storage: Storage) -> None:
    with storage.transaction() as tx:
        assert tx.change(INSERT, subscription="a:b", sequence=2**62) == 1
    with stopped(storage) as tx:
        tx.change(INSERT, subscription="b", sequence=2)
    assert there(storage) == [("a:b", 2**62)]


def test_a_part_that_fails_is_undone_alone_even_where_the_database_refused(storage: Storage) -> None:
    with storage.transaction() as tx:
        tx.change(INSERT, subscription="a", sequence=1)
        with suppress(Stopped), tx.part():
            tx.change(INSERT, subscription="b", sequence=1)
            raise Stopped
        with suppress(sqlite3.Error, psycopg.Error), tx.part():
            tx.change(INSERT, subscription="a", sequence=1)
        with tx.part():
            tx.change(INSERT, subscription="c", sequence=1)
    assert there(storage) == [("a", 1), ("c", 1)]


def test_many_who_come_first_at_once_make_the_tables_once(storage: Storage) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: there(storage), range(16))) == [[]] * 16


def test_tables_of_a_later_version_are_left_alone(storage: Storage) -> None:
    with storage.transaction() as tx:
        tx.change("INSERT INTO fcb_receiver_version VALUES (2)")
    fresh = type(storage)(storage._path) if isinstance(storage, SqliteStorage) else PostgresStorage(_url(storage))
    with pytest.raises(StorageUnavailable, match="are of version 2, here they are of 1"), fresh.transaction():
        pass


def _url(storage: Storage) -> str:
    assert isinstance(storage, PostgresStorage)
    with storage.transaction() as tx:
        info = tx.connection.info
        return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


def test_the_drivers_own_connection_is_in_the_same_transaction(storage: Storage) -> None:
    with stopped(storage) as tx:
        tx.connection.execute("CREATE TABLE of_the_host (name text)")
        tx.connection.execute("INSERT INTO of_the_host VALUES ('a')")
    with storage.transaction() as tx:
        tx.connection.execute("CREATE TABLE of_the_host (name text)")
        assert tx.rows("SELECT name FROM of_the_host") == []


def test_a_file_is_its_owners_and_a_wrong_one_says_so(tmp_path: Path) -> None:
    good = SqliteStorage(tmp_path / "receiver.sqlite")
    assert there(good) == []
    assert stat.S_IMODE((tmp_path / "receiver.sqlite").stat().st_mode) == 0o600
    (tmp_path / "text").write_text("this is no database, and long enough to be seen as none" * 50)
    for path, says in ((tmp_path / "text", "not a database"), (tmp_path / "no" / "folder", "No such file")):
        with pytest.raises(StorageUnavailable, match=says):
            there(SqliteStorage(path))


def test_a_file_that_is_held_for_too_long_says_so(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "receiver.sqlite", busy_seconds=0.05)
    with storage.transaction():
        with pytest.raises(StorageUnavailable, match="locked"):
            there(storage)
    assert there(storage) == []


def test_a_database_that_is_not_there_says_so_without_its_password(tmp_path: Path) -> None:
    storage = PostgresStorage(f"postgresql://host:secret@/none?host={tmp_path}")
    assert "secret" not in repr(storage)
    with pytest.raises(StorageUnavailable, match="cannot be used") as fault:
        there(storage)
    assert "secret" not in str(fault.value)


def test_a_connection_of_the_hosts_own_does_as_well(fresh_database: str) -> None:
    """A pool may hand out connections that commit by themselves and answer in dictionaries."""

    def opens() -> psycopg.Connection[Any]:
        return psycopg.connect(fresh_database, autocommit=True, row_factory=dict_row)

    storage = PostgresStorage(opens)
    with stopped(storage) as tx:
        tx.change(INSERT, subscription="b", sequence=2)
    assert there(storage) == []


def test_one_who_may_create_no_table_uses_those_that_are_there(fresh_database: str) -> None:
    assert there(PostgresStorage(fresh_database)) == []
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        conn.execute("CREATE ROLE plain")
        conn.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain")

    def opens() -> psycopg.Connection[Any]:
        return psycopg.connect(fresh_database, options="-c role=plain")

    assert there(PostgresStorage(opens)) == []
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        conn.execute("DROP OWNED BY plain")
        conn.execute("DROP ROLE plain")
