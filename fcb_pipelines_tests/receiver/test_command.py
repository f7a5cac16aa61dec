"""`python -m fcb_host receiver …`, as cron and a person use it."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fcb_host.__main__ import main
from fcb_host.receiver.receiving import Receiver
from fcb_host.receiver.storage_sqlite import SqliteStorage
from fcb_pipelines_tests.receiver.said import ENDED, FAILED, SECRET, Told, request

Run = Callable[..., tuple[int, str]]
HOST = Told()


def variables(folder: Path) -> dict[str, str]:
    return {
        "FCB_HOST_WEBHOOK_ENABLED": "on",
        "FCB_HOST_WEBHOOK_SECRETS": SECRET.revealed(),
        "FCB_HOST_WEBHOOK_FILE": str(folder / "receiver.sqlite"),
        "FCB_HOST_WEBHOOK_ACTIONS": f"{__name__}:HOST",
        "FCB_HOST_WEBHOOK_MOST_SUSPENSIONS": "1",
    }


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one command in this process, with the environment that a shell would give it."""
    HOST.acts.clear()
    for name, said in variables(tmp_path).items():
        monkeypatch.setenv(name, said)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["receiver", *arguments])
        done = capsys.readouterr()
        assert SECRET.revealed() not in done.out + done.err
        return code, done.out + done.err

    return run


def take(folder: Path, message_id: str, type_: str = FAILED, *, sequence: int = 1, deployment: str | None = "dep-1") -> None:
    now = datetime.now(UTC)
    about: dict[str, Any] = {"deployment_id": deployment, "external_subscription_id": deployment or "sub-1"}
    came = request(message_id, type_, sequence=sequence, at=now, **about)
    receiver = Receiver(storage=SqliteStorage(folder / "receiver.sqlite"), secrets=[SECRET])
    assert receiver.take(came.headers, came.body, now).status == 202


def test_act_hold_release(tmp_path: Path, run: Run) -> None:
    for number in range(3):
        take(tmp_path, f"m{number}", deployment=f"dep-{number}")
    assert run("act") == (1, '{"held": 2, "suspended": 1}\n')
    code, said = run("status")
    assert (code, json.loads(said)["messages"]) == (1, {"done": 1, "held": 2})
    code, said = run("held")
    held = [json.loads(line) for line in said.splitlines()]
    assert (code, [each["message_id"] for each in held]) == (0, ["m1", "m2"])
    assert held[0]["body"].startswith('{"type":"invoice.payment_failed"')
    first = str(held[0]["number"])
    assert run("release", first, "--as", "Ada") == (0, "1 released\n")
    assert run("release", first, "--as", "Ada") == (1, "0 released\n")
    assert run("release", "--all", "--as", "Ada") == (0, "1 released\n")
    assert run("act") == (0, '{"suspended": 2}\n')
    assert len(HOST.acts) == 3


def test_confirm_withdraw_and_what_is_not_possible(tmp_path: Path, run: Run) -> None:
    take(tmp_path, "end", ENDED)
    assert run("act") == (0, '{"pending": 1}\n')
    code, said = run("confirm", "dep-1", "--as", "Ada")
    assert (code, said.startswith("dep-1 is kept until 2")) == (1, True)
    assert run("withdraw", "dep-1", "--as", "Ada") == (0, "dep-1 is active again\n")
    assert run("withdraw", "dep-1", "--as", "Ada") == (1, "dep-1 is active: there is no termination to confirm or withdraw\n")
    with pytest.raises(SystemExit, match="2"):
        run("confirm", "dep-1")


def test_parked_and_dismissed(tmp_path: Path, run: Run) -> None:
    take(tmp_path, "new", "invoice.sent")
    code, said = run("parked")
    parked = json.loads(said)
    assert (code, parked["standing"], parked["type"]) == (0, "parked", "invoice.sent")
    assert run("status")[0] == 1
    assert run("dismiss", str(parked["number"]), "--as", "Ada") == (0, "1 dismissed\n")
    assert run("status")[0] == 0


def test_what_is_parked_is_read_again(tmp_path: Path, run: Run) -> None:
    take(tmp_path, "a", deployment=None)
    take(tmp_path, "new", "invoice.sent")
    assert run("act") == (1, '{"refused": 1}\n')
    assert run("read-again", "--all", "--as", "Ada") == (0, "0 read again\n")
    code, said = run("read-again", "--all", "--deployment", "dep-17", "--as", "Ada")
    assert (code, said.startswith("--deployment is for messages of one subscription")) == (1, True)
    assert run("read-again", "1", "2", "--deployment", "dep-17", "--as", "Ada") == (1, "1 read again\n")
    assert run("act") == (1, '{"suspended": 1}\n')
    assert HOST.acts == [("suspend", "dep-17", "a")]


def test_what_failed_is_tried_again_at_once_when_asked_for(tmp_path: Path, run: Run) -> None:
    take(tmp_path, "a")
    HOST.failures = [OSError("away")]
    assert run("act") == (1, '{"failed": 1}\n')
    assert run("act") == (1, "{}\n")
    assert run("act", "--now") == (0, '{"suspended": 1}\n')


def test_forget_off_and_wrong_settings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("forget", "--days", "90") == (0, "0 forgotten\n")
    assert run("forget", "--days", "89")[0] == 1
    monkeypatch.setenv("FCB_HOST_WEBHOOK_ACTIONS", "")
    assert run("act")[0] == 2
    monkeypatch.setenv("FCB_HOST_WEBHOOK_FILE", "/no/such/folder/receiver.sqlite")
    assert run("status") == (
        1,
        "the receiver's file /no/such/folder/receiver.sqlite cannot be opened: No such file or directory\n",
    )
    monkeypatch.setenv("FCB_HOST_WEBHOOK_ENABLED", "off")
    assert run("status") == (0, "the receiver is off (FCB_HOST_WEBHOOK_ENABLED)\n")


@pytest.mark.slow
def test_it_is_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fcb_host", "receiver", "status"],
        env={"PYTHONPATH": ":".join(sys.path), **variables(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert (json.loads(done.stdout)["messages"], done.stderr) == ({}, "")
