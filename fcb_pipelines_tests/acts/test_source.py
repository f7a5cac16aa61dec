from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from fcb_pipelines.acts.source import SnapshotTaken, load, take_snapshot
from fcb_pipelines.domain.errors import InvalidInput, RolledBack, RuleViolation
from fcb_pipelines.domain.invoices import LineKind
from fcb_pipelines.domain.period import Period
from fcb_pipelines.services import LineRuleSetting
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database, exclusive
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.source.small_host import FIRST, SECOND, TORONTO, SmallHost

NOW = datetime(2026, 5, 2, 16, tzinfo=UTC)


@pytest.fixture
def host(fresh_database: str, tmp_path: Path) -> SmallHost:
    return SmallHost(fresh_database, tmp_path)


@pytest.fixture
def db(store_database: str) -> Database:
    return KeptStore(store_database)


def taken(db: Database, host: SmallHost, only: Sequence[str] | None = None, **changes: object) -> SnapshotTaken:
    periods = None if only is None else [Period(key, TORONTO) for key in only]
    return take_snapshot(db, host.service(**changes), NOW, lambda _: None, only=periods)


def count(db: Database, table: str) -> int:
    with db.transaction() as conn:
        return int((conn.execute(f"SELECT count(*) FROM {table}").fetchone() or [0])[0])


def test_a_snapshot_holds_every_entity_and_the_usage_of_every_period(db: Database, host: SmallHost) -> None:
    told: list[str] = []
    done = take_snapshot(db, host.service(), NOW, told.append)
    assert done.rows == {"users": 2, "plans": 2, "subscriptions": 2, "invoices": 1, "evidence": 1}
    assert {period: header.events for period, header in done.usage.items()} == {"2026-03": 2, "2026-04": 2, "2026-05": 0}
    assert (done.issues, done.bad, done.unmapped) == (0, {}, ("history", "billing_state"))
    assert done.header.taken_at == NOW
    assert told[0] == "users: 2 rows"
    assert "usage 2026-04: 2 events (2 new)" in told
    with db.transaction() as conn:
        assert snapshots.latest_snapshot(conn, "small") == done.header
        assert snapshots.entity_counts(conn, done.snapshot_id) == done.rows


def test_the_same_source_has_the_same_hash_and_adds_no_event(db: Database, host: SmallHost) -> None:
    first = taken(db, host)
    for table in ("users", "usage", "plans", "subscriptions"):
        host.run(f"CREATE TABLE turned AS SELECT * FROM {table} ORDER BY ctid DESC", f"TRUNCATE {table}")
        host.run(f"INSERT INTO {table} TABLE turned", "DROP TABLE turned")
    second = taken(db, host)
    assert second.header.content_hash == first.header.content_hash
    assert second.snapshot_id > first.snapshot_id
    assert sum(header.new_events for header in second.usage.values()) == 0
    assert count(db, "usage_event") == 4
    assert second.disappeared == ()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE users SET name = 'Ada L.' WHERE external_user_id = 1",
        "UPDATE plans SET unit_price = 0.0076",
        "UPDATE invoices SET lines = '[]'",
        "UPDATE evidence SET reference = 'contract 8'",
        "UPDATE usage SET quantity = 8 WHERE source_event_id = 'e-7'",
        "UPDATE usage SET quantity = -1 WHERE source_event_id = 'e-7'",
        "DELETE FROM usage WHERE source_event_id = 'e-7'",
        "UPDATE users SET name = NULL WHERE external_user_id = 1",
    ],
)
def test_any_change_of_the_source_changes_the_hash(db: Database, host: SmallHost, change: str) -> None:
    before = taken(db, host)
    host.run(change)
    assert taken(db, host).header.content_hash != before.header.content_hash


def test_bad_rows_are_counted_and_kept_and_stop_nothing(db: Database, host: SmallHost) -> None:
    host.run(
        "INSERT INTO users (external_user_id) VALUES (3)",
        "INSERT INTO plans (external_plan_id) VALUES ('s')",
        f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', -1, '2026-04-05Z')",
        f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 1, '2026-04-06Z'), ('{FIRST}', 'cpu_seconds', 2, '2026-04-06Z')",
    )
    done = taken(db, host)
    assert done.bad == {"plans": 2, "usage": 3, "users": 1}
    assert done.issues == 6
    assert (done.rows["users"], done.rows["plans"], done.usage["2026-04"].rejected) == (2, 1, 3)
    with db.transaction() as conn:
        kept = snapshots.issues(conn, done.snapshot_id)
    assert sorted(issue.entity for issue in kept) == ["plans", "plans", "usage", "usage", "usage", "users"]


def test_a_snapshot_of_some_periods_leaves_the_others_alone(db: Database, host: SmallHost) -> None:
    taken(db, host)
    host.run(
        "DELETE FROM usage WHERE started_at < '2026-04-01Z'",
        f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', 1, '2026-04-05Z')",
    )
    done = taken(db, host, only=["2026-04"])
    assert done.usage.keys() == {"2026-04"}
    assert (done.usage["2026-04"].new_events, count(db, "usage_event")) == (1, 5)


def test_what_disappears_is_reported_and_stays_in_the_earlier_snapshot(db: Database, host: SmallHost) -> None:
    first = taken(db, host)
    host.run("DELETE FROM users WHERE external_user_id = 2", f"DELETE FROM usage WHERE external_subscription_id = '{SECOND}'")
    done = taken(db, host)
    assert [(one.entity, one.external_id) for one in done.disappeared] == [("users", "2")]
    assert done.usage["2026-04"].absent == 1
    with db.transaction() as conn:
        assert len(load(conn, first.snapshot_id, host.service()).users) == 2


def test_a_mapping_that_does_not_fit_keeps_nothing_and_says_all_at_once(db: Database, host: SmallHost) -> None:
    host.remap("invoices", "lines", None)
    host.run("ALTER TABLE invoices ALTER subtotal TYPE float8")
    host.remap("invoices", "lines", "'x'")
    with pytest.raises(InvalidInput) as refused:
        taken(db, host)
    assert "invoices.sql: column lines is text" in str(refused.value)
    assert "invoices.sql: column subtotal is double precision" in str(refused.value)
    assert count(db, "source_snapshot") == 0


def test_a_surplus_column_is_told_and_kept_out(db: Database, host: SmallHost) -> None:
    host.map("users", "SELECT *, 'x' AS password_hash FROM users")
    done = taken(db, host)
    assert done.warnings == ("users.sql: column password_hash is not a canonical column and is ignored",)
    with db.transaction() as conn:
        assert "password_hash" not in snapshots.entity_rows(conn, done.snapshot_id, "users")[0]


@pytest.mark.parametrize("when", ["users", "invoices", "usage 2026-03", "usage 2026-05"])
def test_a_run_that_dies_leaves_nothing_and_the_next_one_is_whole(db: Database, host: SmallHost, when: str) -> None:
    def die(line: str) -> None:
        if line.startswith(when):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_snapshot(db, host.service(), NOW, die)
    for table in ("source_snapshot", "source_record", "snapshot_record", "snapshot_usage", "usage_event", "source_issue"):
        assert count(db, table) == 0
    assert taken(db, host).usage["2026-03"].new_events == 2


def test_a_store_that_goes_away_leaves_nothing(db: Database, host: SmallHost) -> None:
    def cut(line: str) -> None:
        if line.startswith("usage 2026-04"):
            with psycopg.connect(db.url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'fcb'"
                )

    with pytest.raises(RolledBack, match="stopped answering"):
        take_snapshot(db, host.service(), NOW, cut)
    assert count(db, "source_snapshot") == 0
    assert count(db, "usage_event") == 0


def test_two_snapshots_of_one_service_exclude_each_other(db: Database, host: SmallHost) -> None:
    with db.transaction() as conn:
        exclusive(conn, "small", "snapshot")
        with pytest.raises(RuleViolation, match="another run is working on small/snapshot"):
            taken(db, host)


def test_a_snapshot_is_loaded_as_records(db: Database, host: SmallHost) -> None:
    service = host.service(line_rules=(LineRuleSetting(pattern="^small", kind=LineKind.PLAN),))
    done = taken(db, host)
    with db.transaction() as conn:
        records = load(conn, done.snapshot_id, service)
    assert [(user.external_user_id, user.state) for user in records.users] == [("1", "ON"), ("2", None)]
    assert [plan.currency for plan in records.plans] == ["CAD", "CAD"]
    assert [one.external_subscription_id for one in records.subscriptions] == [FIRST, SECOND]
    (invoice,) = records.invoices
    assert (invoice.external_subscription_id, invoice.lines[0].kind) == (None, LineKind.PLAN)
    assert records.evidence[0].data == {"price": "150.00"}
    assert (records.history, records.billing_states, records.bad) == ((), (), ())


def test_rows_that_the_domain_refuses_are_bad_beside_those_that_could_not_be_read(db: Database, host: SmallHost) -> None:
    host.run(
        "INSERT INTO users (external_user_id) VALUES (3)",
        "UPDATE subscriptions SET billing_interval = 'weekly' WHERE billing_interval = 'yearly'",
        f"INSERT INTO usage VALUES ('{FIRST}', 'cpu_seconds', -1, '2026-04-05Z')",
    )
    done = taken(db, host)
    with db.transaction() as conn:
        records = load(conn, done.snapshot_id, host.service())
    assert [one.external_subscription_id for one in records.subscriptions] == [FIRST]
    assert [(one.entity, one.external_id) for one in records.bad] == [("users", "3"), ("subscriptions", SECOND)]
    assert records.bad[1].row["external_user_id"] == "2"


def test_optional_entities_are_read_where_they_are_mapped(db: Database, host: SmallHost) -> None:
    host.map(
        "history",
        "SELECT 'subscription' AS subject_kind, 's' AS subject_id, 'plan' AS field, NULL AS value, now() AS valid_from",
    )
    host.map(
        "billing_state",
        "SELECT 's' AS external_subscription_id, 'stripe' AS biller, true AS auto_renew, NULL::timestamptz AS paid_through, "
        "NULL::timestamptz AS cancel_at, NULL AS provider_id",
    )
    done = taken(db, host)
    with db.transaction() as conn:
        records = load(conn, done.snapshot_id, host.service())
    assert done.unmapped == ()
    assert (records.history[0].field, records.billing_states[0].biller) == ("plan", "stripe")


def test_usage_before_the_first_period_in_scope_is_not_read(db: Database, host: SmallHost) -> None:
    done = taken(db, host, first_period="2026-04")
    assert done.usage.keys() == {"2026-04", "2026-05"}
    assert done.usage["2026-04"].quantities == {"cpu_seconds": Decimal(10)}
