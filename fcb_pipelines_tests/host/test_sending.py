"""What follows from each answer: stored once, held, refused, tried again; and never lost."""

import logging
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from fcb_host.client import UsageClient
from fcb_host.refusals import RefusedEvent
from fcb_pipelines_tests.host.central import KEY, NOT_STORED, STORED_BUT, Central
from fcb_pipelines_tests.host.made import NOWHERE, Clock, at_once, client, event, settings

Served = tuple[Central, str]
SECOND = timedelta(seconds=1)
REFUSED = (
    f"{NOWHERE} cannot be reached (Connection refused): "
    "check FCB_HOST_URL, that the central side runs and that the network lets this machine there"
)


def flushed(host: UsageClient) -> bool:
    return host.flush(2, ignores_pause=True)


def test_totals_are_exact_over_any_faults(served: Served) -> None:
    central, url = served
    batches = st.lists(st.lists(st.decimals(0, 10**6, places=6), min_size=1, max_size=30), min_size=1, max_size=4)

    @rules(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(batches=batches, faults=st.lists(st.sampled_from((*STORED_BUT, *NOT_STORED, "")), max_size=6))
    def holds(batches: list[list[Decimal]], faults: list[str]) -> None:
        central.forget()
        central.script.extend(faults)
        with tempfile.TemporaryDirectory() as folder, client(Path(folder), url, batch_events=10) as host:
            for number, batch in enumerate(batches):
                host.record_many(event(f"{number}/{at}", quantity) for at, quantity in enumerate(batch))
                flushed(host)
            assert any(flushed(host) for _ in range(len(faults) + 1))
            assert host.status().refused == 0
        assert len(central.stored) == sum(map(len, batches))
        assert central.total == sum((quantity for batch in batches for quantity in batch), Decimal(0))

    holds()


@pytest.mark.parametrize("fault", [*STORED_BUT, *NOT_STORED])
def test_an_answer_that_says_nothing_of_the_events_keeps_them(fault: str, served: Served, tmp_path: Path) -> None:
    central, url = served
    central.script.append(fault)
    with client(tmp_path, url, clock=Clock()) as host:
        host.record(event("a"))
        # With chance at 0 a refused key still waits half a minute; the others are tried again within the flush.
        assert host.flush(0.5) == (fault != "401")
        status = host.status()
        assert (status.queued, status.refused) == (int(fault == "401"), 0)
        assert status.last_error is not None
        assert KEY not in status.last_error
    assert len(central.stored) == (fault != "401")


def test_nobody_there_keeps_events_and_pauses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with client(tmp_path) as host:
        host.record(event("a"))
        assert not host.flush(0.2)
        assert host.status().queued == 1
        assert host.status().last_error == REFUSED
        assert host.status().in_flight == 0
    assert f"nothing was sent ({REFUSED})" in caplog.text


@pytest.mark.parametrize(("asked", "waits"), [("7", 7), ("99999999", 3600), ("-1", 0), ("soon", 0), ("1e9", 0)])
def test_retry_after_is_honoured_within_bounds(asked: str, waits: int, served: Served, tmp_path: Path) -> None:
    central, url = served
    central.script.append("429")
    central.retry_after = asked
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host:
        host.record(event("a"))
        host.flush(0.2)
        paused_until = host.status().paused_until
        assert paused_until == (datetime.fromtimestamp(clock(), UTC) + waits * SECOND if waits else None)
        clock.seconds += waits
        assert host.flush(1)


def test_a_refused_key_stops_everything_and_says_so_once(
    served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    central, url = served
    central.script.extend(["401", "401"])
    clock = Clock()
    with client(tmp_path, url, clock=clock) as host, caplog.at_level(logging.ERROR, "fcb_host"):
        host.record_many(event(str(number)) for number in range(5))
        for _ in range(10):
            assert not host.flush(0.05)
        assert len(caplog.records) == 1
        assert len(central.script) == 1
        clock.seconds += 31
        host.flush(0.05)
        assert len(caplog.records) == 2
        clock.seconds += 31
        assert host.flush(1)
    assert len(central.stored) == 5


def test_a_batch_refused_as_a_whole_is_halved_down_to_the_culprit(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.poison = {"13", "77"}
    with client(tmp_path, url) as host:
        host.record_many(event(str(number)) for number in range(100))
        assert flushed(host)
        assert {(one.event["idempotency_key"], one.code) for one in host.refused()} == {("13", "http_422"), ("77", "http_422")}
    assert len(central.stored) == 98


def test_an_unknown_subscription_is_waited_for_and_then_refused(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.unknown = {"new", "never"}
    clock = Clock()
    with client(tmp_path, url, clock=clock, unknown_subscription_days=3) as host:
        host.record_many([event("a", subscription="new"), event("b", subscription="never"), event("c")])
        assert not host.flush(0.2)
        assert (host.status().held, host.status().queued, len(central.requests)) == (2, 2, 1)
        central.unknown = {"never"}
        clock.seconds += 31
        host.flush(0.2)
        assert (host.status().held, len(central.stored)) == (1, 2)
        clock.seconds += 3 * 86_400
        assert host.flush(0.2)
        (refused,) = host.refused()
        assert (refused.code, refused.event["external_subscription_id"]) == ("unknown_subscription", "never")


def test_what_is_refused_is_kept_told_retried_and_dropped(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": "unknown_metric", "b": "too_old"}
    told: list[RefusedEvent] = []

    def tell(one: RefusedEvent) -> None:
        told.append(one)
        raise RuntimeError("the host's own mistake")

    with client(tmp_path, url, on_refused=tell) as host:
        host.record_many([event("a"), event("b"), event("c")])
        assert flushed(host)
        assert [(one.code, one.reason) for one in host.refused()] == [
            ("unknown_metric", "scripted (/events/0)"),
            ("too_old", "scripted (/events/0)"),
        ]
        assert told == host.refused()
        host.record(event("a"))
        assert host.status().queued == 0, "the same content waits for a person already"
    with client(tmp_path, url) as host:
        central.rejects = {}
        first, second = host.refused()
        assert (host.retry([first.number]), host.drop([second.number]), host.drop([999])) == (1, 1, 0)
        assert flushed(host)
        assert host.status().refused == 0
    assert {key for _, _, key in central.stored} == {"a", "c"}


def test_other_content_centrally_is_a_conflict_for_a_person(served: Served, tmp_path: Path) -> None:
    central, url = served
    with client(tmp_path, url) as host:
        host.record(event("a", 1))
        assert flushed(host)
        host.record(event("a", 2))
        assert flushed(host)
        assert [(one.code, one.event["quantity"]) for one in host.refused()] == [("conflict", "2")]
    assert central.total == 1


def test_batches_stay_within_events_and_bytes(served: Served, tmp_path: Path) -> None:
    central, url = served
    long = "é" * 250
    with client(tmp_path, url) as host:
        host.record_many(event(f"{number}", subscription=long) for number in range(2500))
        host.record_many(event(f"{long}{number:04}", subscription=long) for number in range(2200))
        assert host.flush(10)
        assert host.status().refused == 0
    assert len(central.stored) == 4700
    assert max(central.requests) == 1000
    assert max(central.sizes) <= 1_000_000


def test_a_server_that_drips_is_cut_off(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def drip() -> None:
            connected, _ = listening.accept()
            with connected:
                while not stop.wait(0.02):
                    try:
                        connected.sendall(b"H")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        with client(tmp_path, f"http://127.0.0.1:{listening.getsockname()[1]}", total_seconds=0.3, read_seconds=5) as host:
            host.record(event("a"))
            started = time.monotonic()
            host.flush(0.1)
            assert time.monotonic() - started < 2
            assert host.status().queued == 1
        stop.set()
        dripping.join()


def test_the_thread_sends_one_request_at_a_time_and_goes_on_after_an_outage(served: Served, tmp_path: Path) -> None:
    central, url = served
    central.slow_seconds = 0.01
    central.script.extend(["503", "garbage"])
    host = UsageClient(settings(tmp_path, url, sends_in_background=True, batch_events=20), chance=at_once)
    for number in range(100):
        host.record(event(str(number)))
    deadline = time.monotonic() + 5
    while host.status().queued and time.monotonic() < deadline:
        host.flush(0.01)
    host.close()
    assert len(central.stored) == 100
    assert central.most_at_once == 1
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fcb_host")]


@pytest.mark.parametrize("level", [logging.DEBUG])
def test_the_key_is_nowhere(level: int, served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    central, url = served
    central.script.extend(["401", "garbage"])
    caplog.set_level(level)
    with client(tmp_path, url) as host:
        host.record(event("a"))
        flushed(host)
        flushed(host)
        flushed(host)
        shown: tuple[Any, ...] = (host, host.status(), settings(tmp_path), vars(host), host.spool)
        assert len(central.stored) == 1
    assert KEY not in caplog.text + repr(shown)
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
