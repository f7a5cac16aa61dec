"""`fcb accept` and `fcb acceptances` as people type them: clear refusals, the second person, and what programs read."""

import json
import os
import pwd
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts import acceptances as acts
from fcb_pipelines.acts.acceptances import Wanted
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.cli.signing import signer
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason
from fcb_pipelines.domain.errors import InvalidInput
from fcb_pipelines.settings import load
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.cli.conftest import Done, Fcb
from fcb_pipelines_tests.projects import write_project
from fcb_pipelines_tests.signed import MATCHED, a_row, an_instance
from fcb_pipelines_tests.signed_store import reconcile

ME = pwd.getpwuid(os.getuid()).pw_name
EXPIRES = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
S1, S2, S4, S9 = (f"shop/2026-04/subscription/{name}" for name in ("s1", "s2", "s4", "s9"))
KEYS = {
    *(
        "id",
        "decision",
        "kind",
        "state",
        "period",
        "row_id",
        "subscription",
        "partner",
        "charge",
        "instances",
        "currency",
        "amount",
    ),
    *(
        "exposure",
        "residual",
        "reason",
        "remedy",
        "text",
        "bears",
        "expires_on",
        "author",
        "made_at",
        "needs_approval",
        "approval",
    ),
    *("withdrawal", "binding"),
}


@pytest.fixture
def db(store_database: str) -> Database:
    """April of the shop, reconciled: s1 and s2 with 9.14 CAD each, s4 a match, s9 with 160 CAD."""
    db = Database(store_database)
    large = a_row(an_instance("200.00", "40.00"), subscription="s9", external_user_id="u9")
    reconcile(db, a_row(), a_row(subscription="s2"), a_row(MATCHED, subscription="s4"), large)
    return db


def accept(fcb: Fcb, *args: str, **changes: str) -> Done:
    given = {"reason": "goodwill", "text": "agreed by phone", "bears": "us", "expires": EXPIRES} | changes
    return fcb("accept", *args, *(word for name, value in given.items() for word in (f"--{name}", value)))


def read(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listed(fcb: Fcb, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(fcb("acceptances", "list", "--json", *args))
    return found


def test_a_small_difference_is_signed_with_the_login_name(fcb: Fcb, db: Database) -> None:
    done = accept(fcb, S1, S2)
    assert done.returncode == 0, done.stderr
    assert "fcb run --service shop --period 2026-04" in done.stderr
    assert "Decision D-1" in done.stdout
    first, second = listed(fcb)
    assert first.keys() == KEYS
    shown = {name: first[name] for name in KEYS - {"made_at", "binding"}}
    assert shown == {
        "id": "A-1", "decision": "D-1", "kind": "row", "state": "in_force", "period": "2026-04", "row_id": S1,
        "subscription": "s1", "partner": "u1", "charge": None, "instances": [1], "currency": "CAD", "amount": "9.14",
        "exposure": "9.14", "residual": None, "reason": "goodwill", "remedy": "none", "text": "agreed by phone", "bears": "us",
        "expires_on": EXPIRES, "author": ME, "needs_approval": False, "approval": None, "withdrawal": None,
    }  # fmt: skip
    assert (second["id"], second["decision"], second["row_id"]) == ("A-2", "D-1", S2)
    assert [each.broken for each in verify_logs(db)] == [None, None]


def test_a_large_one_says_what_a_second_person_types(fcb: Fcb, db: Database) -> None:
    done = accept(fcb, S9)
    assert done.returncode == 0
    assert "160.00 CAD of customer u9 within 30 days, above the limit of 50.00 CAD" in done.stderr
    command = next(line.strip() for line in done.stderr.splitlines() if line.startswith("  fcb "))
    assert command == "fcb acceptances approve D-1 --service shop"
    mine = fcb(*command.split()[1:])
    assert (mine.returncode, mine.stdout) == (1, "")
    assert f"{ME} wrote D-1, so somebody else must approve it" in mine.stderr
    assert [one["state"] for one in listed(fcb)] == ["awaiting_approval"]
    assert db is not None


def test_the_answer_for_programs_has_the_command_too(fcb: Fcb, db: Database) -> None:
    found = read(accept(fcb, S9, "--json"))
    assert (found["decision"], found["state"]) == ("D-1", "awaiting_approval")
    assert found["approve_with"] == "fcb acceptances approve D-1 --service shop"
    assert len(found["over_limit"]) == 1
    assert found["acceptances"][0].keys() == KEYS
    assert db is not None


def test_a_standing_one_below_the_limit_of_the_file(fcb: Fcb, db: Database) -> None:
    with Path("fcb.toml").open("a") as file:
        file.write('[services.shop.acceptance]\nlimit = {CAD = "1000000"}\n')
    found = read(accept(fcb, S1, "--json", "--standing", reason="price_agreed_by_word"))
    assert (found["state"], found["approve_with"], found["over_limit"]) == ("in_force", None, [])
    (one,) = found["acceptances"]
    assert (one["kind"], one["charge"], one["residual"], one["remedy"]) == ("standing", "flat", "9.14", "fix_model")
    assert "s1/flat from 2026-04 on" in fcb("acceptances", "list").stdout.replace("\n", " ")
    assert db is not None


def test_somebody_elses_decision_is_approved_and_what_stands_is_taken_back(fcb: Fcb, db: Database) -> None:
    with db.transaction() as conn:
        wanted = Wanted(
            row_ids=(S9,),
            kind=Kind.ROW,
            reason=Reason.WRITE_OFF,
            text="x",
            bearer=Bearer.US,
            expires_on=datetime.fromisoformat(EXPIRES).date(),
            author="somebody else",
        )
        acts.accept(conn, load({}, folder=Path()).services["shop"], wanted, datetime.now(UTC))
    done = fcb("acceptances", "approve", "D-1")
    assert (done.returncode, done.stdout) == (0, "")
    assert "approved: A-1 of shop" in done.stderr
    (one,) = listed(fcb)
    assert (one["state"], one["author"], one["approval"]["by"]) == ("in_force", "somebody else", ME)
    (back,) = read(fcb("acceptances", "withdraw", "A-1", "--text", "not after all", "--json"))
    assert (back["state"], back["withdrawal"]["by"], back["withdrawal"]["text"]) == ("withdrawn", ME, "not after all")
    assert [one["state"] for one in listed(fcb)] == ["withdrawn"]


def test_the_list_is_of_one_month_and_says_what_each_state_means(fcb: Fcb, db: Database) -> None:
    nobody = fcb("acceptances", "list")
    assert (nobody.returncode, nobody.stdout) == (0, "")
    assert "nobody accepted a difference of shop" in nobody.stderr
    accept(fcb, S1)
    assert [one["id"] for one in listed(fcb, "--period", "2026-04")] == ["A-1"]
    assert listed(fcb, "--period", "2026-05") == []
    reconcile(db, a_row(an_instance("50.00", "40.87")))
    shown = fcb("acceptances", "list")
    assert "void_changed" in shown.stdout
    assert "void_changed: what was signed is no longer what differs" in shown.stderr
    assert listed(fcb)[0]["state"] == "void_changed"


WRONG: tuple[tuple[tuple[str, ...], dict[str, str], str], ...] = (
    (("shop/2026-04/subscription/s7",), {}, "is not in revision 1 of 2026-04"),
    (("s1",), {}, "a row_id is like shop/2026-05/subscription/7"),
    ((S4,), {}, "s4 is match: there is nothing to accept"),
    ((S1, S4), {}, "nothing to accept"),
    ((S1, "--revision", "4"), {}, "you looked at revision 4 of 2026-04, and the newest is 1"),
    ((S1,), {"expires": "2026-01-31"}, "would expire at once: give a day after"),
    ((S1,), {"expires": "31.12.2026"}, "is not a day: write it as 2026-12-31"),
    ((S1,), {"expires": "2099-01-01"}, "more than 366 days ahead"),
    ((S1,), {"text": "  "}, "say why with --text"),
    ((S1,), {"reason": "because"}, "'because' is not one of 'goodwill'"),
    ((S1,), {"bears": "them"}, "'them' is not one of 'customer'"),
    ((S1, "--service", "nobody"), {}, "nobody"),
    ((S1, "--as", "grace"), {}, "--as is for the demo, and shop is a real service"),
    ((), {}, "Missing argument 'ROW...'"),
)


def test_wrong_use_says_what_to_do_and_signs_nothing(fcb: Fcb, db: Database) -> None:
    for args, changes, said in WRONG:
        done = accept(fcb, *args, **changes)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert listed(fcb) == []
    assert db is not None


WRONG_ABOUT_SIGNED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("approve", "D-1"), "no acceptance or decision 'D-1'"),
    (("approve", "D-1", "--as", "grace"), "--as is for the demo"),
    (("withdraw", "A-1", "--text", "x"), "no acceptance or decision 'A-1'"),
    (("withdraw", "A-1", "--text", " "), "say why with --text"),
    (("withdraw", "A-1"), "--text"),
    (("withdraw", "A-1", "--text", "x", "--as", "grace"), "--as is for the demo"),
    (("list", "--period", "2026-01"), "the first in scope"),
)


def test_wrong_use_of_what_was_signed(fcb: Fcb, db: Database) -> None:
    for args, said in WRONG_ABOUT_SIGNED:
        done = fcb("acceptances", *args)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert said in done.stderr
    assert db is not None


def test_only_where_the_service_is_the_demo_another_name_is_signed(tmp_path: Path) -> None:
    demo = load({}, folder=write_project(tmp_path)).services["shop"]
    assert (demo.is_demo, signer(demo, " grace "), signer(demo, None)) == (True, "grace", ME)
    real = load({"FCB_SOURCE_SHOP_URL": "postgresql://x@y/z"}, folder=tmp_path).services["shop"]
    assert (real.is_demo, signer(real, None)) == (False, ME)
    with pytest.raises(InvalidInput, match=f"you sign as {ME}"):
        signer(real, ME)
