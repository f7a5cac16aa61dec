"""What the suites are asked on, which rows nobody can use, and what becomes of a snapshot that is refused."""

from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts import quality
from fcb_pipelines.acts.source import take_snapshot
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


def suite_rows(db: Database, host: SmallHost, entity: str) -> list[dict[str, Any]]:
    with db.transaction() as conn:
        return quality.suite_rows(conn, host.service(), entity)


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
