"""Imports and account links in the store."""

from datetime import timedelta

import pytest

from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.imports import Imported, ImportIssue, Outcome
from fcb_pipelines.domain.partners import AccountLink, LinkState
from fcb_pipelines.store import imports, partners
from fcb_pipelines.store.database import Connection, Database
from fcb_pipelines.store.imports import OdooRecord, exclusive_import
from fcb_pipelines_tests.conftest import NOW

LOCK_SESSION = """
    FROM pg_stat_activity WHERE datname = current_database() AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')
"""
LATER = NOW + timedelta(hours=1)
LINK = AccountLink(external_user_id="u1", state=LinkState.LINKED, odoo_id=5, candidates=(5,), reason="the only one")


@pytest.fixture
def db(store_database: str) -> Database:
    """The store, empty."""
    return Database(store_database)


def a_record(name: str, odoo_id: int, entity: Entity = Entity.PLAN) -> OdooRecord:
    xid = f"fcb.n_{entity}_{name}"
    return OdooRecord(external_id=xid, entity=entity, source_id=name, model="product.template", odoo_id=odoo_id)


def an_import(entity: Entity = Entity.PLAN, *, created: int = 0, issues: tuple[ImportIssue, ...] = ()) -> Imported:
    return Imported(
        entity=entity,
        created=created,
        changed=1,
        unchanged=2,
        skipped=3,
        failed=4,
        issues=issues,
        diff=(),
        missing_from_source=(),
    )


def a_snapshot(conn: Connection) -> int:
    columns = "service, taken_at, is_demo, content_hash"
    statement = f"INSERT INTO source_snapshot ({columns}) VALUES ('n', %s, false, '') RETURNING snapshot_id"
    row = conn.execute(statement, [NOW]).fetchone()
    assert row is not None
    return int(row[0])


def test_a_record_is_kept_once_where_it_was_last_seen(db: Database) -> None:
    with db.transaction() as conn:
        imports.put_records(conn, "n", [a_record("b", 1), a_record("a", 2), a_record("c", 3, Entity.USER)], NOW)
        imports.put_records(conn, "n", [a_record("b", 9)], LATER)
    with db.transaction() as conn:
        found = imports.records(conn, "n", Entity.PLAN)
        assert [(one.source_id, one.odoo_id) for one in found] == [("a", 2), ("b", 9)]
        assert imports.records(conn, "other", Entity.PLAN) == ()


def test_a_forgotten_record_is_gone_and_the_others_stay(db: Database) -> None:
    with db.transaction() as conn:
        imports.put_records(conn, "n", [a_record("a", 1), a_record("b", 2)], NOW)
        imports.forget_records(conn, ["fcb.n_plan_a", "fcb.n_plan_never"])
        assert [one.source_id for one in imports.records(conn, "n", Entity.PLAN)] == ["b"]


def test_the_latest_run_of_each_entity_counts(db: Database) -> None:
    with db.transaction() as conn:
        snapshot_id = a_snapshot(conn)
        imports.add_run(conn, "n", snapshot_id, an_import(created=7), NOW)
        last = imports.add_run(conn, "n", snapshot_id, an_import(created=0), LATER)
        imports.add_run(conn, "n", snapshot_id, an_import(Entity.USER, created=5), NOW)
        runs = imports.latest_runs(conn, "n")
    assert {entity: run.created for entity, run in runs.items()} == {Entity.PLAN: 0, Entity.USER: 5}
    plan = runs[Entity.PLAN]
    assert (plan.import_run_id, plan.snapshot_id, plan.ran_at) == (last, snapshot_id, LATER)
    assert (plan.changed, plan.unchanged, plan.skipped, plan.failed) == (1, 2, 3, 4)


def test_the_issues_of_a_run_come_back_failures_first(db: Database) -> None:
    given = (
        ImportIssue(external_id="b", outcome=Outcome.SKIPPED, reason="out\tof\nscope"),
        ImportIssue(external_id="é\\", outcome=Outcome.FAILED, reason="×"),
        ImportIssue(external_id="a", outcome=Outcome.FAILED, reason="bad"),
    )
    with db.transaction() as conn:
        run = imports.add_run(conn, "n", a_snapshot(conn), an_import(issues=given), NOW)
        assert imports.issues(conn, run) == (given[2], given[1], given[0])
        assert imports.issues(conn, run + 1) == ()


def test_one_import_of_a_service_at_a_time(db: Database) -> None:
    with exclusive_import(db, "n"):
        with exclusive_import(db, "other"):
            pass
        with pytest.raises(RuleViolation, match="another import of n is running right now"), exclusive_import(db, "n"):
            pass
    with exclusive_import(db, "n"):
        pass


def test_an_import_can_follow_another_at_once(db: Database) -> None:
    for _ in range(30):
        with exclusive_import(db, "n"):
            pass
    with pytest.raises(RuleViolation, match="what was wrong"), exclusive_import(db, "n"):
        raise RuleViolation("what was wrong")
    with exclusive_import(db, "n"):
        pass


def test_an_import_that_lost_the_connection_of_its_lock_still_ends_well(db: Database) -> None:
    with exclusive_import(db, "n"), db.transaction() as conn:
        conn.execute(f"SELECT pg_terminate_backend(pid) {LOCK_SESSION}")
    with exclusive_import(db, "n"):
        pass


def test_the_lock_of_an_import_holds_no_transaction_open(db: Database) -> None:
    with exclusive_import(db, "n"), db.transaction() as conn:
        row = conn.execute(f"SELECT state {LOCK_SESSION}").fetchone()
    assert row == ("idle",)


def test_a_link_comes_back_as_it_was_put(db: Database) -> None:
    unlinked = AccountLink(external_user_id="u2", state=LinkState.UNLINKED, reason="none")
    with db.transaction() as conn:
        partners.put_links(conn, "n", [LINK, unlinked], NOW)
        assert partners.links(conn, "n") == {"u1": LINK, "u2": unlinked}
        assert partners.links(conn, "other") == {}


def test_a_link_keeps_its_time_until_it_changes(db: Database) -> None:
    changed = AccountLink(external_user_id="u1", state=LinkState.AMBIGUOUS, candidates=(5, 6), reason="two")
    with db.transaction() as conn:
        for link, now, expected in [(LINK, NOW, NOW), (LINK, LATER, NOW), (changed, LATER, LATER)]:
            partners.put_links(conn, "n", [link], now)
            assert conn.execute("SELECT linked_at FROM account_link").fetchone() == (expected,)


def test_links_to_removed_partners_are_forgotten(db: Database) -> None:
    other = AccountLink(external_user_id="u2", state=LinkState.LINKED, odoo_id=6, reason="declared")
    with db.transaction() as conn:
        partners.put_links(conn, "n", [LINK, other], NOW)
        partners.forget_links(conn, "n", [5])
        assert list(partners.links(conn, "n")) == ["u2"]
