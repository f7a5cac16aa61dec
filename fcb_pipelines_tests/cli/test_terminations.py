"""`fcb terminations` as an operator types it: what was said wrongly is put right, with a name and a reason."""

import json
import os
import pwd
from datetime import UTC, datetime, timedelta

import pytest

from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.acts.terminations import Said, terminate
from fcb_pipelines.store import snapshots
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Fcb

NOW = datetime.now(UTC).replace(microsecond=0)
SAID, TRUE = NOW - timedelta(days=2), NOW - timedelta(days=3)


@pytest.fixture
def ended(store_database: str) -> Database:
    """A store in which a host said that S-1 ended, and S-2."""
    db = Database(store_database)
    with db.transaction() as conn:
        snapshot_id = snapshots.open_snapshot(conn, "shop", NOW)
        snapshots.add_rows(conn, snapshot_id, "subscriptions", [(each, {"id": each}) for each in ("S-1", "S-2", "S-3")])
        for each in ("S-1", "S-2"):
            said = Said(service="shop", external_subscription_id=each, ended_at=SAID, reason="moved", key_id="k_1", at=NOW)
            terminate(conn, said)
    return db


def listed(fcb: Fcb) -> dict[str, list[dict[str, object]]]:
    done = fcb("terminations", "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return found


def test_a_wrong_end_is_put_right_and_the_record_keeps_both(fcb: Fcb, ended: Database) -> None:
    done = fcb("terminations", "correct", "S-1", "--ended-at", TRUE.isoformat(), "--reason", "typed the wrong day")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"S-1 of shop ended at {TRUE.isoformat()}, no longer at {SAID.isoformat()}" in done.stderr
    assert fcb("terminations", "withdraw", "S-2", "--reason", "S-3 was meant").returncode == 0
    found = listed(fcb)
    (standing,) = found["terminations"]
    assert (standing["external_subscription_id"], standing["ended_at"], standing["reason"], standing["key_id"]) == (
        "S-1",
        TRUE.isoformat(),
        "moved",
        "k_1",
    )
    corrected, withdrawn = found["corrections"]
    me = pwd.getpwuid(os.getuid()).pw_name
    assert {name: corrected[name] for name in ("actor", "act", "ended_at", "ended_at_before", "reason")} == {
        "actor": me,
        "act": "termination_corrected",
        "ended_at": TRUE.isoformat(),
        "ended_at_before": SAID.isoformat(),
        "reason": "typed the wrong day",
    }
    assert {name: withdrawn[name] for name in ("actor", "act", "ended_at", "key_id", "reason", "reason_before")} == {
        "actor": me,
        "act": "termination_withdrawn",
        "ended_at": SAID.isoformat(),
        "key_id": "k_1",
        "reason": "S-3 was meant",
        "reason_before": "moved",
    }
    shown = fcb("terminations", "list").stdout
    assert all(each in shown for each in ("S-1", "typed the wrong day", "S-3 was meant", "withdrawn", me))
    assert [each.broken for each in verify_logs(ended)] == [None, None]


def test_wrong_use_says_what_to_do_and_changes_nothing(fcb: Fcb, ended: Database) -> None:
    before = listed(fcb)
    day = TRUE.date().isoformat()
    for args, code, said in (
        (("correct", "S-3", "--ended-at", TRUE.isoformat(), "--reason", "x"), 2, "nobody said that S-3 of shop has ended"),
        (("correct", "S-1", "--ended-at", day, "--reason", "x"), 2, "--ended-at must be a time with its zone"),
        (("correct", "S-1", "--ended-at", SAID.isoformat(), "--reason", "x"), 2, "at that time already"),
        (("correct", "S-1", "--ended-at", "2198-01-01T00:00:00Z", "--reason", "x"), 2, "lies ahead"),
        (("correct", "S-1", "--ended-at", TRUE.isoformat()), 2, "--reason"),
        (("correct", "S-1", "--ended-at", TRUE.isoformat(), "--reason", " "), 2, "say why with --reason"),
        (("withdraw", "S-3", "--reason", "x"), 2, "nobody said that S-3 of shop has ended"),
        (("withdraw", "S-1", "--reason", "x", "--service", "nobody"), 2, "nobody"),
    ):
        done = fcb("terminations", *args)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert said in done.stderr, done.stderr
    assert listed(fcb) == before
    assert ended is not None


def test_where_nobody_said_anything_it_says_so(fcb: Fcb) -> None:
    done = fcb("terminations", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no host said that a subscription of shop has ended" in done.stderr
    assert listed(fcb) == {"terminations": [], "corrections": []}
