"""`fcb close` as an operator types it: what the source changed of closed months is named before it closes another."""

import os
from pathlib import Path

import pytest

from fcb_pipelines.cli.close import changed_since
from fcb_pipelines.cli.session import connections
from fcb_pipelines.domain.usage import PULLED
from fcb_pipelines.settings import load
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts.desk import Desk
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.source.small_host import SECOND, SmallHost


@pytest.fixture
def desk(fresh_database: str, store_database: str, tmp_path: Path) -> Desk:
    """March is closed with two events, and the source tells them otherwise since."""
    (tmp_path / "small").mkdir()
    desk = Desk(host=SmallHost(fresh_database, tmp_path / "small"), db=Database(store_database), feed=PULLED)
    desk.use("2026-03-21T00:00Z", "50", key="a")
    desk.use("2026-03-22T00:00Z", "7", key="b", subscription=SECOND)
    desk.close("2026-03")
    return desk


def change(desk: Desk) -> None:
    desk.host.run("UPDATE usage SET quantity = 40 WHERE source_event_id = 'a'", "DELETE FROM usage WHERE source_event_id = 'b'")
    desk.snapshot()
    desk.dual_run("2026-04")


def test_what_the_source_changed_of_closed_months_is_named_with_what_to_do(desk: Desk) -> None:
    change(desk)
    month, to_do = changed_since(desk.work("2026-04"))
    assert month == (
        "warning: 2026-03 is closed, and since the last closing the source tells it otherwise: "
        "+1 contradicting events, +1 events gone, cpu_seconds 17 less"
    )
    assert to_do.startswith("what to do about that, which no bill names again once 2026-04 is closed: ")
    assert "{" not in to_do


def test_where_the_source_changed_nothing_nothing_is_named(desk: Desk) -> None:
    desk.snapshot()
    desk.dual_run("2026-04")
    assert list(changed_since(desk.work("2026-04"))) == []


def test_a_month_that_was_never_rated_is_left_to_the_closing_to_refuse(desk: Desk) -> None:
    assert list(changed_since(desk.work("2026-05"))) == []


SMALL = """
[services.small]
mapping = "small"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
"""


def test_the_command_names_it_before_it_closes(desk: Desk, fcb: Fcb, monkeypatch: pytest.MonkeyPatch) -> None:
    change(desk)
    monkeypatch.delenv("FCB_SOURCE_SHOP_URL")
    monkeypatch.setenv("FCB_SOURCE_SMALL_URL", desk.host.url)
    Path("fcb.toml").write_text(SMALL)
    reached = connections(load(os.environ, folder=Path.cwd()))
    with desk.db.transaction() as conn:
        settings_hash = reached.period(reached.settings.service("small"), "2026-04").settings_hash
        conn.execute("UPDATE period_stage SET settings_hash = %s", [settings_hash])
    ended = fcb("close", "--period", "2026-04")
    assert ended.returncode == 1, "nobody answers at the address of Dagster's database here"
    named, _, refused = ended.stderr.splitlines()
    assert named.startswith("warning: 2026-03 is closed, and since the last closing the source tells it otherwise: +1")
    assert refused.startswith("fcb: Dagster's database cannot be reached")
