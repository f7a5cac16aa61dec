"""What `record` promises: on the disk when it returns, once, whatever happens to the process; and nothing at all when off."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from fcb_host.client import UsageClient
from fcb_host.errors import IdempotencyConflict, SpoolFull, SpoolUnavailable
from fcb_host.settings import from_environment
from fcb_pipelines_tests.host.central import KEY, Central
from fcb_pipelines_tests.host.made import NOWHERE, Clock, client, event

ROUNDS = 3
RECORDS = """
    import sys
    from fcb_host.client import UsageClient
    from fcb_pipelines_tests.host.made import event
    client = UsageClient()
    for number in range(int(sys.argv[2])):
        client.record(event(f"{sys.argv[1]}/{number}"))
        print(number, flush=True)
"""


def recording(tmp_path: Path, url: str, name: str, count: int, *, background: str) -> subprocess.Popen[str]:
    variables = {
        "FCB_HOST_ENABLED": "on",
        "FCB_HOST_URL": url,
        "FCB_HOST_KEY": KEY,
        "FCB_HOST_SPOOL": str(tmp_path / "usage.spool"),
        "FCB_HOST_BACKGROUND": background,
    }
    program = [sys.executable, "-c", textwrap.dedent(RECORDS), name, str(count)]
    return subprocess.Popen(program, env=os.environ | variables, stdout=subprocess.PIPE, text=True)


def test_what_returned_is_there_after_kill_9(served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    chance = random.Random(4)  # noqa: S311 (no secret hangs on it)
    promised: set[str] = set()
    for number in range(ROUNDS):
        process = recording(tmp_path, url, f"r{number}", 100_000, background="on")
        with process:
            assert process.stdout is not None
            promised.add(f"r{number}/{process.stdout.readline().strip()}")
            time.sleep(chance.uniform(0.0, 0.3))
            process.send_signal(signal.SIGKILL)
            promised.update(f"r{number}/{line.strip()}" for line in process.stdout if line.endswith("\n"))
    clock = Clock()
    clock.seconds = time.time() + 300  # the leases of the killed are over
    with client(tmp_path, url, clock=clock) as host:
        assert host.flush(10, ignores_pause=True)
        assert host.status().refused == 0
    keys = [key for _, _, key in central.stored]
    assert promised <= set(keys)
    assert central.total == len(keys)
    assert len(keys) - len(promised) <= ROUNDS, "at most the one whose record was running"


def test_processes_share_a_spool_and_send_each_event_once(served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    both = [recording(tmp_path, url, name, 150, background="on") for name in ("one", "other")]
    for process in both:
        with process:
            assert process.stdout is not None
            assert len(process.stdout.readlines()) == 150
        assert process.returncode == 0
    clock = Clock()
    clock.seconds = time.time() + 300
    with client(tmp_path, url, clock=clock) as host:
        assert host.flush(5)
    assert {key for _, _, key in central.stored} == {f"{name}/{number}" for name in ("one", "other") for number in range(150)}
    # A process that ended in the middle of a request leaves its lease, and that alone is sent again, however much was in it.
    assert sum(central.requests) - 300 <= sum(sorted(central.requests)[-2:])


def test_two_senders_never_lease_the_same(served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    central.slow_seconds = 0.01
    with client(tmp_path, url, batch_events=10) as one, client(tmp_path, url, batch_events=10) as other:
        one.record_many(event(str(number)) for number in range(200))
        threads = [threading.Thread(target=host.flush, args=(5,)) for host in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(central.requests) == len(central.stored) == 200
    assert central.most_at_once == 2


def test_a_forked_child_records_and_sends_on_its_own(served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    with client(tmp_path, url) as host:
        host.record(event("parent"))
        child = os.fork()
        if child == 0:
            host.record(event("child"))
            os._exit(0 if host.flush(5) else 1)
        assert os.waitpid(child, 0)[1] == 0
        host.record(event("after"))
        assert host.flush(5)
    assert {key for _, _, key in central.stored} == {"parent", "child", "after"}


def test_a_child_forked_while_a_thread_writes_is_not_locked_out(tmp_path: Path) -> None:
    with client(tmp_path) as host:
        host.record(event("parent"))
        within, spool = threading.Event(), host.spool
        assert spool is not None

        def busy() -> None:
            with spool.transaction():
                within.set()
                time.sleep(0.2)

        writing = threading.Thread(target=busy)
        writing.start()
        within.wait()
        child = os.fork()
        if child == 0:
            host.record(event("child"))
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        writing.join()
        assert host.status().queued == 2


def test_the_same_content_is_one_row_and_other_content_is_refused_at_once(tmp_path: Path) -> None:
    with client(tmp_path) as host:
        host.record_many([event("a", "1.50"), event("a", "1.5")])
        host.record(event("a", "1.500"))
        assert host.status().queued == 1
        with pytest.raises(IdempotencyConflict, match="'a'"):
            host.record_many([event("b"), event("a", 2)])
        assert host.status().queued == 1, "all or nothing"
        host.record(event("a", subscription="another"))
        assert host.status().queued == 2


def test_a_full_spool_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    with client(tmp_path, max_events=3) as host:
        host.record_many([event("a"), event("b")])
        with pytest.raises(SpoolFull):
            host.record_many([event("c"), event("d")])
        host.record(event("c"))
        host.record(event("a"))
        with pytest.raises(SpoolFull):
            host.record(event("d"))
        assert host.status().queued == 3


def test_the_figures_are_those_of_the_rows(tmp_path: Path) -> None:
    clock = Clock()
    with client(tmp_path, clock=clock) as host:
        host.record_many(event(str(number)) for number in range(7))
        clock.seconds += 60
        assert (host.status().queued, host.status().oldest_age_seconds) == (7, 60)


def test_a_clock_that_was_set_back_holds_nothing_for_ever(served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    clock = Clock()
    clock.seconds += 10 * 365 * 86_400
    with client(tmp_path, clock=clock) as host:
        host.record(event("a"))
        host.flush(0.05)
    with client(tmp_path, url, clock=Clock()) as host:
        assert host.flush(1)
    assert len(central.stored) == 1


def test_the_spool_is_its_owners_alone_and_durable(tmp_path: Path) -> None:
    with client(tmp_path) as host:
        host.record(event("a"))
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert modes == {0o600}
        assert host.spool is not None
        with host.spool.reading() as conn:
            assert conn.execute("PRAGMA synchronous").fetchone() == (2,)
            assert conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_spool_that_cannot_be_used_is_an_error_of_ours(tmp_path: Path) -> None:
    with client(tmp_path / "missing") as host, pytest.raises(SpoolUnavailable, match="cannot be opened"):
        host.record(event("a"))
    (tmp_path / "usage.spool").write_bytes(b"something else" * 1000)
    with client(tmp_path) as host, pytest.raises(SpoolUnavailable):
        host.record(event("a"))
    (tmp_path / "usage.spool").unlink()
    conn = sqlite3.connect(tmp_path / "usage.spool")
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    with client(tmp_path) as host, pytest.raises(SpoolUnavailable, match="later version"):
        host.record(event("a"))


def test_a_spool_locked_by_another_is_waited_for_within_bounds(tmp_path: Path) -> None:
    with client(tmp_path, busy_seconds=0.1) as host:
        host.record(event("a"))
        other = sqlite3.connect(tmp_path / "usage.spool", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SpoolUnavailable, match="locked"):
            host.record(event("b"))
        other.execute("ROLLBACK")
        other.close()
        host.record(event("b"))
        assert host.status().queued == 2


@pytest.mark.parametrize("enabled", [{}, {"FCB_HOST_ENABLED": ""}, {"FCB_HOST_ENABLED": "off"}])
def test_off_is_nothing_at_all(enabled: dict[str, str], tmp_path: Path) -> None:
    before = threading.enumerate()
    spool = {"FCB_HOST_SPOOL": str(tmp_path / "usage.spool"), "FCB_HOST_URL": NOWHERE, "FCB_HOST_KEY": "not even a key"}
    with UsageClient(from_environment(enabled | spool)) as host:
        host.record(event("a"))
        host.record_many([event("b")])
        assert host.flush(0)
        assert (host.refused(), host.retry(), host.drop([1]), host.is_enabled, host.spool) == ([], 0, 0, False, None)
        assert host.status().queued == 0
        assert threading.enumerate() == before
    assert list(tmp_path.iterdir()) == []
