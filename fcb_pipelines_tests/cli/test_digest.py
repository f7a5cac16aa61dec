"""`fcb digest` as people type it."""

import json

import pytest

from fcb_pipelines.domain.digest import Topic
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.report.material import every_kind, matched, row
from fcb_pipelines_tests.signed_store import reconcile


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


def test_what_there_is_to_tell(fcb: Fcb, db: Database) -> None:
    reconcile(db, *every_kind())
    done = fcb("digest")
    assert done.returncode == 0, done.stderr
    assert "3 × money is undecided that was not before" in done.stdout
    assert "1 × charges are due, past their lag, and were not issued" in done.stdout
    told = json.loads(fcb("digest", "--json").stdout)
    assert told["counts"]["new_undecided"] == 3
    assert set(told["counts"]) == {topic.value for topic in Topic}
    assert told["told"][0]["amount"] == "12.00"


@pytest.mark.parametrize(("since", "is_told"), [("2026-06-02", True), ("2026-06-02T12:00:01", False), ("2026-06-03", False)])
def test_only_what_was_run_since(fcb: Fcb, db: Database, since: str, *, is_told: bool) -> None:
    reconcile(db, *every_kind())
    assert ("undecided" in fcb("digest", "--since", since).stdout) == is_told


def test_nothing_to_tell_is_said(fcb: Fcb, db: Database) -> None:
    reconcile(db, row("s1", matched()))
    assert fcb("digest").stdout == "shop: nothing new, and nothing that a person must know\n"


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("since", ["yesterday", "h", "-1h", "999999h", ""])
def test_a_time_that_is_none_is_refused(fcb: Fcb, since: str) -> None:
    done = fcb("digest", "--since", since)
    assert done.returncode == 2
    assert "is no time" in done.stderr
