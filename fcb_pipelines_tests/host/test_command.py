"""`python -m fcb_host`, as cron, systemd and a person use it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fcb_host.__main__ import main
from fcb_host.errors import IdempotencyConflict
from fcb_pipelines_tests.host.central import KEY, Central
from fcb_pipelines_tests.host.made import client, event

Served = tuple[Central, str]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one command in this process, with the environment that a shell would give it."""

    def run(url: str, *arguments: str, enabled: str = "on") -> tuple[int, str]:
        for name, said in variables(tmp_path, url, enabled).items():
            monkeypatch.setenv(name, said)
        code = main(arguments)
        done = capsys.readouterr()
        assert KEY not in done.out + done.err
        return code, done.out + done.err

    return run


def variables(tmp_path: Path, url: str, enabled: str) -> dict[str, str]:
    spool = str(tmp_path / "usage.spool")
    return {"FCB_HOST_ENABLED": enabled, "FCB_HOST_URL": url, "FCB_HOST_KEY": KEY, "FCB_HOST_SPOOL": spool}


def test_send_refused_retry_and_drop(served: Served, tmp_path: Path, run: Run) -> None:
    central, url = served
    central.rejects = {"a": "unknown_metric", "b": "too_old"}
    with client(tmp_path, url) as host:
        host.record_many([event("a"), event("b"), event("c")])
    code, said = run(url, "send")
    assert (code, len(central.stored)) == (1, 1)
    assert '"refused": 2' in said
    code, said = run(url, "refused")
    first, second = (json.loads(line) for line in said.splitlines())
    assert (code, first["code"], second["code"]) == (0, "unknown_metric", "too_old")
    central.rejects = {}
    assert run(url, "retry", str(first["number"])) == (0, "1 to be sent again\n")
    assert run(url, "drop", str(second["number"])) == (0, "1 dropped\n")
    assert run(url, "send", "--now")[0] == 0
    assert len(central.stored) == 2


def test_the_status_says_what_is_held_as_json(served: Served, tmp_path: Path, run: Run) -> None:
    central, url = served
    central.unknown = {"s-1"}
    with client(tmp_path, url) as host:
        host.record(event("a"))
    code, said = run(url, "send", "--timeout", "1")
    status = json.loads(said.splitlines()[-1])
    (held,) = status["held_longest"]
    assert (code, held["external_subscription_id"], held["code"], held["events"]) == (0, "s-1", "unknown_subscription", 1)
    assert held["since"] <= status["last_error_at"] < held["next_at"]


def test_what_is_held_can_be_given_up_and_recorded_anew(served: Served, tmp_path: Path, run: Run) -> None:
    central, url = served
    central.rejects = {"a": "in_the_future", "b": "in_the_future"}
    with client(tmp_path, url) as host:
        host.record_many([event("a", 1), event("b", 2, subscription="s-2")])
    assert run(url, "send", "--timeout", "1")[0] == 0
    with client(tmp_path, url) as host, pytest.raises(IdempotencyConflict, match="give-up"):
        host.record(event("a", 3))
    assert run(url, "give-up", "unknown_subscription") == (0, "0 refused\n")
    assert run(url, "give-up", "in_the_future", "--subscription", "s-1") == (0, "1 refused\n")
    code, said = run(url, "refused")
    refused = json.loads(said)
    assert (code, refused["code"], refused["reason"]) == (0, "in_the_future", "scripted (/events/0)")
    assert run(url, "drop", str(refused["number"])) == (0, "1 dropped\n")
    central.rejects = {}
    with client(tmp_path, url) as host:
        host.record(event("a", 3))
        assert host.status().held == 1
    assert run(url, "give-up", "in_the_future") == (0, "1 refused\n")
    assert run(url, "send")[0] == 1
    assert [stored["quantity"] for stored in central.stored.values()] == ["3"]


def test_what_may_be_stored_is_left_and_said(served: Served, tmp_path: Path, run: Run) -> None:
    central, url = served
    central.rejects = {"a": "in_the_future", "b": "in_the_future"}
    with client(tmp_path, url) as host:
        host.record_many([event("a"), event("b")])
        host.flush(0.05)
        assert host.spool is not None
        with host.spool.transaction() as conn:
            conn.execute("UPDATE event SET due_at = 0 WHERE position = 1")
    central.script = ["garbage"] * 9
    assert run(url, "send", "--timeout", "0.1")[0] == 0
    left = "1 refused; 1 left, because it is not known whether they are stored: send, then give up what is still held\n"
    assert run(url, "give-up", "in_the_future") == (1, left)


def test_wrong_settings_are_2_off_is_0_and_an_outage_is_1(tmp_path: Path, run: Run) -> None:
    nowhere = "http://127.0.0.1:9"
    assert run("http://billing.example.com", "status")[0] == 2
    assert run("", "send", enabled="off") == (0, "fcb_host is off (FCB_HOST_ENABLED)\n")
    assert list(tmp_path.iterdir()) == []
    with client(tmp_path) as host:
        host.record(event("a"))
    code, said = run(nowhere, "send", "--timeout", "0.2")
    assert (code, f'"last_error": "{nowhere} cannot be reached (Connection refused)' in said) == (1, True)
    with pytest.raises(SystemExit, match="2"):
        run(nowhere, "retry")


@pytest.mark.slow
def test_it_is_a_program(served: Served, tmp_path: Path) -> None:
    with client(tmp_path) as host:
        host.record(event("a"))
    environment = os.environ | variables(tmp_path, served[1], "on")
    program = [sys.executable, "-m", "fcb_host", "send"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True, timeout=30)
    assert (json.loads(done.stdout)["queued"], done.stderr) == (0, "")
