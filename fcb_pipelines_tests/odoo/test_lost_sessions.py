"""The sandbox when Postgres ends its sessions: what Odoo 19.0 was measured to do when the same was done to it."""

from collections.abc import Iterator

import psycopg
import pytest

from fcb_pipelines.odoo.sandbox.connections import Connection, Connections
from fcb_pipelines.odoo.sandbox.errors import OdooError
from fcb_pipelines_tests.faults.outside import end_sessions


@pytest.fixture
def connections(fresh_database: str) -> Iterator[Connections]:
    with psycopg.connect(fresh_database) as conn:
        conn.execute("CREATE TABLE kept (what text)")
    opened = Connections(fresh_database)
    yield opened
    opened.close()


def keep(conn: Connection) -> None:
    conn.execute("INSERT INTO kept VALUES ('something')")


def count(conn: Connection) -> int:
    (row,) = conn.execute("SELECT count(*) AS kept FROM kept").fetchall()
    return int(row["kept"])


def test_a_session_ended_between_calls_is_replaced_unseen(connections: Connections, fresh_database: str) -> None:
    connections.in_transaction(keep)
    end_sessions(fresh_database)
    connections.in_transaction(keep)
    assert connections.in_transaction(count) == 2


def test_a_session_ended_in_a_call_is_told_in_odoos_words_and_keeps_nothing(
    connections: Connections, fresh_database: str
) -> None:
    def interrupted(conn: Connection) -> None:
        keep(conn)
        end_sessions(fresh_database)
        count(conn)

    with pytest.raises(OdooError, match="cursor already closed") as told:
        connections.in_transaction(interrupted)
    assert told.value.name == "psycopg2.InterfaceError"
    assert connections.in_transaction(count) == 0


def test_what_postgres_refuses_while_it_goes_on_is_told_as_it_is(connections: Connections) -> None:
    def impatient(conn: Connection) -> None:
        conn.execute("SET LOCAL statement_timeout = '10ms'")
        conn.execute("SELECT pg_sleep(1)")

    with pytest.raises(psycopg.errors.QueryCanceled):
        connections.in_transaction(impatient)
    assert connections.in_transaction(count) == 0
