"""The logs in Postgres: append-only for us, whole under threads and kills, and whatever an administrator does is told."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.access import AccessEntry, Reason, Scope
from fcb_pipelines.domain.audit import Act, AuditEntry, Break, Head, Log, Wrong
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Connection, Database, connect
from fcb_pipelines_tests.conftest import NOW, database

COUNT = 12
LOGS = ("access_log", "audit_log", "log_head")
SWAP = """
    UPDATE access_log SET position = -position WHERE position IN (%(p)s, %(q)s);
    UPDATE access_log SET position = CASE -position WHEN %(p)s THEN %(q)s ELSE %(p)s END WHERE position < 0
"""
EDITS = (
    "at = at + interval '1 microsecond'", "key_id = 'k_other'", "key_id = NULL", "service = 'x'", "address = address || ' '",
    "method = 'PUT'", "route = '/'", "scope = NULL", "outcome = 'allowed'", "status = 299", "hash = sha256(hash)",
    "at = 'infinity'", "at = '-infinity'", "at = '294276-01-01'",
)  # fmt: skip


def a_call(number: int = 0, **given_: Any) -> AccessEntry:
    values = {
        "at": NOW + timedelta(microseconds=number), "key_id": f"k_{number}", "service": "shop", "address": "10.0.0.1",
        "method": "POST", "route": "/v1/usage", "scope": Scope.USAGE_WRITE, "reason": Reason.REVOKED, "status": 401,
    }  # fmt: skip
    return AccessEntry(**{**values, **given_})


def an_act(**data: Any) -> AuditEntry:
    return AuditEntry(at=NOW, actor="ada", act=Act.KEY_CREATED, service="shop", subject="k_1", data=data)


def verified(url: str, log: Log = Log.ACCESS, *known: Head) -> Break | None:
    with Database(url).transaction() as conn:
        audit.still(conn)
        return audit.verify(conn, log, known)


def appended(url: str, *entries: AccessEntry) -> Head:
    with Database(url).transaction() as conn:
        return audit.append_access(conn, entries)


def positions(url: str) -> list[int]:
    with Database(url).transaction() as conn:
        return [row[0] for row in conn.execute("SELECT position FROM access_log ORDER BY 1")]


@pytest.fixture(scope="module")
def filled(postgres_url: str, store_template: str) -> Iterator[str]:
    """A database with twelve calls and an act, which every test leaves as it was."""
    with database(postgres_url, template=store_template) as url:
        appended(url, *map(a_call, range(COUNT)))
        with Database(url).transaction() as conn:
            audit.append_audit(conn, an_act(n=1))
        yield url


def damaged(url: str, statement: str, log: Log = Log.ACCESS, **places: int) -> Break:
    """What is told after an administrator, who switched the guards off, did this; it is undone."""
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as conn:
        for table in LOGS:
            conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        conn.execute(statement, places)
        found = audit.verify(conn, log)
        conn.rollback()
    assert found is not None
    return found


def test_what_is_appended_is_whole_and_the_head_tells_where_it_ends(store_database: str) -> None:
    assert verified(store_database) is None
    first = appended(store_database, *map(a_call, range(3)))
    assert appended(store_database) == first
    end = appended(
        store_database, a_call(reason=None, key_id=None, service=None, scope=None, address="\udcff'%s\0" + "x" * 999)
    )
    assert (first.count, end.count) == (3, 4)
    assert verified(store_database, Log.ACCESS, first, end) is None
    assert positions(store_database) == [1, 2, 3, 4]


def test_an_act_keeps_its_data_through_the_database(store_database: str) -> None:
    data = {"b": [1, 10**40, -3, True, None, "é\U0001f600\\\"'"], "a": {"z": {}, "é": []}, "": "\u2028"}
    with Database(store_database).transaction() as conn:
        audit.append_audit(conn, an_act(x=data))
        audit.append_audit(conn, an_act())
    assert verified(store_database, Log.AUDIT) is None
    assert verified(store_database, Log.ACCESS) is None


NINES = "to_jsonb(repeat('9', 5000)::numeric)"
NESTED = "(repeat('[', 2000) || repeat(']', 2000))::jsonb"


@pytest.mark.parametrize("data", ["'{}'", "'{\"n\": 1.50}'", "'[1e9999]'", "'\"1\"'", NINES, NESTED])
def test_data_that_no_row_of_ours_has_counts_as_changed(filled: str, data: str) -> None:
    found = damaged(filled, f"UPDATE audit_log SET data = {data}", Log.AUDIT)
    assert (found.position, found.wrong) == (1, Wrong.CHANGED)


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_any_column_is_told_with_its_row(filled: str, edit: str) -> None:
    found = damaged(filled, f"UPDATE access_log SET {edit} WHERE position = 3")
    assert (found.position, found.wrong) == (3, Wrong.CHANGED)


@pytest.mark.parametrize(
    ("statement", "position", "wrong"),
    [
        ("DELETE FROM access_log WHERE position = 2", 2, Wrong.MISSING),
        ("DELETE FROM access_log WHERE position = 12", 12, Wrong.TRUNCATED),
        ("DELETE FROM access_log", 1, Wrong.TRUNCATED),
        ("TRUNCATE access_log", 1, Wrong.TRUNCATED),
        ("DELETE FROM access_log WHERE position = 2; UPDATE access_log SET position = -position WHERE position > 2; "
         "UPDATE access_log SET position = -position - 1 WHERE position < 0", 2, Wrong.CHANGED),
        ("UPDATE access_log SET position = 99 WHERE position = 2", 2, Wrong.REORDERED),
        ("UPDATE access_log SET position = 0 WHERE position = 2", 0, Wrong.ADDED),
        ("INSERT INTO access_log SELECT 13, at, key_id, service, address, method, route, scope, outcome, status, hash "
         "FROM access_log WHERE position = 5", 13, Wrong.CHANGED),
        ("DELETE FROM log_head", 12, Wrong.HEADLESS),
        ("UPDATE log_head SET count = 4", 5, Wrong.ADDED),
        ("UPDATE log_head SET hash = sha256(hash)", 12, Wrong.CHANGED),
    ],
)  # fmt: skip
def test_what_an_administrator_does_is_told(filled: str, statement: str, position: int, wrong: Wrong) -> None:
    found = damaged(filled, statement)
    assert (found.position, found.wrong) == (position, wrong)


def test_a_row_that_stands_elsewhere_is_told_with_its_place(filled: str) -> None:
    found = damaged(filled, SWAP, p=3, q=7)
    assert (found.position, found.wrong, found.detail) == (3, Wrong.REORDERED, "the row that was written there stands at 7")


def test_nothing_follows_a_log_without_its_head(filled: str) -> None:
    with psycopg.connect(filled) as conn:
        conn.execute("ALTER TABLE log_head DISABLE TRIGGER ALL; DELETE FROM log_head")
        with pytest.raises(RuleViolation, match="fcb audit verify"):
            audit.append_access(conn, [a_call()])
        conn.rollback()


DAMAGES = st.one_of(
    st.tuples(st.sampled_from([f"UPDATE access_log SET {edit} WHERE position = %(p)s" for edit in EDITS]), st.just(0)),
    st.tuples(st.just("DELETE FROM access_log WHERE position = %(p)s"), st.just(0)),
    st.tuples(st.just("DELETE FROM access_log WHERE position >= %(p)s"), st.just(0)),
    st.tuples(st.just(SWAP), st.integers(1, COUNT - 1)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=DAMAGES, place=st.integers(1, COUNT))
def test_any_damage_is_told_at_its_first_row(filled: str, damage: tuple[str, int], place: int) -> None:
    statement, distance = damage
    other = (place + distance - 1) % COUNT + 1
    found = damaged(filled, statement, p=place, q=other)
    assert found.position == (min(place, other) if distance else place)


def test_eight_threads_write_one_chain_without_a_gap(store_database: str) -> None:
    def write(writer: int) -> None:
        for batch in range(12):
            appended(store_database, *(a_call(writer * 1000 + batch * 10 + number) for number in range(1 + batch % 4)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert positions(store_database) == list(range(1, 8 * 30 + 1))
    assert verified(store_database) is None


def killed(url: str, pid: int) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("SELECT pg_terminate_backend(%s)", [pid])


def appended_until_killed(victim: Connection) -> None:
    for _ in range(1000):
        audit.append_access(victim, list(map(a_call, range(100))))


@pytest.mark.parametrize("seconds", [0.01, 0.05])
def test_a_session_that_is_killed_while_it_writes_leaves_the_chain_whole(store_database: str, seconds: float) -> None:
    appended(store_database, a_call())
    victim = connect(store_database)
    killer = threading.Timer(seconds, killed, [store_database, victim.info.backend_pid])
    killer.start()
    with pytest.raises(psycopg.OperationalError):
        appended_until_killed(victim)
    killer.join()
    victim.close()
    assert appended(store_database, a_call()).count == 2
    assert verified(store_database) is None


def test_a_session_that_is_killed_before_its_commit_leaves_the_chain_whole(store_database: str) -> None:
    victim = connect(store_database)
    audit.append_access(victim, list(map(a_call, range(500))))
    killed(store_database, victim.info.backend_pid)
    with pytest.raises(psycopg.OperationalError):
        victim.commit()
    victim.close()
    assert appended(store_database, a_call()).count == 1
    assert verified(store_database) is None


def test_a_log_that_is_written_meanwhile_is_looked_at_as_of_one_moment(store_database: str) -> None:
    appended(store_database, a_call())
    with Database(store_database).transaction() as conn:
        audit.still(conn)
        before = audit.head(conn, Log.ACCESS)
        appended(store_database, a_call())
        assert audit.verify(conn, Log.ACCESS) is None
        assert audit.head(conn, Log.ACCESS) == before


def test_a_batch_of_five_hundred_costs_little(store_database: str) -> None:
    calls, seconds = list(map(a_call, range(500))), []
    with connect(store_database) as conn:
        for _ in range(7):
            started = time.perf_counter()
            audit.append_access(conn, calls)
            conn.commit()
            seconds.append(time.perf_counter() - started)
    # Twenty milliseconds on an idle machine; the bound is for one that is busy with other tests.
    assert min(seconds) < 0.06


def test_times_are_kept_to_the_microsecond(store_database: str) -> None:
    appended(
        store_database, a_call(at=datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)), a_call(at=datetime(1999, 1, 1, tzinfo=UTC))
    )
    assert verified(store_database) is None
