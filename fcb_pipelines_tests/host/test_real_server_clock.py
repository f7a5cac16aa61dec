"""A host whose clock is ahead of our own server's: what is early is kept, told, and counted once when its time has come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_host.client import UsageClient
from fcb_host.settings import Key, Settings
from fcb_pipelines.acts.access import create_key
from fcb_pipelines.api.app import create_app
from fcb_pipelines.domain.access import Scope
from fcb_pipelines.settings import load
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.host.made import AT, Clock, at_once, event
from fcb_pipelines_tests.odoo.server import serving
from fcb_pipelines_tests.projects import write_project

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Both:
    """A host and our server; time goes on for both, and they do not agree on what it is."""

    host: UsageClient
    there: Clock
    here: Clock
    store: Database

    def pass_by(self, length: timedelta) -> None:
        """Let so much time pass and send what is due then."""
        for clock in (self.there, self.here):
            clock.seconds += length.total_seconds()
        self.host.flush(0.2, ignores_pause=True)

    def billed(self) -> Decimal:
        """The usage that counts."""
        with self.store.transaction() as conn:
            (row,) = conn.execute("SELECT coalesce(sum(quantity), 0) FROM usage_running").fetchall()
        return Decimal(row[0])


@pytest.fixture
def both(store_database: str, tmp_path: Path) -> Iterator[Both]:
    store, there, here = Database(store_database), Clock(), Clock()
    with store.transaction() as conn:
        snapshots.add_rows(conn, snapshots.open_snapshot(conn, "nexacloud", AT), "subscriptions", [("s-1", {})])
    scopes = frozenset({Scope.USAGE_WRITE})
    _, key = create_key(store, service="nexacloud", name="host", scopes=scopes, expires_at=None, actor="ada", now=AT)
    app = create_app(load({}, folder=write_project(tmp_path, "nexacloud")), store, lambda: datetime.fromtimestamp(there(), UTC))
    with serving(app) as url:
        given = Settings(is_enabled=True, url=url, key=Key(key.text), spool=tmp_path / "u.spool", sends_in_background=False)
        with UsageClient(given, clock=here, chance=at_once) as host:
            yield Both(host, there, here, store)


def test_ten_minutes_ahead_loses_nothing_and_what_was_taken_back_stays_so(both: Both) -> None:
    both.here.seconds += 600
    ahead = AT + 10 * MINUTE
    both.host.record_many([event("a", 2, started_at=ahead), event("b", 5, started_at=ahead), event("c", 7)])
    both.host.record(event("back", None, voids="b", started_at=None))
    both.pass_by(0 * MINUTE)
    assert both.billed() == 7
    status = both.host.status()
    assert (status.held, status.refused, {one.code for one in status.held_longest}) == (
        3,
        0,
        {"in_the_future", "nothing_to_void"},
    )
    assert status.held_longest[0].reason.endswith(f"it is {AT.isoformat()} here")
    for _ in range(15):
        both.pass_by(MINUTE)
    assert (both.host.status().queued, both.host.status().refused) == (0, 0)
    assert both.billed() == 9


def test_a_year_ahead_is_refused_after_a_week_with_the_time_it_is_there(both: Both) -> None:
    both.here.seconds += 400 * 86_400
    both.host.record(event("a", 2, started_at=AT + timedelta(days=400)))
    both.pass_by(0 * MINUTE)
    both.here.seconds -= 400 * 86_400
    both.pass_by(timedelta(days=7) - MINUTE)
    assert (both.host.status().held, both.host.status().refused) == (1, 0)
    both.pass_by(2 * MINUTE)
    both.pass_by(timedelta(days=7))
    (refused,) = both.host.refused()
    assert refused.code == "in_the_future"
    assert "in the future: it is 2026-05-" in refused.reason
    assert both.billed() == 0
