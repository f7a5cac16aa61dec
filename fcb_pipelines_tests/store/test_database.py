"""Sessions on a real Postgres: what stands still is ended, and goes on anew."""

import time
from datetime import timedelta

import pytest

from fcb_pipelines.domain.errors import RolledBack
from fcb_pipelines.store.database import Database, Session
from fcb_pipelines_tests.webhooks.outgoing import an_endpoint

STILL = timedelta(milliseconds=100)
HELD = "UPDATE webhook_endpoint SET description = 'held'"


def test_rows_of_a_session_that_stands_still_are_others_again(store_database: str) -> None:
    db = Database(store_database)
    with db.transaction() as conn:
        an_endpoint(conn)
    session = Session(db, "still", most_idle=STILL)

    def stand_still() -> None:
        with session.transaction() as standing:
            standing.execute(HELD)
            with db.transaction() as other:
                other.execute("UPDATE webhook_endpoint SET description = 'free'")
            standing.execute("SELECT 1")

    with pytest.raises(RolledBack, match="run again"):
        stand_still()
    with session.transaction() as conn:
        assert conn.execute("SELECT description FROM webhook_endpoint").fetchone() == ("free",)
    session.close()


def test_a_session_waits_between_its_transactions_for_as_long_as_it_likes(store_database: str) -> None:
    session = Session(Database(store_database), "idle", most_idle=STILL)
    pids = []
    for _ in range(2):
        with session.transaction() as conn:
            pids.append(conn.info.backend_pid)
        time.sleep(3 * STILL.total_seconds())
    session.close()
    assert pids[0] == pids[1]


def test_who_stands_still_elsewhere_is_waited_for_no_longer_than_ten_seconds(store_database: str) -> None:
    with Database(store_database).transaction() as conn:
        row = conn.execute("SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')")
        assert row.fetchone() == ("10s", "0")
