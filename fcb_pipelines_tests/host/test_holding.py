"""What the central side would not take yet: held, told, tried again, and refused in the end; and what a clock can do to it."""

import logging
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from fcb_host import schema
from fcb_host.client import UsageClient
from fcb_host.condition import MOST_HELD
from fcb_host.holding import HOLDS
from fcb_host.refusals import GivenUp
from fcb_pipelines.domain.intake import Code
from fcb_pipelines_tests.host.central import Central
from fcb_pipelines_tests.host.made import AT, Clock, client, event, settings

Served = tuple[Central, str]
DAY = 86_400.0
PATIENCE = {Code.UNKNOWN_SUBSCRIPTION: 30 * DAY, Code.IN_THE_FUTURE: 7 * DAY, Code.NOTHING_TO_VOID: DAY / 24}


def turn(host: UsageClient, clock: Clock, seconds: float = 0.0) -> None:
    """Let so much time pass and send what is due then."""
    clock.seconds += seconds
    host.flush(0.05)


def test_the_codes_that_are_held_are_codes_of_the_central_side() -> None:
    assert set(HOLDS) == set(PATIENCE)


@pytest.mark.parametrize("code", Code)
def test_what_may_pass_is_held_as_long_as_is_said_and_all_else_refused(code: Code, served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": code}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record_many([event("a"), event("b")])
        turn(host, clock)
        assert (host.status().held, host.status().refused) == ((1, 0) if code in PATIENCE else (0, 1))
        turn(host, clock, PATIENCE.get(code, 0.0) - 1)
        assert host.status().refused == (code not in PATIENCE)
        turn(host, clock, 3600.0)
        assert [(one.code, one.reason) for one in host.refused()] == [(code, "scripted (/events/0)")]
        assert host.status().queued == 0


@pytest.mark.parametrize("code", PATIENCE)
def test_what_is_held_is_stored_once_its_time_has_come(code: Code, served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": code}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record(event("a"))
        turn(host, clock)
        central.rejects = {}
        turn(host, clock, 31)
        assert (len(central.stored), host.status().held, host.status().held_longest) == (1, 0, ())


def test_the_status_says_what_is_held_since_when_why_and_until_when(
    served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    central, url = served
    central.unknown = {"new"}
    central.rejects = {"early": "in_the_future"}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host, caplog.at_level(logging.WARNING, "fcb_host"):
        host.record_many([event("a", subscription="new"), event("b", subscription="new")])
        turn(host, clock)
        host.record(event("early"))
        turn(host, clock, 5)
        status = host.status()
        first, second = status.held_longest
        assert (first.external_subscription_id, first.code, first.reason, first.events) == (
            "new",
            "unknown_subscription",
            "no such subscription",
            2,
        )
        assert (first.since, first.next_at) == (AT, AT + timedelta(seconds=30))
        assert (second.code, second.reason, second.since) == (
            "in_the_future",
            "scripted (/events/0)",
            AT + timedelta(seconds=5),
        )
        assert (status.held, status.held_subscriptions) == (3, 2)
        assert (status.last_error, status.last_error_at) == ("in_the_future: scripted (/events/0)", second.since)
        turn(host, clock, 30)
        assert host.status().held_longest[0].since == AT, "asked again it is held since the first answer"
    assert [record.getMessage() for record in caplog.records] == [
        "2 events are held and tried again later, first unknown_subscription: no such subscription",
        "1 event is held and tried again later, first in_the_future: scripted (/events/0)",
    ], "said once, not at each attempt"


def test_the_status_names_no_more_subscriptions_than_ten(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.unknown = {f"s{number}" for number in range(MOST_HELD + 3)}
    with client(tmp_path, url, clock=Clock()) as host:
        host.record_many(event("a", subscription=one) for one in central.unknown)
        assert not host.flush(0.1)
        status = host.status()
    assert (status.held, status.held_subscriptions, len(status.held_longest)) == (MOST_HELD + 3, MOST_HELD + 3, MOST_HELD)


def test_what_takes_back_an_event_waits_as_long_as_that_one_does(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"early": "in_the_future", "back": "nothing_to_void", "alone": "nothing_to_void"}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record_many(
            [
                event("early"),
                event("back", None, voids="early", started_at=None),
                event("alone", None, voids="gone", started_at=None),
            ]
        )
        turn(host, clock)
        turn(host, clock, DAY)
        assert ([one.event["idempotency_key"] for one in host.refused()], host.status().held) == (["alone"], 2)
        central.rejects = {}
        turn(host, clock, DAY)
        assert {key for _, _, key in central.stored} == {"early", "back"}


@pytest.mark.parametrize("voids", [{"x": "y", "y": "x"}, {"x": "y", "y": "z", "z": "x"}, {"x": "y", "y": "gone"}])
def test_voids_that_name_each_other_do_not_wait_for_each_other(voids: dict[str, str], served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = dict.fromkeys(voids, "nothing_to_void")
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record_many(event(key, None, voids=named, started_at=None) for key, named in voids.items())
        turn(host, clock)
        assert host.status().held == len(voids)
        turn(host, clock, 3600)
        assert (host.status().held, {one.code for one in host.refused()}) == (0, {"nothing_to_void"})
        assert host.status().refused == len(voids)


def test_answers_that_alternate_are_held_no_longer_than_the_first_that_is_over(
    served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    central, url = served
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host, caplog.at_level(logging.WARNING, "fcb_host"):
        host.record(event("a"))
        for day in range(8):
            assert host.status().refused == 0
            central.rejects = {"a": ("unknown_subscription", "in_the_future")[day % 2]}
            turn(host, clock, DAY)
        assert host.status().held_longest[0].since == AT + timedelta(days=2), "since its first answer with this code"
        central.rejects = {"a": "unknown_subscription"}
        turn(host, clock, DAY)
        assert host.status().held_longest[0].since == AT + timedelta(days=1)
        central.rejects = {"a": "in_the_future"}
        turn(host, clock, DAY)
        assert [one.code for one in host.refused()] == ["in_the_future"]
    assert len([record for record in caplog.records if "held" in record.getMessage()]) == 2, "said once for each code"


def test_another_answer_begins_another_wait(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.unknown = {"s-1"}
    central.rejects = {"a": "nothing_to_void"}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record(event("a"))
        turn(host, clock)
        central.unknown = set()
        turn(host, clock, 2 * DAY)
        (held,) = host.status().held_longest
        assert (held.code, held.since) == ("nothing_to_void", AT + timedelta(days=2))


def test_a_clock_that_was_ahead_and_is_set_back_holds_nothing_longer_than_is_said(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": "in_the_future"}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        clock.seconds += 400 * DAY
        host.record(event("a"))
        turn(host, clock)
        assert host.status().held == 1
        turn(host, clock, -400 * DAY)
        assert host.status().held_longest[0].since == AT
        turn(host, clock, 7 * DAY + 1)
        assert [one.code for one in host.refused()] == ["in_the_future"]


def first_version(path: Path) -> None:
    """A spool as the first version made it: one event waits, one is held."""
    with sqlite3.connect(path) as conn:
        conn.execute("BEGIN")
        schema.bring_up(conn)
        for held in (event("waits"), event("held")):
            sql = "INSERT INTO event (identity, body, recorded_at, due_at) VALUES (?, ?, ?, ?)"
            conn.execute(sql, (held.identity, held.body, Clock()() * 1000, Clock()() * 1000))
        conn.execute("UPDATE event SET attempts = 2 WHERE position = 2")
        conn.execute("DROP INDEX event_held")
        for name in ("held_code", "held_reason", "held_since", "held_of", "held_firsts", "may_be_stored"):
            conn.execute(f"ALTER TABLE event DROP COLUMN {name}")
        conn.execute("CREATE INDEX event_held ON event (position) WHERE attempts > 0")
        conn.execute("PRAGMA user_version = 1")


def test_a_spool_of_the_first_version_is_brought_up_with_all_that_waits(served: Served, tmp_path: Path) -> None:
    central, url = served
    path = settings(tmp_path).spool
    assert path is not None
    first_version(path)
    with client(tmp_path, url, clock=Clock()) as host:
        (held,) = host.status().held_longest
        assert (held.external_subscription_id, held.code, held.since) == ("s-1", "unknown_subscription", AT)
        assert host.give_up(held.code) == GivenUp(refused=0, left=1), "the first version did not keep what was not answered"
        assert host.flush(1)
    assert len(central.stored) == 2
