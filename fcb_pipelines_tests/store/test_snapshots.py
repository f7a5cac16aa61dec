from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fcb_pipelines.domain.canonical import BadRow
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Connection
from fcb_pipelines.store.snapshots import Disappeared

NOW = datetime(2026, 6, 2, 16, tzinfo=UTC)
ADA: tuple[str, dict[str, Any]] = ("1", {"name": "Ada", "price": "9.14", "lines": [{"description": "Small × 1"}], "none": None})
BOB: tuple[str, dict[str, Any]] = ("2", {"name": "Bob", "is_active": True})


def snapshot(conn: Connection, *rows: tuple[str, dict[str, Any]], service: str = "small") -> int:
    snapshot_id = snapshots.open_snapshot(conn, service, NOW)
    snapshots.close_snapshot(conn, snapshot_id, snapshots.add_rows(conn, snapshot_id, "users", rows))
    return snapshot_id


def records(conn: Connection) -> int:
    return int((conn.execute("SELECT count(*) FROM source_record").fetchone() or [0])[0])


def test_rows_come_back_as_they_were_by_id(conn: Connection) -> None:
    snapshot_id = snapshot(conn, BOB, ADA)
    assert snapshots.entity_rows(conn, snapshot_id, "users") == [ADA[1], BOB[1]]
    assert snapshots.identified_rows(conn, snapshot_id, "users") == [ADA, BOB]
    assert snapshots.entity_rows(conn, snapshot_id, "plans") == []
    assert snapshots.entity_counts(conn, snapshot_id) == {"users": 2}


def test_a_row_is_stored_once_however_many_snapshots_hold_it(conn: Connection) -> None:
    first, second = snapshot(conn, ADA, BOB), snapshot(conn, ADA, ("2", {"name": "Bob II"}))
    assert records(conn) == 3
    assert snapshots.entity_rows(conn, first, "users")[1]["name"] == "Bob"
    assert snapshots.entity_rows(conn, second, "users")[1]["name"] == "Bob II"


def test_two_rows_of_one_content_are_both_held(conn: Connection) -> None:
    snapshot_id = snapshot(conn, ADA, ADA)
    assert snapshots.entity_rows(conn, snapshot_id, "users") == [ADA[1], ADA[1]]
    assert records(conn) == 1


def test_more_rows_than_a_batch_are_held_in_order(conn: Connection) -> None:
    many = [(f"{n:05d}", {"n": n % 7}) for n in range(snapshots.BATCH + 1)]
    snapshot_id = snapshot(conn, *reversed(many))
    assert snapshots.identified_rows(conn, snapshot_id, "users") == many


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20, deadline=None)
@given(st.permutations([ADA, BOB, ("3", {"name": "Cy"})]), st.sampled_from(["name", "Name"]))
def test_the_hash_is_of_the_content_whatever_the_order(conn: Connection, rows: list[Any], column: str) -> None:
    def content(given_rows: list[Any]) -> bytes:
        return snapshots.add_rows(conn, snapshots.open_snapshot(conn, "small", NOW), "users", given_rows)

    in_order = content([ADA, BOB, ("3", {"name": "Cy"})])
    assert content(rows) == in_order
    assert (content([*rows[:2], ("3", {column: "Cyrus"})]) == in_order) is False


def test_headers_are_told_newest_first_and_per_service(conn: Connection) -> None:
    assert snapshots.latest_snapshot(conn, "small") is None
    first, second, other = snapshot(conn, ADA), snapshot(conn, ADA), snapshot(conn, BOB, service="big")
    latest = snapshots.latest_snapshot(conn, "small")
    assert latest is not None
    assert (latest.snapshot_id, latest.service, latest.taken_at) == (second, "small", NOW)
    before = snapshots.previous_snapshot(conn, "small", second)
    assert before is not None
    assert (before.snapshot_id, before.content_hash) == (first, latest.content_hash)
    assert snapshots.previous_snapshot(conn, "small", first) is None
    assert snapshots.previous_snapshot(conn, "big", other) is None
    assert snapshots.snapshot(conn, "small", first) == before
    assert snapshots.snapshot(conn, "small", other) is None


def test_bad_rows_are_kept_whole_with_their_reason(conn: Connection) -> None:
    bad = [
        BadRow(
            entity="users", external_id="7", reason="users.sql: column name is NULL", row={"name": None, "text": "é\\u0000"}
        ),
        BadRow(entity="usage", external_id="", reason="usage.sql: column quantity is NULL", row={}),
    ]
    snapshot_id = snapshots.open_snapshot(conn, "small", NOW)
    snapshots.add_issues(conn, snapshot_id, bad)
    assert snapshots.issues(conn, snapshot_id) == bad
    assert snapshots.issues(conn, snapshot_id + 1) == []


def test_bad_rows_are_kept_in_batches(conn: Connection) -> None:
    snapshot_id = snapshots.open_snapshot(conn, "small", NOW)
    many = [BadRow(entity="usage", external_id=str(n), reason="bad", row={}) for n in range(snapshots.BATCH + 1)]
    snapshots.add_issues(conn, snapshot_id, iter(many))
    assert snapshots.issues(conn, snapshot_id) == many


def test_what_disappeared_is_named_and_a_row_gone_bad_is_not_among_it(conn: Connection) -> None:
    before = snapshot(conn, ADA, BOB, ("3", {"name": "Cy"}))
    now = snapshot(conn, ADA)
    snapshots.add_issues(conn, now, [BadRow(entity="users", external_id="3", reason="bad", row={})])
    assert snapshots.disappeared(conn, before, now) == [Disappeared(entity="users", external_id="2")]
    assert snapshots.disappeared(conn, now, before) == []


@pytest.mark.parametrize(("one", "other"), [({"a": "1"}, {"a": 1}), ({"a": None}, {}), ({"a": ["b"]}, {"a": "b"})])
def test_different_rows_are_never_written_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert snapshots.canonical_json(one) != snapshots.canonical_json(other)
