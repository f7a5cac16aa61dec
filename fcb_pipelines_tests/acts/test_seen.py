"""Terms by what successive snapshots of a real source saw, and by what it and `fcb.toml` say of the time between."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts.directory import directory
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import load, take_snapshot
from fcb_pipelines.domain.expected import rated_lines
from fcb_pipelines.domain.quotas import NOTHING_USED
from fcb_pipelines.store import changed_terms, snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.schema import MIGRATIONS
from fcb_pipelines_tests.acts.chain import TAXES, silent
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import FIRST, SECOND, SmallHost

HISTORY = "CREATE TABLE history (subject_kind text, subject_id text, field text, value text, valid_from timestamptz)"
NEW_PRICE = "UPDATE plans SET price_monthly = 12 WHERE external_plan_id = 's'"
OLD_PRICE = "UPDATE plans SET price_monthly = 9.14 WHERE external_plan_id = 's'"
GIGABYTES = """'[{"metric": "gb", "charge": {"model": "standard", "unit_price": "1"}}]'::jsonb"""
MARCH, APRIL, MAY = "2026-03", "2026-04", "2026-05"
OLD, NEW = Decimal("9.14"), Decimal(12)


@pytest.fixture
def host(fresh_database: str, tmp_path: Path) -> SmallHost:
    found = SmallHost(fresh_database, tmp_path)
    found.run(HISTORY, said("Large", "2026-01-01", "name", ("plan", "l")))
    found.map("history", "TABLE history;")
    return found


@pytest.fixture
def db(store_database: str) -> Database:
    return KeptStore(store_database)


def looked(db: Database, host: SmallHost, month: int, on: int, *statements: str) -> int:
    """A snapshot on a day of 2026, after the source was changed."""
    host.run(*statements)
    taken = take_snapshot(db, host.service(), datetime(2026, month, on, 16, tzinfo=UTC), silent, only=())
    return taken.snapshot_id


def said(value: str, since: str, field: str = "price_monthly", of: tuple[str, str] = ("plan", "s")) -> str:
    return f"INSERT INTO history VALUES ('{of[0]}', '{of[1]}', '{field}', '{value}', '{since} 00:00-04')"


def costs(
    db: Database, host: SmallHost, snapshot_id: int, months: Sequence[str] = (MARCH, APRIL, MAY), **settings: Any
) -> Mapping[str, Any]:
    """What the first customer's flat price comes to, as rating has it from a snapshot."""
    service = host.service(terms_assumed_from="2026-01-01", **settings)
    with db.transaction() as conn:
        known = directory(load(conn, snapshot_id, service), service)
    found = {}
    for month in months:
        work = PeriodWork(
            db=db, service=service, period=service.period(month), taxes=TAXES, settings_hash="", now=datetime.now(UTC)
        )
        terms = known.terms(work, known.subscriptions[FIRST])
        (flat,) = (line for line in rated_lines(terms, work.period, NOTHING_USED) if line.charge == "flat")
        found[month] = flat.exact
    return found


def changed(db: Database) -> list[tuple[str, str, int]]:
    with db.transaction() as conn:
        return conn.execute("SELECT entity, external_id, snapshot_id FROM changed_terms ORDER BY 3, 1, 2").fetchall()


def test_a_price_holds_as_far_as_snapshots_saw_it_and_again_for_who_rates_from_the_older_one(
    db: Database, host: SmallHost
) -> None:
    first = looked(db, host, 3, 20)
    unchanged = looked(db, host, 3, 25, "UPDATE plans SET name = 'Smaller' WHERE external_plan_id = 's'")
    assert changed(db) == []
    last = looked(db, host, 4, 10, NEW_PRICE)
    assert changed(db) == [("plans", "s", last)]
    assert costs(db, host, last) == {MARCH: OLD, APRIL: None, MAY: NEW}
    assert costs(db, host, first) == costs(db, host, unchanged) == {MARCH: OLD, APRIL: OLD, MAY: OLD}
    again = looked(db, host, 4, 20)
    assert costs(db, host, again) == costs(db, host, last), "one more that saw the same"


def test_back_and_forth_is_known_wherever_somebody_looked(db: Database, host: SmallHost) -> None:
    looked(db, host, 3, 18)
    looked(db, host, 3, 25, NEW_PRICE)
    looked(db, host, 4, 20)
    last = looked(db, host, 5, 20, OLD_PRICE)
    assert costs(db, host, last, (MARCH, APRIL, MAY, "2026-06")) == {MARCH: OLD, APRIL: NEW, MAY: None, "2026-06": OLD}


@pytest.mark.parametrize(
    ("early", "late", "expected"),
    [
        ([], [said("12", "2026-04-01")], {MARCH: OLD, APRIL: NEW, MAY: NEW}),
        ([], [said("12", "2026-01-01")], {MARCH: NEW, APRIL: NEW, MAY: NEW}),
        ([said("12", "2026-01-01")], [], {MARCH: OLD, APRIL: None, MAY: NEW}),
    ],
    ids=["a change", "mended", "on record before, so of something else"],
)
def test_history_says_since_when_and_mends_only_if_it_came_after(
    db: Database, host: SmallHost, early: Sequence[str], late: Sequence[str], expected: Mapping[str, Any]
) -> None:
    looked(db, host, 3, 20, *early)
    last = looked(db, host, 4, 10, NEW_PRICE, *late)
    assert costs(db, host, last) == expected


def test_history_that_was_away_or_was_never_read_before_is_no_news(db: Database, host: SmallHost) -> None:
    """It said so while the price was seen to be another one, or nobody knows whether it did: neither mends."""
    unread = host.service(code="unread")
    file = host.folder / "history.sql"
    looked(db, host, 3, 20, said("12", "2026-01-01"))
    without = looked(db, host, 3, 25, "CREATE TABLE away AS SELECT * FROM history WHERE value = '12'", "DELETE FROM history")
    with db.transaction() as conn:
        snapshots.refuse_snapshot(conn, without, "half of it is missing")
    text = file.read_text()
    file.unlink()
    take_snapshot(db, unread, datetime(2026, 3, 20, 16, tzinfo=UTC), silent, only=())
    file.write_text(text)
    last = looked(db, host, 4, 10, NEW_PRICE, "INSERT INTO history TABLE away")
    assert costs(db, host, last) == {MARCH: OLD, APRIL: None, MAY: NEW}
    first_read = take_snapshot(db, unread, datetime(2026, 4, 10, 16, tzinfo=UTC), silent, only=()).snapshot_id
    assert costs(db, host, first_read, code="unread") == {MARCH: OLD, APRIL: None, MAY: NEW}


@pytest.mark.parametrize(
    ("since", "expected"),
    [("2026-03-28", {MARCH: OLD, APRIL: NEW, MAY: NEW}), ("2026-01-01", {MARCH: NEW, APRIL: NEW, MAY: NEW})],
)
def test_what_a_person_declares_closes_the_gap_or_mends(
    db: Database, host: SmallHost, since: str, expected: Mapping[str, Any]
) -> None:
    looked(db, host, 3, 20)
    last = looked(db, host, 4, 10, NEW_PRICE)
    told = {"subject_kind": "plan", "subject": "s", "field": "price_monthly", "value": "12.00", "valid_from": since}
    signed = {"because": "the list of prices", "declared_by": "Ada", "declared_on": "2026-04-11"}
    assert costs(db, host, last, history=[{**told, **signed}]) == expected


def test_a_refused_snapshot_saw_nothing(db: Database, host: SmallHost) -> None:
    looked(db, host, 3, 20)
    refused = looked(db, host, 3, 28, NEW_PRICE)
    with db.transaction() as conn:
        snapshots.refuse_snapshot(conn, refused, "half of it is missing")
    last = looked(db, host, 4, 10)
    assert costs(db, host, last) == {MARCH: OLD, APRIL: None, MAY: NEW}
    back = looked(db, host, 4, 20, OLD_PRICE)
    with db.transaction() as conn:
        snapshots.refuse_snapshot(conn, last, "so is this")
    assert costs(db, host, back) == {MARCH: OLD, APRIL: OLD, MAY: OLD}


def test_a_subscription_that_was_away_is_held_against_what_it_was(db: Database, host: SmallHost) -> None:
    looked(db, host, 3, 20)
    gone = f"WHERE external_subscription_id = '{FIRST}'"
    looked(db, host, 3, 25, f"CREATE TABLE away AS SELECT * FROM subscriptions {gone}", f"DELETE FROM subscriptions {gone}")
    last = looked(
        db, host, 4, 10, "UPDATE away SET contract_price = 7", "INSERT INTO subscriptions TABLE away", "DROP TABLE away"
    )
    assert [entity for entity, key, _ in changed(db) if key == FIRST] == ["subscriptions", "subscriptions"]
    with db.transaction() as conn:
        parts = [changed_terms.changed(conn, "small", last, of) for of in ([FIRST], [SECOND], [], None)]
    assert [len(part) for part in parts] == [2, 0, 0, 2]
    assert costs(db, host, last) == {MARCH: OLD, APRIL: None, MAY: Decimal(7)}


def test_a_column_that_is_mapped_later_was_not_seen_before(db: Database, host: SmallHost) -> None:
    first = looked(db, host, 3, 20)
    host.remap("subscriptions", "instalments", "NULL::integer")
    host.remap("plans", "charges", GIGABYTES)
    looked(db, host, 3, 22)
    assert changed(db) == []
    last = looked(db, host, 4, 10, NEW_PRICE)
    assert costs(db, host, last) == {MARCH: OLD, APRIL: None, MAY: NEW}
    with db.transaction() as conn:
        assert load(conn, first, host.service()).plans[1].charges == ()
        (change,) = load(conn, last, host.service()).seen.plans["s"]
    assert change.before.charges == change.after.charges != ()


def test_a_column_that_is_mapped_while_a_price_changes_did_not_change_with_it(db: Database, host: SmallHost) -> None:
    looked(db, host, 3, 10)
    looked(db, host, 3, 20, "UPDATE plans SET price_monthly = 11 WHERE external_plan_id = 's'")
    host.remap("plans", "charges", GIGABYTES)
    last = looked(db, host, 4, 10, NEW_PRICE)
    with db.transaction() as conn:
        seen = load(conn, last, host.service()).seen.plans["s"]
    assert len(seen) == 2
    assert {each.charges for change in seen for each in (change.before, change.after)} == {seen[-1].after.charges}


def test_a_column_that_the_mapping_leaves_out_for_a_while_did_change(db: Database, host: SmallHost) -> None:
    host.remap("subscriptions", "instalments", "2::integer")
    looked(db, host, 3, 20)
    host.remap("subscriptions", "instalments", None)
    away = looked(db, host, 4, 10)
    host.remap("subscriptions", "instalments", "4::integer")
    last = looked(db, host, 5, 10)
    with db.transaction() as conn:
        seen = [load(conn, each, host.service()).seen.subscriptions[SECOND] for each in (away, last)]
    told = [[(each.before.instalments, each.after.instalments, each.first_seen.month) for each in found] for found in seen]
    assert told == [[(2, 1, 4)], [(2, 4, 4)]], "what it came back as was not seen otherwise"


def test_only_what_differs_is_kept_and_read(db: Database, host: SmallHost) -> None:
    """A new subscription, one whose life ended, and a history of what did not change are no change of terms."""
    looked(db, host, 3, 20)
    new = f"INSERT INTO subscriptions SELECT '{SECOND[:-1]}3', NULL, 1, 's', 'monthly', 'active', now(), NULL, NULL, NULL"
    ended = f"UPDATE subscriptions SET ended_at = '2026-06-01 04:00Z' WHERE external_subscription_id = '{SECOND}'"
    last = looked(db, host, 4, 10, new, ended, said("10", "2026-03-22", "discount_percent", ("subscription", SECOND)))
    assert [entity for entity, _, _ in changed(db)] == ["history"]
    with db.transaction() as conn:
        assert changed_terms.changed(conn, "small", last) == []
        assert [row["value"] for row, _ in changed_terms.said(conn, "small", last, [SECOND])] == ["10"]
        assert load(conn, last, host.service()).seen.subscriptions == {}


def test_snapshots_from_before_are_held_against_each_other_by_the_migration(db: Database, host: SmallHost) -> None:
    gone = f"WHERE external_subscription_id = '{FIRST}'"
    for day, statements in (
        (1, [said("9.14", "2026-01-01")]),
        (2, [NEW_PRICE, said("12", "2026-03-02"), f"CREATE TABLE away AS SELECT * FROM subscriptions {gone}"]),
        (3, [f"DELETE FROM subscriptions {gone}"]),
        (4, [OLD_PRICE, "UPDATE plans SET name = 'Smaller' WHERE external_plan_id = 'l'"]),
        (5, ["INSERT INTO subscriptions TABLE away", "DELETE FROM history WHERE value = '12'"]),
    ):
        looked(db, host, 3, day, *statements)
    for number in (4, None, 2):
        host.remap("subscriptions", "instalments", None if number is None else f"{number}::integer")
        looked(db, host, 3, 10)
    rows = "SELECT * FROM changed_terms ORDER BY snapshot_id, entity, external_id"
    with db.transaction() as conn:
        noted = conn.execute(rows).fetchall()
        conn.execute("DROP TABLE changed_terms")
        conn.execute((MIGRATIONS / "versions/0019_changed_terms.sql").read_bytes())
        assert conn.execute(rows).fetchall() == noted
    kinds = ["history", "plans", "subscriptions", "plans", "history", "subscriptions"]
    assert [row[1] for row in noted] == [*kinds, *["subscriptions"] * 5]
