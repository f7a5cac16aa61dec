"""`fcb flip` and `fcb claims` as people type them: whom a plan is for, from when, how that is known, what stands against it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from fcb_pipelines.acts.claims import take
from fcb_pipelines.acts.flip_plan import keep
from fcb_pipelines.domain.claims import Biller, Claim
from fcb_pipelines.domain.flip_plans import FlipPlan, Proof
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.records_json import read
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts import planted_source
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.builders import day
from fcb_pipelines_tests.cli.conftest import Fcb
from fcb_pipelines_tests.flips import NOW, a_charge, a_plan, a_subscription, a_term
from fcb_pipelines_tests.odoo.server import serving

PLAN = a_plan(
    a_subscription(
        charges=(
            a_charge(first_net=money("25.00 CAD")),
            a_charge(
                charge="cpu_seconds",
                proof=Proof.UNPROVED,
                reference="",
                final_from=day("2026-06-01"),
                first_net=None,
                first_tax=None,
                last_bill=None,
                notes=("doubtful: line i9/0 has no service range",),
            ),
        ),
        terms_ending=(a_term(),),
    ),
    a_subscription("s2", charges=(), notes=("unplanned: plan p1 (Basic) has no monthly price",)),
    a_subscription("s3", external_user_id="u2", customer="Bob [1]", partner_id=None),
    drawn_in={"s2": "of the same customer as s1"},
    left_out={"s4": "its plan costs nothing, whatever is used"},
)


@pytest.fixture
def db(store_database: str) -> Database:
    """A store with a snapshot, which the gate looks at."""
    found = Database(store_database)
    with found.transaction() as conn:
        planted_source.keep(conn, "shop")
    return found


@pytest.fixture
def flip_id(db: Database) -> str:
    with db.transaction() as conn:
        return keep(conn, PLAN, "ada", NOW)


@pytest.fixture(scope="module")
def not_odoo() -> Iterator[str]:
    """The address of a server that is none: it answers at once, so that nobody waits and asks it again."""
    with serving(Starlette()) as url:
        yield url


@pytest.fixture
def told(fcb: Fcb, not_odoo: str, monkeypatch: pytest.MonkeyPatch) -> Fcb:
    """Runs a command for which Odoo says that it is not there."""
    monkeypatch.setenv("FCB_ODOO_URL", not_odoo)
    return fcb


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "say whom to plan for, as in  fcb flip --cohort CUSTOMER --not-before 2026-07 , or which plan to show"),
        (("--cohort", "u1"), "say from which month on Odoo is to bill: --not-before YYYY-MM"),
        (("F-1", "F-2"), "say whom to plan for"),
        (("F-000000000000",), "there is no plan F-000000000000 of shop; make one: fcb flip --cohort …"),
        (
            ("--cohort", "nobody", "--not-before", "2026-07"),
            "nobody is neither a customer with subscriptions nor a subscription",
        ),
        (("--cohort", "u-1", "--not-before", "2026-02"), "before 2026-03, the first in scope"),
        (("--cohort", "fcb.toml", "also", "--not-before", "2026-07"), "[services.shop] is neither a customer"),
        (("--cohort", "empty.txt", "--not-before", "2026-07"), "empty.txt names nobody"),
        (("--cohort", "latin.txt", "--not-before", "2026-07"), "latin.txt cannot be read as text"),
    ],
)
@pytest.mark.usefixtures("db")
def test_what_was_typed_wrong_is_said(fcb: Fcb, tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    (tmp_path / "empty.txt").write_text("# nobody yet\n")
    (tmp_path / "latin.txt").write_bytes(b"u\xe9\n")
    done = fcb("flip", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.usefixtures("db")
def test_without_odoo_nothing_is_planned(told: Fcb) -> None:
    with_order = told("flip", "--cohort", "u-1", "--not-before", "2026-07")
    assert (with_order.returncode, with_order.stdout) == (1, "")
    assert "Odoo" in with_order.stderr


def test_a_plan_is_shown_with_all_that_a_person_must_know(told: Fcb, flip_id: str) -> None:
    done = told("flip", flip_id)
    assert done.returncode == 0, done.stderr
    table, _, rest = done.stdout.partition("Terms that end:")
    assert "Ada Lovelace (customer u1, partner 11 in Odoo)" in table
    assert "Bob [1] (customer u2, no partner in Odoo)" in table
    (first,) = (line for line in table.splitlines() if "s1 " in line)
    assert [cell.strip() for cell in first.split("│")[1:-1]] == [
        "s1",
        "flat",
        "2026-07-01",
        "line i9/1",
        "2026-06-01 –",
        "19.99 CAD",
        "2026-07-01",
        "25.00 CAD",
        "5.01 CAD",
    ]
    assert "(source: from" in table
    assert "not proved" in table
    for said in (
        "  s1: coupon on 2026-09-01 (coupon/1); the bill after it: 19.99 CAD",
        "  s1/cpu_seconds: doubtful: line i9/0 has no service range",
        "  s2: unplanned: plan p1 (Basic) has no monthly price",
        "  s2: of the same customer as s1",
        "  s4: its plan costs nothing, whatever is used",
        "3 subscriptions; Odoo's first invoices come to 44.99 CAD, net, before usage",
        "1 of them without an amount: it cannot be told",
        f"{flip_id}, planned by ada on 2026-07-01 10:00",
    ):
        assert said in rest.splitlines(), said
    assert f"next:  fcb arm {flip_id} --count 3 --amount CAD=44.99 --service shop (it can be armed now" in done.stderr


def test_what_stands_against_a_plan_is_shown_by_kind_with_what_to_do(told: Fcb, flip_id: str) -> None:
    """Odoo does not answer, so that what it would say stands against it too."""
    lines = told("flip", flip_id).stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Stands against it ("))
    kinds = {line.split()[0] for line in lines[start:] if line.startswith("  ") and not line.startswith("    ")}
    assert {"boundary_unproved", "not_planned", "order_missing", "partner_unlinked"} <= kinds
    orders = lines.index("  order_missing (undecidable, 3)")
    assert [line.split(":")[0].strip() for line in lines[orders + 1 : orders + 4]] == ["s1", "s2", "s3"]
    assert lines[orders + 4].startswith("    → import again")


def test_a_plan_is_read_by_programs_as_it_is_kept(told: Fcb, flip_id: str) -> None:
    answered: dict[str, Any] = json.loads(told("flip", flip_id, "--json").stdout)
    assert read(FlipPlan, answered["plan"]) == PLAN
    assert (answered["flip_id"], answered["planned_by"], answered["states"]) == (flip_id, "ada", {})
    assert answered["totals"] == {"CAD": "44.99 CAD"}
    assert {"id", "scope", "klass", "words", "what_to_do"} <= answered["objections"][0].keys()


def a_claim(subscription: str, reference: str) -> Claim:
    return Claim(
        external_subscription_id=subscription,
        charge="flat",
        service_from=day("2026-07-01"),
        service_to=day("2026-08-01"),
        biller=Biller.ODOO,
        reference=reference,
    )


def test_claims_are_shown_and_those_of_one_subscription_alone(fcb: Fcb, db: Database) -> None:
    done = fcb("claims")
    said = "nothing is claimed; let what the source billed claim:  fcb claims --load --service shop\n"
    assert (done.stdout, done.stderr) == ("", said)
    with db.transaction() as conn:
        take(conn, a_service("shop"), [a_claim("s1", "F-1"), replace(a_claim("s2", "F-2"), charge="cpu_seconds")], NOW)
    shown = fcb("claims").stdout
    assert "F-1" in shown
    assert "F-2" in shown
    (one,) = json.loads(fcb("claims", "--subscription", "s2", "--json").stdout)["claims"]
    assert (one["subscription"], one["charge"], one["biller"], one["reference"]) == ("s2", "cpu_seconds", "odoo", "F-2")
    assert (one["service_from"], one["released_at"]) == ("2026-07-01T00:00:00-04:00", None)


@pytest.mark.usefixtures("db")
def test_loading_says_what_it_did(fcb: Fcb) -> None:
    assert fcb("claims", "--load").stderr.splitlines()[0] == "0 new claims of the source, 0 held before"
    loaded = json.loads(fcb("claims", "--load", "--json").stdout)["loaded"]
    assert loaded == {"added": 0, "kept": 0, "released": [], "double_billed": [], "without_range": []}
