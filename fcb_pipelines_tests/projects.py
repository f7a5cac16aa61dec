"""Folders of projects as commands find them: `fcb.toml` and a mapping that is there, nothing configured beside them."""

import os
from pathlib import Path

import pytest

SERVICE = """
[services.{code}]
mapping = "mapping"
zone = "America/Toronto"
currency = "CAD"
first_period = "2026-03"
"""


def write_project(folder: Path, *codes: str) -> Path:
    """Make a folder the project of these services; what else is in it stays."""
    (folder / "mapping").mkdir(parents=True, exist_ok=True)
    (folder / "mapping" / "users.sql").touch()
    (folder / "fcb.toml").write_text("".join(SERVICE.format(code=code) for code in codes or ["shop"]))
    return folder


def enter(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Be in the folder of a project, without any setting of whoever runs the tests."""
    monkeypatch.chdir(folder)
    for name in filter(lambda name: name.startswith("FCB_"), list(os.environ)):
        monkeypatch.delenv(name)
