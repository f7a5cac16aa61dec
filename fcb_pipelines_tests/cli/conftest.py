"""A project of its own in which a command is run; every address is given, so nothing is started."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fcb_pipelines.cli import main
from fcb_pipelines_tests.projects import enter, write_project

NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"
ODOO = {"FCB_ODOO_URL": "http://127.0.0.1:1", "FCB_ODOO_DB": "d", "FCB_ODOO_USER": "u", "FCB_ODOO_KEY": "secret"}
ADDRESSES = {"FCB_SOURCE_SHOP_URL": NOBODY, "FCB_DAGSTER_URL": NOBODY.replace("postgresql", "postgresql+psycopg2"), **ODOO}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Fcb = Callable[..., Done]


@pytest.fixture
def fcb(store_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fcb:
    """Runs the command in a project of its own."""
    enter(monkeypatch, write_project(tmp_path))
    given = {**ADDRESSES, "FCB_DATABASE_URL": store_database, "LOGNAME": "somebody-else", "USER": "somebody-else"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    def run(*args: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["fcb", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    return run
