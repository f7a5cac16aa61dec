"""`fcb retention` as an operator types it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fcb_pipelines.store import pushed
from fcb_pipelines.store.closings import Closing, close
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.events import ensure_partitions
from fcb_pipelines.store.pushed import Pushed
from fcb_pipelines.store.series import Series, SeriesNumbers
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.conftest import NOW


@pytest.fixture
def two_old_months(store_database: str, tmp_path: Path) -> Database:
    """January and February of 2025 with an event each; January is closed. Events are kept for a year."""
    (tmp_path / "fcb.toml").write_text("usage_retention_months = 12\n" + (tmp_path / "fcb.toml").read_text())
    db = Database(store_database)
    with db.transaction() as conn:
        ensure_partitions(conn, ["2025-01", "2025-02"])
        series = Series("shop", "pushed", "s-1", "cpu_seconds")
        number = SeriesNumbers({}).of(conn, [series])[series]
        events = [
            Pushed(number, key, key, key, Decimal(1), None, datetime(2025, int(key[-1]), 9, tzinfo=UTC), None, b"")
            for key in ("2025-01", "2025-02")
        ]
        pushed.keep(conn, events, NOW)
        close(
            conn,
            Closing(
                service="shop",
                period="2025-01",
                closed_at=NOW,
                closed_by="ada",
                snapshot_id=1,
                usage_hash="",
                billed_feed="pulled",
            ),
        )
    return db


def events(db: Database) -> list[str]:
    with db.transaction() as conn:
        return [row[0] for row in conn.execute("SELECT period FROM usage_event ORDER BY 1")]


def test_without_a_setting_everything_is_kept_for_ever(fcb: Fcb) -> None:
    done = fcb("retention")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "every usage event is kept for ever: fcb.toml has no usage_retention_months\n"
    assert json.loads(fcb("retention", "--json").stdout)["usage_retention_months"] is None


def test_it_lists_drops_and_says_which_month_stays(fcb: Fcb, two_old_months: Database) -> None:
    listed = fcb("retention", "--dry-run", "--json")
    assert listed.returncode == 1, "one of them cannot go"
    assert [
        (one["period"], one["events"], one["dropped"], one["waits_for"]) for one in json.loads(listed.stdout)["months"]
    ] == [
        ("2025-01", 1, False, []),
        ("2025-02", 1, False, ["shop 2025-02"]),
    ]
    assert events(two_old_months) == ["2025-01", "2025-02"]
    assert "would be dropped" in fcb("retention", "--dry-run").stdout
    done = fcb("retention")
    assert done.returncode == 1
    assert all(word in done.stdout for word in ("2025-01", "dropped", "2025-02", "not closed: shop 2025-02"))
    assert events(two_old_months) == ["2025-02"]


def test_nothing_is_old_in_an_empty_store(fcb: Fcb, tmp_path: Path) -> None:
    (tmp_path / "fcb.toml").write_text("usage_retention_months = 3\n" + (tmp_path / "fcb.toml").read_text())
    assert fcb("retention").stderr == "nothing is older than 3 months\n"


def test_less_than_three_months_is_refused(fcb: Fcb, tmp_path: Path) -> None:
    (tmp_path / "fcb.toml").write_text("usage_retention_months = 2\n" + (tmp_path / "fcb.toml").read_text())
    done = fcb("retention")
    assert done.returncode == 2
    assert "usage_retention_months: Input should be greater than or equal to 3" in done.stderr
