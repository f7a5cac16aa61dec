"""Creates and fills the database of the demo service, the same to the last byte each time.

Owns: the order of the tables and the role that reads them. Does not own: any row (the files beside this one).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from fcb_pipelines.source.demo import agreements, catalogue, customers, invoices, subscriptions, truth, usage
from fcb_pipelines.source.demo.tables import Table

SCHEMA = Path(__file__).with_name("schema.sql")
TRUTH = "planted_truth"
"""What the service itself does not know; its reader must not see it."""


def seed(conn: psycopg.Connection[Any]) -> None:
    """Create all tables in an empty database and fill them; the caller commits.

    Raises `psycopg.errors.DuplicateTable` where they are there already, and then changes nothing.
    """
    with conn.transaction():
        conn.execute(SCHEMA.read_bytes())
        for table in tables():
            copy(conn, table)


def tables() -> Iterable[Table]:
    """All tables, each after those that it refers to."""
    yield customers.users()
    yield catalogue.plans()
    yield subscriptions.subscriptions()
    yield usage.usage_records()
    yield invoices.invoices()
    yield invoices.invoice_items()
    yield invoices.invoice_subscriptions()
    yield from agreements.agreements()
    yield subscriptions.history()
    yield subscriptions.billing_states()
    yield truth.planted_truth()


def create_reader(conn: psycopg.Connection[Any], role: str, password: str) -> None:
    """Make a login role that can only SELECT from the service's tables; where it exists it gets this password."""
    name = sql.Identifier(role)
    exists = conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is not None
    verb = sql.SQL("ALTER" if exists else "CREATE")
    conn.execute(sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(verb, name, password))
    conn.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    conn.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(name))
    conn.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.Identifier(TRUTH), name))


def copy(conn: psycopg.Connection[Any], table: Table) -> None:
    """Fill a table that is there."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), columns)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in table.rows:
            copy.write_row(row)
