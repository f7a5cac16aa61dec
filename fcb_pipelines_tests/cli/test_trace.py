"""`fcb trace` and `fcb replay` as people type them: the tree, the same as JSON, exit codes and clear refusals."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fcb_pipelines.acts.replay import Replayed
from fcb_pipelines.cli.replay import reasons, sentence
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import Explanation, Finding, Remedy, Verdict, WaterfallStep
from fcb_pipelines.store.database import Database
from fcb_pipelines.store.reconciliation import Revision
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.signed import MATCHED, NOW, a_row, an_instance
from fcb_pipelines_tests.signed_store import reconcile

S1, S2 = (f"shop/2026-04/subscription/{name}" for name in ("s1", "s2"))
LEFT = Explanation(
    findings=(Finding(cause="proration", remedy=Remedy.FIX_MODEL, words="17 of 31 days"),),
    waterfall=(WaterfallStep(name="proration", words="17 of 31 days", amount=money("40.87 CAD"), residual=money("0.01 CAD")),),
)


@pytest.fixture
def db(store_database: str) -> Database:
    """April of the shop: s1 differs and nothing says why, s2 is explained with a cent left, which cannot be."""
    found = Database(store_database)
    odd = an_instance(verdict=Verdict.EXPLAINED, explanation=LEFT)
    reconcile(found, a_row(an_instance(), MATCHED), replace(a_row(odd, subscription="s2"), external_invoice_ids=("i2",)))
    return found


def test_people_get_a_tree(fcb: Fcb, db: Database) -> None:
    done = fcb("trace", S1)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{S1}: expected 55.00 CAD | billed 45.86 CAD | difference 9.14 CAD |"
    assert any(line.startswith("├─ flat from 2026-04-01 to before 2026-05-01: expected 50.00 CAD | billed") for line in lines)
    assert any(line.startswith("│     ? what was metered, rated or billed of the month was built anew") for line in lines)
    assert lines[-1] == "What is traced adds up. 4 could not be traced any further (?)."
    assert max(map(len, lines)) <= 100
    assert db is not None


def tree(told: Any) -> list[str]:
    return [told["kind"], *(kind for each in told["rests_on"] for kind in tree(each))]


def test_programs_get_the_same_as_json(fcb: Fcb, db: Database) -> None:
    done = fcb("trace", S1, "--json")
    answer = json.loads(done.stdout)
    assert answer.keys() == {"row_id", "trace", "adds_up", "wrong", "untraced"}
    assert (answer["row_id"], answer["adds_up"], answer["wrong"], len(answer["untraced"])) == (S1, True, [], 4)
    assert tree(answer["trace"]).count("charge") == 2
    assert answer["trace"].keys() == {"kind", "reference", "says", "data", "wrong", "untraced", "rests_on"}
    assert db is not None


def test_what_does_not_add_up_makes_the_exit_code_1(fcb: Fcb, db: Database) -> None:
    said = "proration: it is explained, and this is left of the difference"
    for args in ((), ("--json",)):
        done = fcb("trace", S2, *args)
        assert done.returncode == 1
        assert f"does not add up: {said}" in done.stderr
    assert json.loads(done.stdout)["wrong"] == [said]
    assert "1 of it does not add up (✗)." in fcb("trace", S2).stdout
    assert db is not None


@pytest.mark.parametrize("row", ["s1", "subscription/s1", S1])
def test_a_subscription_and_its_month_are_enough(fcb: Fcb, db: Database, row: str) -> None:
    done = fcb("trace", row, "--period", "2026-04", "--instance", "flat", "--json")
    answer = json.loads(done.stdout)
    assert (answer["row_id"], tree(answer["trace"]).count("charge")) == (S1, 1)
    assert db is not None


REFUSED: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("s1",), 2, "s1 is no row id, such as shop/2026-05/subscription/7: name the month with --period"),
    ((S1, "--period", "2026-05"), 2, "is a row of 2026-04, and --period says 2026-05"),
    (("shop/2026-04/subscription/s3",), 2, f"did you mean one of: {S1}, {S2}"),
    (("i1/1", "--period", "2026-04"), 2, "shop/2026-04/line/i1/1 is not in revision 1 of 2026-04"),
    (("shop/2026-13/subscription/s1",), 2, "2026-13"),
    ((S1, "--instance", "storage"), 2, "has no charge 'storage'; it has: flat, cpu_seconds"),
    (("s1", "--period", "2026-03"), 1, "shop 2026-03 was never reconciled; run it"),
    ((S1, "--service", "nobody"), 2, "nobody"),
)


def test_wrong_use_says_what_to_do(fcb: Fcb, db: Database) -> None:
    for args, code, said in REFUSED:
        done = fcb("trace", *args)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert db is not None


def test_a_replay_under_other_rules_says_what_to_run(fcb: Fcb, db: Database) -> None:
    done = fcb("replay", "--period", "2026-04")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the reviewed rules are no longer those of revision 1 of 2026-04: fcb run --service shop" in done.stderr
    assert db is not None


def replayed(**changes: Any) -> Replayed:
    revision = Revision(
        revision_id=1,
        service="shop",
        period="2026-04",
        revision=2,
        snapshot_id=7,
        settings_hash="h",
        rule_version="1",
        content_hash="abc",
        made_at=NOW,
        coverage={},
        changes={},
    )
    return Replayed(**{"revision": revision, "content_hash": "abd", "rows": (), "since": (), **changes})


def test_a_replay_says_what_came_of_it() -> None:
    what = "revision 2 of shop 2026-04, worked again from snapshot 7"
    assert sentence(replayed(content_hash="abc")) == f"{what}: the same rows, content abc"
    assert sentence(replayed()) == f"{what}: other rows, content abd and not abc"
    assert list(reasons(replayed())) == [
        "nothing was signed or told since: somebody changed the store, or this is a defect of ours"
    ]
    changed = {"row_id": S1, "change": "changed", "fields": {"status": ["match", "delta"], "verdict": ["match", "explained"]}}
    added = tuple({"row_id": f"{S2}{number}", "change": "added", "fields": {}} for number in range(21))
    told = list(reasons(replayed(rows=(changed, *added), since=("acceptance made: D-1, by ada",))))
    assert told[:2] == [f"changed: {S1}: status, verdict", f"added: {S2}0"]
    assert told[20:] == ["and 2 rows more: --json has all", "since then: acceptance made: D-1, by ada"]
