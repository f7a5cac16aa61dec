"""The demo's own usage by both ways at once: pulled from its database, and pushed by what its host installs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from fcb_host.client import UsageClient
from fcb_host.reader import Reader
from fcb_host.settings import Key
from fcb_host.settings import Settings as HostSettings
from fcb_pipelines.acts.access import create_key
from fcb_pipelines.acts.feeds import compare_feeds
from fcb_pipelines.acts.source import take_snapshot
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.domain.feeds import Comparison, Kind
from fcb_pipelines.settings import Settings, load
from fcb_pipelines.source.demo.seed import seed
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acceptance.project import ROOT
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.odoo.server import serving

MONTHS = ("2026-03", "2026-04", "2026-05")
SINCE = datetime(2026, 3, 1, 5, tzinfo=UTC)
"""Midnight of the first month in Toronto."""


@pytest.fixture
def demo(fresh_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(fresh_database, autocommit=True) as conn:
        seed(conn)
        yield conn


@pytest.fixture
def settings(fresh_database: str, tmp_path: Path) -> Settings:
    given = {"FCB_CONFIG": str(ROOT / "fcb.toml"), "FCB_SOURCE_NEXACLOUD_URL": fresh_database}
    return load(given, folder=tmp_path)


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


@pytest.fixture
def host(db: Database, settings: Settings, tmp_path: Path) -> Iterator[UsageClient]:
    """What the host installs, with a key that may send what is older than a month."""
    scopes = frozenset({Scope.USAGE_WRITE, Scope.USAGE_BACKFILL})
    _, plain = create_key(db, service="nexacloud", name="host", scopes=scopes, expires_at=None, actor="ada", now=NOW)
    with serving(create_app(settings, db, lambda: NOW)) as url:
        client = UsageClient(
            HostSettings(
                is_enabled=True, url=url, key=Key(plain.text), spool=tmp_path / "usage.spool", sends_in_background=False
            )
        )
        yield client
        client.close()


def compared(db: Database, settings: Settings) -> list[Comparison]:
    service = settings.service("nexacloud")
    return [compare_feeds(db, service, service.period(month)) for month in MONTHS]


def test_both_ways_tell_the_same_of_the_demo_and_a_record_that_one_missed_is_found(
    demo: psycopg.Connection, db: Database, settings: Settings, host: UsageClient
) -> None:
    service = settings.service("nexacloud")
    take_snapshot(db, service, NOW, lambda _: None)
    Reader(client=host, zone=UTC).read(demo, SINCE, now=NOW)
    assert host.flush(60)
    found = compared(db, settings)
    assert [(one.is_applicable, one.agrees) for one in found] == [(True, True)] * 3, [one.sentence for one in found]
    assert all(pulled == pushed > 0 for one in found for pulled, pushed in one.metrics.values())

    # Later than the host's reader looks back.
    demo.execute("INSERT INTO usage_records VALUES ('SUB-1001', '2026-04-10 12:34', '2026-04-10 13:34', 2.5)")
    take_snapshot(db, service, NOW, lambda _: None)
    Reader(client=host, zone=UTC).read(demo, SINCE, now=NOW)
    assert host.flush(60)
    march, april, may = compared(db, settings)
    assert (march.agrees, may.agrees) == (True, True)
    (missed,) = april.first
    assert (missed.external_subscription_id, missed.finding.kind) == ("SUB-1001", Kind.ONLY_PULLED)
    assert missed.finding.pulled is not None
    assert missed.finding.pulled.quantity == Decimal(9000)
