"""`fcb feeds` as an operator types it."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from fcb_pipelines.domain.usage import UsageEvent
from fcb_pipelines.store import pulled, pushed, snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.events import ensure_partitions
from fcb_pipelines.store.pushed import Pushed
from fcb_pipelines.store.series import Series, SeriesNumbers
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.store.readings import APRIL, NOW

START = datetime(2026, 4, 10, tzinfo=UTC)


@pytest.fixture
def told(store_database: str) -> None:
    """April of s-1 by both feeds, which tell its second event differently, and one that was pushed twice."""
    with Database(store_database).transaction() as conn:
        ensure_partitions(conn, [APRIL.key])
        reading = pulled.begin_reading(conn, "shop", {})
        snapshot_id = snapshots.open_snapshot(conn, "shop", NOW)
        events = [
            UsageEvent(
                service="shop",
                feed="pulled",
                external_subscription_id="s-1",
                metric="cpu_seconds",
                idempotency_key=f"source-{n}",
                quantity=Decimal(n),
                started_at=START + timedelta(minutes=n),
            )
            for n in (1, 2)
        ]
        pulled.stage(reading, APRIL, events)
        pulled.keep_reading(reading, APRIL, snapshot_id=snapshot_id, read_at=NOW, rejected=0, content_hash=b"")
        series = Series("shop", "pushed", "s-1", "cpu_seconds")
        number = SeriesNumbers({}).of(conn, [series])[series]
        sent = [("a", 1, 1), ("again", 1, 1), ("b", 2, 9)]
        pushed.keep(
            conn,
            [
                Pushed(number, key, APRIL.key, APRIL.key, Decimal(quantity), None, START + timedelta(minutes=n), None, b"")
                for key, n, quantity in sent
            ],
            NOW,
        )


@pytest.mark.usefixtures("told")
def test_differences_are_printed_and_answered_as_json(fcb: Fcb) -> None:
    shown = fcb("feeds", "--period", "2026-04")
    assert shown.returncode == 1, shown.stderr
    assert all(word in shown.stdout for word in ("twice pushed", "different", "source-2", "s-1", "-8"))
    assert shown.stderr == "the feeds differ on 1 of 1 subscriptions and metrics: 1 different, 1 twice pushed\n"
    answered = fcb("feeds", "--period", "2026-04", "--json")
    told = json.loads(answered.stdout)
    assert answered.returncode == 1
    assert (told["service"], told["period"], told["agrees"], told["differing"]) == ("shop", "2026-04", False, 1)
    assert told["kinds"] == [
        {"kind": "different", "events": 1, "pulled": "2", "pushed": "9"},
        {"kind": "twice pushed", "events": 1, "pulled": "0", "pushed": "1"},
    ]


@pytest.mark.usefixtures("told")
def test_one_subscription_is_told_by_itself(fcb: Fcb) -> None:
    shown = fcb("feeds", "--period", "2026-04", "--subscription", "s-1")
    assert (shown.returncode, shown.stderr) == (1, "2 differences in cpu_seconds\n")
    assert "again" in shown.stdout
    answered = fcb("feeds", "--period", "2026-04", "--subscription", "s-1", "--json")
    told = json.loads(answered.stdout)
    assert answered.returncode == 1
    assert [one["kind"] for one in told["differences"]] == ["twice pushed", "different"]
    nobody = fcb("feeds", "--period", "2026-04", "--subscription", "s-2")
    assert (nobody.returncode, nobody.stderr) == (2, "fcb: no feed of shop tells anything of subscription 's-2' in 2026-04\n")


def test_without_two_feeds_there_is_nothing_to_compare(fcb: Fcb) -> None:
    shown = fcb("feeds", "--period", "2026-04")
    assert (shown.returncode, shown.stdout) == (0, "")
    assert shown.stderr.startswith("not applicable: no feed tells anything")


@pytest.mark.usefixtures("told")
def test_feeds_that_agree_end_the_command_as_done(fcb: Fcb, store_database: str) -> None:
    with Database(store_database).transaction() as conn:
        conn.execute("UPDATE usage_event SET quantity = 2 WHERE idempotency_key = 'b'")
        conn.execute("DELETE FROM usage_event WHERE idempotency_key = 'again'")
    ended = [fcb("feeds", "--period", "2026-04", *more) for more in ([], ["--json"], ["--subscription", "s-1"])]
    assert [one.returncode for one in ended] == [0, 0, 0]
    assert ended[0].stderr == "both feeds tell the same of all 1 subscriptions and metrics\n"
    assert ended[2].stderr == "0 differences in cpu_seconds\n"
