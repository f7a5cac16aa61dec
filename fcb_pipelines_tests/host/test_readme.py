"""What the quickstart shows is what works."""

import re
from pathlib import Path

import pytest

from fcb_host.settings import from_environment
from fcb_pipelines_tests.host.central import KEY, Central

README = (Path(__file__).parents[2] / "fcb_host/README.md").read_text()
SETTINGS = (Path(__file__).parents[2] / "fcb_host/src/fcb_host/settings.py").read_text()


def test_the_first_lines_record_and_send(served: tuple[Central, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    central, url = served
    monkeypatch.setenv("FCB_HOST_ENABLED", "on")
    monkeypatch.setenv("FCB_HOST_URL", url)
    monkeypatch.setenv("FCB_HOST_KEY", KEY)
    monkeypatch.setenv("FCB_HOST_SPOOL", str(tmp_path / "usage.spool"))
    first, *_ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(first + "client.flush(5)\nclient.close()\n", "README.md", "exec"), {})  # noqa: S102 (our own text)
    assert [event["quantity"] for event in central.stored.values()] == ["1800.25"]


def test_every_variable_is_told_and_none_that_is_not_there() -> None:
    assert set(re.findall(r"FCB_HOST_[A-Z_]+", README)) == set(re.findall(r"\"(FCB_HOST_[A-Z_]+)\"", SETTINGS))
    assert not from_environment({}).is_enabled
