"""Seeding: the same bytes each time, all or nothing, and a reader that can only read."""

import secrets
from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from fcb_pipelines.source.demo.seed import create_reader, seed, tables

TABLES = tuple(table.name for table in tables())


def content(url: str) -> dict[str, str]:
    """A hash of each table's rows, in their order on disk."""
    with psycopg.connect(url) as conn:
        found = {}
        for name in TABLES:
            statement = sql.SQL("SELECT md5(string_agg(one::text, E'\\n' ORDER BY ctid)) FROM {} AS one").format(
                sql.Identifier(name)
            )
            found[name] = str(conn.execute(statement).fetchall())
    return found


def test_two_copies_hold_the_same(demo_url: str, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, options="-c timezone=Asia/Kolkata") as conn:
        seed(conn)
    assert content(fresh_database) == content(demo_url)


def test_no_table_is_empty(demo_url: str) -> None:
    with psycopg.connect(demo_url) as conn:
        names = {row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        assert names == set(TABLES)
        for name in TABLES:
            assert conn.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(name))).fetchone() is not None, name


def test_seeding_again_says_so_and_changes_nothing(fresh_database: str) -> None:
    with psycopg.connect(fresh_database) as conn:
        seed(conn)
    before = content(fresh_database)
    with psycopg.connect(fresh_database) as conn, pytest.raises(psycopg.errors.DuplicateTable):
        seed(conn)
    assert content(fresh_database) == before


@pytest.fixture(scope="module")
def reader(demo_url: str) -> Iterator[str]:
    """The URL of the demo as a role of these tests reads it; nothing that they try can be left behind."""
    role, password = f"test_reader_{secrets.token_hex(4)}", 'it\'s a "secret"'
    with psycopg.connect(demo_url) as conn:
        create_reader(conn, role, "first")
        create_reader(conn, role, password)
    yield psycopg.conninfo.make_conninfo(demo_url, user=role, password=password)
    with psycopg.connect(demo_url, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


@pytest.mark.parametrize("table", [name for name in TABLES if name != "planted_truth"])
def test_the_reader_reads_every_table(reader: str, table: str) -> None:
    with psycopg.connect(reader) as conn:
        assert conn.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table))).fetchone() is not None


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO coupons VALUES ('FREE', 100, NULL)",
        "UPDATE invoices SET subtotal = 0",
        "DELETE FROM usage_records",
        "TRUNCATE invoice_items",
        "CREATE TABLE mine (id integer)",
        "DROP TABLE trials",
        "SELECT * FROM planted_truth",
    ],
)
def test_the_reader_cannot_write_and_does_not_know_the_truth(reader: str, statement: LiteralString) -> None:
    with psycopg.connect(reader) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)
