"""What a person gives up: only what is known not to be stored, because it may be recorded anew and must not count twice."""

from pathlib import Path

import pytest

from fcb_host import waiting
from fcb_host.client import UsageClient
from fcb_host.refusals import GivenUp
from fcb_host.waiting import Lease
from fcb_pipelines_tests.host.central import NOT_STORED, STORED_BUT, Central
from fcb_pipelines_tests.host.made import AT, NOWHERE, Clock, client, event, settings

Served = tuple[Central, str]
CODE = "in_the_future"
DAY = 86_400.0


def turn(host: UsageClient, clock: Clock, seconds: float = 0.0) -> None:
    """Let so much time pass and send what is due then."""
    clock.seconds += seconds
    host.flush(0.05)


def leased(host: UsageClient, clock: Clock) -> Lease:
    """What another process takes to send, and has for nine seconds."""
    now = round(clock() * 1000)
    assert host.spool is not None
    with host.spool.transaction() as conn:
        return waiting.lease(conn, token=f"at {now}", now=now, until=now + 9000, most=9, most_bytes=9000)


@pytest.mark.parametrize("fault", [*STORED_BUT, *NOT_STORED])
def test_what_may_be_stored_is_not_given_up_until_it_is_known(fault: str, served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": CODE}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record(event("a", 5))
        turn(host, clock)
        central.rejects = {}
        # Asked twice, so that the answer of one request does not hide the other's.
        central.script = [fault, "401"]
        central.retry_after = "60"
        turn(host, clock, 120)
        assert host.give_up(CODE) == GivenUp(refused=0, left=1)
        assert host.refused() == []
        turn(host, clock, 3600)
        turn(host, clock, 3600)
        assert (host.give_up(CODE), host.status().queued) == (GivenUp(refused=0, left=0), 0)
    assert central.total == 5


def test_what_was_not_answered_and_is_held_again_is_given_up_with_its_patience_kept(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": CODE}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record(event("a", 5))
        turn(host, clock)
        central.script = ["503"]
        central.retry_after = "60"
        turn(host, clock, 3 * DAY)
        assert (host.status().held_longest[0].since, host.give_up(CODE)) == (AT, GivenUp(refused=0, left=1))
        turn(host, clock, 60)
        assert (len(central.requests), host.status().held_longest[0].since) == (2, AT)
        assert host.give_up(CODE) == GivenUp(refused=1, left=0)
        host.drop([one.number for one in host.refused()])
        central.rejects = {}
        host.record(event("anew", 7))
        turn(host, clock)
    assert central.total == 7


def test_how_often_it_was_tried_is_kept_where_nobody_answers(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": CODE}
    clock = Clock()
    with UsageClient(settings(tmp_path, url), clock=clock, chance=lambda most: most) as host:
        host.record(event("a"))
        turn(host, clock)
        turn(host, clock, 60)
        central.script = ["503"]
        turn(host, clock, 120)
        turn(host, clock, 60)
        (held,) = host.status().held_longest
        assert (len(central.requests), held.next_at.timestamp() - clock()) == (3, 240)


def test_what_is_in_a_request_is_not_given_up_nor_what_was_when_its_process_was_killed(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": CODE}
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record(event("a"))
        turn(host, clock)
        clock.seconds += 60
        assert len(leased(host, clock).events) == 1
        assert host.give_up(CODE) == GivenUp(refused=0, left=1)
        clock.seconds += 10
        assert host.give_up(CODE) == GivenUp(refused=0, left=1), "the lease is over, and nobody told what was answered"
        turn(host, clock)
        assert host.give_up(CODE) == GivenUp(refused=1, left=0)


def test_an_answer_that_comes_after_its_lease_says_nothing_of_the_next_request(tmp_path: Path) -> None:
    clock = Clock()
    with client(tmp_path, NOWHERE, clock=clock) as host:
        host.record(event("a"))
        (first,) = leased(host, clock).events
        clock.seconds += 10
        (second,) = leased(host, clock).events
        now = round(clock() * 1000)
        assert host.spool is not None
        with host.spool.transaction() as conn:
            waiting.hold(conn, first, code=CODE, reason="", now=now, until=now + 1)
        assert host.give_up(CODE) == GivenUp(refused=0, left=1)
        clock.seconds += 10
        (third,) = leased(host, clock).events
        with host.spool.transaction() as conn:
            waiting.hold(conn, third, code=CODE, reason="", now=now, until=now + 1)
        assert host.give_up(CODE) == GivenUp(refused=1, left=0)
        assert second.position == third.position


def test_a_subscription_is_given_up_alone_and_says_what_of_it_was_left(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = dict.fromkeys("abc", CODE)
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record_many([event("a"), event("b"), event("c", subscription="s-2")])
        turn(host, clock)
        assert host.give_up(CODE, subscription="s-2") == GivenUp(refused=1, left=0)
        clock.seconds += 60
        assert len(leased(host, clock).events) == 2
        assert host.give_up(CODE, subscription="s-2") == GivenUp(refused=0, left=0)
        assert host.give_up("unknown_subscription") == GivenUp(refused=0, left=0)
        assert host.give_up(CODE) == GivenUp(refused=0, left=2)
