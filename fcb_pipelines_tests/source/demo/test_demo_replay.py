"""The same snapshot, settings and rule version give the same rows, bytes and hash, in a store of their own and elsewhere."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from fcb_pipelines.acts.replay import replay
from fcb_pipelines_tests.conftest import NOW, database
from fcb_pipelines_tests.source.demo.replaying import Month, hashes, project

ELSEWHERE = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "4242", "PYTHONUTF8": "0"}
"""Another zone, 12 or 13 hours and three quarters ahead, no UTF-8 by itself, other places in sets and dictionaries."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the settings are."""
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def month(folder: Path, demo_url: str, postgres_url: str, store_template: str) -> Iterator[tuple[Month, dict[str, str]]]:
    """April read and run once, with the hashes of all that is written of it."""
    with database(postgres_url, template=store_template) as store:
        found = Month.of(folder, demo_url, store)
        yield found, hashes(found)


def test_another_process_elsewhere_writes_the_same_bytes_from_rows_in_another_order(
    month: tuple[Month, dict[str, str]], demo_url: str, postgres_url: str, store_template: str, tmp_path: Path
) -> None:
    shuffled = project(tmp_path, is_shuffled=True)
    assert rows(shuffled, demo_url) != rows(month[0].reached.settings.config_file.parent, demo_url)
    with database(postgres_url, template=store_template) as store:
        command = [sys.executable, "-m", "fcb_pipelines_tests.source.demo.replaying", str(shuffled), demo_url, store]
        done = subprocess.run(command, env={**os.environ, **ELSEWHERE}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["local"].endswith("+13:45")
    assert len(told["hashes"]) > 10
    assert told["hashes"] == month[1]


def test_a_second_run_at_another_time_differs_in_its_number_and_time_alone(
    month: tuple[Month, dict[str, str]], folder: Path, demo_url: str, postgres_url: str
) -> None:
    first = month[0].files()
    with database(postgres_url, template=month[0].work.db.url.rpartition("/")[2]) as store:
        later = Month.of(folder, demo_url, store, now=NOW + timedelta(days=3, hours=5))
        later.run()
        second = later.files()
    differing = {name for name in first if first[name] != second[name]}
    assert differing == {"report.json", "archive.zip", "archive/revision.json", "archive/README.txt", "archive/MANIFEST.sha256"}
    for name in ("report.json", "archive/revision.json"):
        before, after = json.loads(first[name]), json.loads(second[name])
        assert {key for key in before if before[key] != after[key]} == {"made_at", "revision"}
    assert first["archive/README.txt"].replace(b"revision 1", b"revision 2") == second["archive/README.txt"]


def test_replaying_it_says_so_and_keeps_nothing(month: tuple[Month, dict[str, str]]) -> None:
    work = month[0].work
    with work.db.transaction() as conn:
        before = conn.execute("SELECT count(*), max(revision) FROM period_revision").fetchone()
    found = replay(work)
    assert (found.is_same, found.rows, found.since) == (True, (), ())
    with work.db.transaction() as conn:
        assert conn.execute("SELECT count(*), max(revision) FROM period_revision").fetchone() == before


def rows(folder: Path, url: str) -> list[object]:
    """The ids of the plans in the order in which a mapping returns them."""
    with psycopg.connect(url) as conn:
        query = (folder / "mapping" / "plans.sql").read_text(encoding="utf-8")
        return [row[0] for row in conn.execute(query.encode())]
