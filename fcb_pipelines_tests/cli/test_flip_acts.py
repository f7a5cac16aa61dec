"""`fcb arm`, `fcb flip --go`, `fcb stop`, `fcb resume`, `fcb unflip` and `fcb journal` as people type them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts.flip import FlipRefused
from fcb_pipelines.acts.flip_plan import keep
from fcb_pipelines.cli.flip_going import or_refused
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.flip import STEPS, Part, Phase, Step
from fcb_pipelines.domain.gate import Class, Objection
from fcb_pipelines.domain.money import money
from fcb_pipelines.store import audit, journal
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts import planted_source
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.flips import NOW, a_charge, a_plan, a_subscription, done, written

PLAN = a_plan(a_subscription(), a_subscription("s2", charges=(a_charge(first_net=money("25.00 CAD")),)))
DEAR = a_plan(a_subscription(charges=(a_charge(first_net=money("500.01 CAD")),)))
TYPED = ("--count", "2", "--amount", "CAD=44.99")


@pytest.fixture
def db(store_database: str) -> Database:
    found = Database(store_database)
    with found.transaction() as conn:
        planted_source.keep(conn, "shop")
    return found


@pytest.fixture
def flip_id(db: Database) -> str:
    with db.transaction() as conn:
        return keep(conn, PLAN, "ada", NOW)


def went(db: Database, flip_id: str, words: Sequence[tuple[Step, Phase]], **changes: Any) -> None:
    with db.transaction() as conn:
        journal.append(conn, "shop", *written(*words, flip_id=flip_id, **changes))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "type how many subscriptions it is about, as the plan shows them: --count N"),
        (("--count", "2"), "no amount in CAD, and 44.99 CAD is planned"),
        (("--count", "3", "--amount", "CAD=44.99"), "3 subscriptions, and 2 are planned"),
        (("--count", "2", "--amount", "CAD=45"), "45 CAD, and 44.99 CAD is planned"),
        ((*TYPED, "--amount", "USD=1"), "1 USD, and nothing in USD is planned"),
        (("--count", "2", "--amount", "44.99"), "write each currency once, as in --amount CAD=123.45"),
        ((*TYPED, "--amount", "CAD=44.99"), "write each currency once"),
        (("--count", "2", "--amount", "CAD=lots"), "is not a decimal number"),
        (("--approve",), "type how many subscriptions it is about"),
        (("--approve", *TYPED), "waits for nobody's approval"),
        (("--approve", "--act", "charge", *TYPED), "waits for nobody's approval"),
        ((*TYPED, "--as", "grace"), "--as is for the demo"),
    ],
)
def test_what_was_typed_otherwise_than_planned_arms_nothing(fcb: Fcb, flip_id: str, args: tuple[str, ...], said: str) -> None:
    ended = fcb("arm", flip_id, *args)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert json.loads(fcb("journal", flip_id, "--json").stdout)["armings"] == []


def test_one_arms_below_the_limit_and_the_next_command_is_told(fcb: Fcb, flip_id: str) -> None:
    ended = fcb("arm", flip_id, *TYPED)
    assert ended.returncode == 0, ended.stderr
    assert "2 subscriptions and 44.99 CAD, until" in ended.stderr
    assert f"next:  fcb flip --go {flip_id} --service shop" in ended.stderr


def test_above_the_limit_somebody_else_approves(fcb: Fcb, db: Database) -> None:
    with db.transaction() as conn:
        flip_id = keep(conn, DEAR, "ada", NOW)
    answer = json.loads(fcb("arm", flip_id, "--count", "1", "--amount", "CAD=500.01", "--json").stdout)
    assert answer["over_limit"] == ["500.01 CAD, above the limit of 500.00 CAD"]
    assert answer["approve_with"] == f"fcb arm --approve {flip_id} --act flip --count N --amount … --service shop"
    ended = fcb("arm", "--approve", flip_id, "--count", "1", "--amount", "CAD=500.01")
    assert ended.returncode == 1
    assert "so somebody else must approve it" in ended.stderr


OBJECTIONS = tuple(
    Objection(id=name, scope="s1/flat", klass=Class.PROVEN, words="it was never compared", what_to_do=f"fcb {name}")
    for name in ("never_compared", "not_armed")
)


def refuse() -> None:
    raise FlipRefused("the flip of F-1", OBJECTIONS)


def test_what_is_refused_says_everything_that_stands_against_it_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FlipRefused) as refused:
        or_refused(refuse, as_json=False)
    for one in OBJECTIONS:
        assert f"{one.id} (s1/flat): it was never compared. To do: {one.what_to_do}" in str(refused.value)
    with pytest.raises(SystemExit) as ended:
        or_refused(refuse, as_json=True)
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["what_to_do"] for one in told["objections"]] == ["fcb never_compared", "fcb not_armed"]


@pytest.mark.parametrize(("args", "said"), [(("--go",), "as in  fcb flip --go F-…"), (("--go", "F-1"), "no flip 'F-1'")])
@pytest.mark.usefixtures("db")
def test_a_flip_that_is_not_named_is_asked_for(fcb: Fcb, args: tuple[str, ...], said: str) -> None:
    ended = fcb("flip", *args)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_flips_are_listed_with_how_they_stand(fcb: Fcb, db: Database, flip_id: str) -> None:
    went(db, flip_id, done(STEPS[Part.FLIP]))
    (one,) = json.loads(fcb("flip", "--list", "--json").stdout)
    assert [each["state"] for each in one["subscriptions"]] == ["live", "shadow"]
    assert "1 live, 1 shadow" in fcb("flip", "--list").stdout


@pytest.mark.usefixtures("db")
def test_nothing_planned_is_said(fcb: Fcb) -> None:
    assert "nothing of shop was ever planned" in fcb("flip", "--list").stderr


def test_whoever_stops_says_why_and_whoever_resumes_too(fcb: Fcb, db: Database, flip_id: str) -> None:
    assert fcb("stop").returncode == 2
    assert fcb("stop", "--text", " ").returncode == 2
    assert fcb("resume", "--text", "why").returncode == 2
    assert "shop is stopped" in fcb("stop", "--text", "odd bills").stderr
    assert "stopped by" in fcb("flip", "--go", flip_id).stderr
    ended = fcb("resume", "--text", "found it")
    assert "had stopped it: odd bills" in ended.stderr
    with db.transaction() as conn:
        acts = [one.act for one in audit.noted(conn, "shop", list(Act))]
    assert [one for one in acts if one in ("stopped", "resumed")] == ["stopped", "resumed"]


def test_the_journal_is_shown_and_fails_where_it_is_not_whole(fcb: Fcb, db: Database, flip_id: str) -> None:
    went(db, flip_id, done([Step.SOURCE_STOPPED]))
    ended = fcb("journal", flip_id)
    assert ended.returncode == 0
    assert "source_stopped" in ended.stdout
    assert "the audit log says the same" in ended.stderr
    went(db, flip_id, [(Step.CLAIMED, Phase.BEFORE)], data={"claims": ["flat", {"to": None}]})
    ended = fcb("journal", flip_id, "--json")
    assert json.loads(ended.stdout)["entries"][-1]["data"] == {"claims": ["flat", {"to": None}]}
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["faults"] == ["s1: claimed was begun and has no end"]


def test_an_unflip_of_what_no_step_touched_is_nothing(fcb: Fcb, flip_id: str, tmp_path: Path) -> None:
    assert "either --plan shows" in fcb("unflip", flip_id, "--plan", "--go").stderr
    ended = fcb("unflip", flip_id, "--usage", str(tmp_path / "usage.csv"), "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["stake"] == {"count": 0, "amounts": {}, "is_all_known": True}
    assert (tmp_path / "usage.csv").read_text() == "subscription,charge,from,to,quantity\n"
    assert f"fcb unflip {flip_id} --go  gives it up" in fcb("unflip", flip_id).stderr
    assert "nothing to take back" in fcb("unflip", flip_id, "--go").stderr
    fcb("arm", flip_id, *TYPED)
    ended = fcb("unflip", flip_id, "--go")
    assert ended.returncode == 0, ended.stderr
    assert f"{flip_id} is taken back" in ended.stderr
