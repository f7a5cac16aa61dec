"""`python -m fcb_host`, as cron, systemd and a person use it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fcb_pipelines_tests.host.central import KEY, Central
from fcb_pipelines_tests.host.made import client, event

pytestmark = pytest.mark.slow


def run(tmp_path: Path, url: str, *arguments: str, enabled: str = "on") -> tuple[int, str]:
    variables = {"FCB_HOST_ENABLED": enabled, "FCB_HOST_URL": url, "FCB_HOST_KEY": KEY}
    variables["FCB_HOST_SPOOL"] = str(tmp_path / "usage.spool")
    program = [sys.executable, "-m", "fcb_host", *arguments]
    done = subprocess.run(program, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=30)
    assert KEY not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def test_send_refused_retry_and_drop(served: tuple[Central, str], tmp_path: Path) -> None:
    central, url = served
    central.rejects = {"a": "unknown_metric", "b": "too_old"}
    with client(tmp_path, url) as host:
        host.record_many([event("a"), event("b"), event("c")])
    code, said = run(tmp_path, url, "send")
    assert (code, len(central.stored)) == (1, 1)
    assert '"refused": 2' in said
    code, said = run(tmp_path, url, "refused")
    first, second = (json.loads(line) for line in said.splitlines())
    assert (code, first["code"], second["code"]) == (0, "unknown_metric", "too_old")
    central.rejects = {}
    assert run(tmp_path, url, "retry", str(first["number"])) == (0, "1 to be sent again\n")
    assert run(tmp_path, url, "drop", str(second["number"])) == (0, "1 dropped\n")
    assert run(tmp_path, url, "send", "--now")[0] == 0
    assert len(central.stored) == 2


def test_wrong_settings_are_2_off_is_0_and_an_outage_is_1(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    assert run(tmp_path, "http://billing.example.com", "status")[0] == 2
    assert run(tmp_path, "", "send", enabled="off") == (0, "fcb_host is off (FCB_HOST_ENABLED)\n")
    assert list(tmp_path.iterdir()) == []
    with client(tmp_path) as host:
        host.record(event("a"))
    code, said = run(tmp_path, nowhere, "send", "--timeout", "0.2")
    assert (code, '"last_error": "ConnectError"' in said) == (1, True)
    assert run(tmp_path, nowhere, "retry")[0] == 2
