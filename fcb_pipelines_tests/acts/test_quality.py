"""What the suites are asked on, which rows nobody can use, and what becomes of a snapshot that is refused."""

from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts import quality
from fcb_pipelines.acts.period import PeriodWork
from fcb_pipelines.acts.source import last_records, last_snapshot, take_snapshot
from fcb_pipelines.acts.usage import usage_totals
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.tax import TaxTable
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import SmallHost


@pytest.fixture
def host(fresh_database: str, tmp_path: Path) -> SmallHost:
    return SmallHost(fresh_database, tmp_path)


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def snapshot(db: Database, host: SmallHost) -> int:
    return take_snapshot(db, host.service(), NOW, lambda _: None).snapshot_id


def work(db: Database, host: SmallHost) -> PeriodWork:
    service = host.service()
    period = service.period("2026-04")
    return PeriodWork(db=db, service=service, period=period, taxes=TaxTable(rates=()), settings_hash="h", now=NOW)


def suite_rows(db: Database, host: SmallHost, entity: str) -> list[dict[str, Any]]:
    with db.transaction() as conn:
        return quality.suite_rows(conn, host.service(), entity)


def test_nothing_is_built_on_a_snapshot_that_was_refused_nor_on_an_older_one(db: Database, host: SmallHost) -> None:
    snapshot(db, host)
    refused = snapshot(db, host)
    for reason in ("users: none", "plans: none", "users: none"):
        quality.refuse_snapshot(db, refused, reason)
    said = f"snapshot {refused} of small cannot be built on: users: none; plans: none. .* fcb import --service small"
    with db.transaction() as conn, pytest.raises(RuleViolation, match=said):
        last_snapshot(conn, host.service())
    with pytest.raises(RuleViolation, match=said):
        last_records(db, host.service())
    for given in (None, refused):
        with pytest.raises(RuleViolation, match=said):
            usage_totals(work(db, host), given)


def test_a_snapshot_that_was_refused_is_still_judged_and_compared_with(db: Database, host: SmallHost) -> None:
    refused = snapshot(db, host)
    quality.refuse_snapshot(db, refused, "users: none")
    assert len(suite_rows(db, host, "users")) == 2
    with db.transaction() as conn:
        assert quality.bad_rows(conn, host.service(), "users") == []
        assert str(refused) in quality.usage_query(conn, host.service())
    host.run("DELETE FROM users WHERE external_user_id = 2")
    taken = take_snapshot(db, host.service(), NOW, lambda _: None)
    assert [one.external_id for one in taken.disappeared] == ["2"]
    assert usage_totals(work(db, host)).snapshot_id == taken.snapshot_id


@pytest.mark.parametrize(
    ("change", "place", "read"),
    [
        ("UPDATE plans SET currency = ' cad '", ("plans", "currency"), "CAD"),
        ("UPDATE plans SET currency = ' '", ("plans", "currency"), "CAD"),
        ("UPDATE plans SET currency = NULL", ("plans", "currency"), "CAD"),
        ("UPDATE subscriptions SET billing_interval = ' Monthly'", ("subscriptions", "billing_interval"), "monthly"),
        ("UPDATE subscriptions SET billing_interval = NULL", ("subscriptions", "billing_interval"), ""),
        ("UPDATE invoices SET status = 'PAID '", ("invoices", "status"), "paid"),
        ("UPDATE invoices SET currency = 'cad'", ("invoices", "currency"), "CAD"),
        ("UPDATE users SET email = ' ada@example.org '", ("users", "email"), "ada@example.org"),
        ("UPDATE users SET email = ' '", ("users", "email"), None),
    ],
)
def test_suites_are_asked_on_values_as_the_domain_reads_them(
    db: Database, host: SmallHost, change: str, place: tuple[str, str], read: str | None
) -> None:
    entity, column = place
    host.run(change)
    snapshot(db, host)
    assert {row[column] for row in suite_rows(db, host, entity)} == {read}
