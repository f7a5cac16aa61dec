"""What was signed is never changed in the store, and two who sign at once do not slip past each other."""

import threading
from datetime import date
from pathlib import Path

import psycopg
import pytest

from fcb_pipelines.acts import acceptances as acts
from fcb_pipelines.acts.acceptances import Accepted, Wanted
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason, Signature
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.domain.rows import Row
from fcb_pipelines.store import acceptances as store
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines_tests.conftest import database
from fcb_pipelines_tests.signed import MATCHED, NOW, a_row, accepted, an_instance, decided
from fcb_pipelines_tests.signed_store import a_service, reconcile
from fcb_pipelines_tests.store.test_audit_rights import role

ROWS = tuple(a_row(subscription=f"s{n}") for n in (1, 2, 3))


@pytest.fixture
def db(store_database: str) -> Database:
    """April of the shop, reconciled once: three rows of one customer, 9.14 CAD each."""
    db = Database(store_database)
    reconcile(db, *ROWS)
    return db


def wanted(row: Row, author: str = "ada") -> Wanted:
    return Wanted(
        row_ids=(row.row_id,),
        kind=Kind.ROW,
        reason=Reason.GOODWILL,
        text="agreed by phone",
        bearer=Bearer.US,
        expires_on=date(2026, 9, 1),
        author=author,
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_everything_is_read_as_it_was_written(conn: Connection, kind: Kind) -> None:
    row = a_row(an_instance("50.00", "-0.005", expected_tax=None), MATCHED)
    mine = accepted(row, kind=kind, needs_approval=True, reason=Reason.OTHER, bearer=Bearer.THIRD_PARTY, text="é\n😀")
    store.add(conn, [mine])
    assert store.acceptances(conn, "shop") == (mine,)
    store.approve(conn, "D-1", Signature(person="grace", at=NOW))
    store.withdraw(conn, ["A-1"], Signature(person="ada", at=NOW, text="no"))
    (read,) = store.acceptances(conn, "shop")
    assert (read.decision.approval, read.withdrawal) == (
        Signature(person="grace", at=NOW),
        Signature(person="ada", at=NOW, text="no"),
    )
    assert store.acceptances(conn, "other") == ()


def test_ids_are_never_given_twice(conn: Connection) -> None:
    assert [store.next_decision(conn), store.next_decision(conn)] == ["D-1", "D-2"]
    assert [store.next_acceptances(conn, 2), store.next_acceptances(conn, 1)] == [["A-1", "A-2"], ["A-3"]]


def test_an_application_is_kept_once_a_period(conn: Connection) -> None:
    row = a_row()
    mine = accepted(row, kind=Kind.STANDING)
    store.add(conn, [mine])
    _, (done,) = decided([row], [mine])
    assert [store.apply_once(conn, done, period, NOW) for period in ("2026-04", "2026-04", "2026-05")] == [True, False, True]


def test_two_people_at_once_do_not_slip_under_the_limit(db: Database, tmp_path: Path) -> None:
    shop = a_service(tmp_path, CAD="20.00")
    done: list[Accepted | InvalidInput] = []
    started = threading.Barrier(3)

    def one(row: Row) -> None:
        with db.transaction() as conn:
            conn.execute("SELECT 1")
            started.wait()
            try:
                done.append(acts.accept(conn, shop, wanted(row), NOW))
            except InvalidInput as error:
                done.append(error)

    threads = [threading.Thread(target=one, args=[row]) for row in ROWS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bool(one.over) for one in done if isinstance(one, Accepted)) == [False, False, True]


def test_whoever_signs_second_waits_for_the_first_and_sees_it(db: Database, tmp_path: Path) -> None:
    shop, seen = a_service(tmp_path), list[str]()
    with db.transaction() as first:
        acts.accept(first, shop, wanted(ROWS[0]), NOW)

        def second() -> None:
            try:
                with db.transaction() as conn:
                    acts.accept(conn, shop, wanted(ROWS[0], "grace"), NOW)
            except InvalidInput as error:
                seen.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert seen == []
    thread.join()
    assert len(seen) == 1
    assert "accepted already by A-1" in seen[0]


KEYS = {
    "acceptance_decision": "decision_id",
    "acceptance": "acceptance_id",
    "acceptance_approval": "decision_id",
    "acceptance_withdrawal": "acceptance_id",
    "acceptance_application": "acceptance_id",
}
"""Table → a column of its key."""


@pytest.mark.parametrize("session", ["origin", "replica"])
def test_the_database_refuses_to_change_what_was_signed(store_database: str, session: str) -> None:
    for table, column in KEYS.items():
        for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with psycopg.connect(store_database) as conn:
                conn.execute(f"SET session_replication_role = {session}")
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                    conn.execute(statement)


def test_the_owner_of_the_tables_can_sign_and_lacks_the_right_to_change(postgres_url: str, store_template: str) -> None:
    with role(postgres_url, "app_signing") as app, database(postgres_url, template=store_template) as url:
        with psycopg.connect(url) as conn:
            for table in KEYS:
                conn.execute(f"ALTER TABLE {table} OWNER TO {app}")
            conn.execute(f"SET ROLE {app}")
            mine = accepted(a_row(), needs_approval=True)
            store.add(conn, [mine])
            store.approve(conn, "D-1", Signature(person="grace", at=NOW))
            store.withdraw(conn, ["A-1"], Signature(person="ada", at=NOW, text="no"))
            for table, column in KEYS.items():
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"), conn.transaction():
                    conn.execute(f"DELETE FROM {table}")
                with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                    conn.execute(f"UPDATE {table} SET {column} = {column}")
            conn.rollback()
