"""What the quickstart shows is what works."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from fcb_host.__main__ import main
from fcb_host.settings import from_environment
from fcb_pipelines_tests.host.central import KEY, Central
from fcb_pipelines_tests.receiver import said
from fcb_pipelines_tests.receiver.asgi import posted

README = (Path(__file__).parents[2] / "fcb_host/README.md").read_text()
SOURCE = Path(__file__).parents[2] / "fcb_host/src/fcb_host"
SETTINGS = "".join((SOURCE / each).read_text() for each in ("settings.py", "receiver/settings.py"))


def test_the_first_lines_record_and_send(served: tuple[Central, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    central, url = served
    monkeypatch.setenv("FCB_HOST_ENABLED", "on")
    monkeypatch.setenv("FCB_HOST_URL", url)
    monkeypatch.setenv("FCB_HOST_KEY", KEY)
    monkeypatch.setenv("FCB_HOST_SPOOL", str(tmp_path / "usage.spool"))
    first, *_ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(first + "client.flush(5)\nclient.close()\n", "README.md", "exec"), {})  # noqa: S102 (our own text)
    assert [event["quantity"] for event in central.stored.values()] == ["1800.25"]


def test_what_is_mounted_receives_and_what_is_defined_is_done(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FCB_HOST_WEBHOOK_ENABLED", "on")
    monkeypatch.setenv("FCB_HOST_WEBHOOK_SECRETS", said.SECRET.revealed())
    monkeypatch.setenv("FCB_HOST_WEBHOOK_DATABASE", fresh_database)
    monkeypatch.setenv("FCB_HOST_WEBHOOK_ACTIONS", "host_of_the_readme:Deployments")
    deployments, mounted = (_shown(each) for each in ("class Deployments", "app = Starlette"))
    host = ModuleType("host_of_the_readme")
    exec(compile(deployments + mounted, "README.md", "exec"), host.__dict__)  # noqa: S102 (our own text)
    monkeypatch.setitem(sys.modules, host.__name__, host)
    now = datetime.now(UTC)
    came = said.request(at=now)
    assert posted(host.app, came.headers, came.body).status == 202
    with psycopg.connect(fresh_database) as conn:
        conn.execute("CREATE TABLE deployments (id text, state text)")
        conn.execute("INSERT INTO deployments VALUES ('dep-1', 'running')")
    assert main(["receiver", "act"]) == 0
    with psycopg.connect(fresh_database) as conn:
        assert conn.execute("SELECT state FROM deployments").fetchall() == [("suspended",)]


def _shown(what: str) -> str:
    (found,) = (each for each in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if what in each)
    return str(found)


def test_every_variable_is_told_and_none_that_is_not_there() -> None:
    assert set(re.findall(r"FCB_HOST_[A-Z_]+", README)) == set(re.findall(r"\"(FCB_HOST_[A-Z_]+)\"", SETTINGS))
    assert not from_environment({}).is_enabled
