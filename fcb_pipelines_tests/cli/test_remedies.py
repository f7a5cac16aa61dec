"""`fcb remedies` and `fcb rows` as people type them: nothing open is not nothing looked at, and no id is cut off."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from fcb_pipelines.domain.rows import Explanation, Finding, Remedy
from fcb_pipelines.report import pages
from fcb_pipelines.report.links import Served
from fcb_pipelines.report.queue import queue
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.report.material import a_base, a_view, carried, explained, matched, row
from fcb_pipelines_tests.signed_store import reconcile


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no period of shop was reconciled yet: fcb run --service shop --period YYYY-MM\n"),
        (("--period", "2026-04"), "shop 2026-04 was never reconciled; run it: fcb run --service shop --period 2026-04\n"),
    ],
)
def test_where_nothing_was_reconciled_it_says_so(fcb: Fcb, args: tuple[str, ...], said: str) -> None:
    done = fcb("remedies", *args)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", said)
    done = fcb("remedies", *args, "--json")
    assert (json.loads(done.stdout), done.stderr) == ([], said)


def test_what_is_open_is_counted(fcb: Fcb, db: Database) -> None:
    reconcile(db, row("s1", explained()))
    done = fcb("remedies")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 open. fix_model: fcb adopt ROW, or  fcb accept ROW" in done.stdout
    reconcile(db, row("s1", matched()))
    assert "0 open." in fcb("remedies", "--period", "2026-04").stdout


@pytest.mark.parametrize(
    ("finding", "verb"),
    [
        ({"cause": "price_override", "references": ("contract 7",)}, "adopt"),
        ({"cause": "proration", "conventions": ("proration = calendar_days",)}, "adopt"),
        ({"cause": "timezone_boundary", "references": ("usage/s1/7",)}, "accept"),
    ],
)
def test_what_no_term_can_follow_is_signed_for(fcb: Fcb, db: Database, finding: dict[str, Any], verb: str) -> None:
    found = Finding(remedy=Remedy.FIX_MODEL, words="said", **finding)
    one = replace(explained(), explanation=Explanation(findings=(found,)))
    reconcile(db, row("s1", one))
    (told,) = json.loads(fcb("remedies", "--json").stdout)
    assert told["do"] == f"fcb {verb} {told['row_id']} --service shop"
    (group,) = queue(a_base(row("s1", one)))
    assert group.command.startswith(f"fcb {verb} ")
    assert f"(fcb {verb})" in group.what_to_do
    page = pages.row(a_view(row("s1", one)), Served(period="2026-04", opens_others=False), row("s1", one), ())
    assert f"fcb {verb} shop/" in page
    assert f"fcb {'accept' if verb == 'adopt' else 'adopt'} shop/" not in page


def test_lines_of_one_invoice_can_be_told_apart(fcb: Fcb, db: Database) -> None:
    keys = [f"{UUID(int=7)}/{number}" for number in (10_001, 10_002)]
    lines = (row("", carried(), row_id=f"shop/2026-04/line/{key}", line_key=key, external_subscription_id=None) for key in keys)
    reconcile(db, *lines)
    shown = fcb("rows", "--period", "2026-04").stdout
    assert "…" not in shown
    for key in keys:
        assert f"/{key.partition('/')[2]}" in shown
