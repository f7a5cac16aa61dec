"""Accepting as an act on a real store: all or nothing, void on change, and every step in the audit log."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fcb_pipelines.acts import acceptances as acts
from fcb_pipelines.acts.acceptances import Accepted, Wanted
from fcb_pipelines.acts.audit import verify_logs
from fcb_pipelines.domain.acceptances import Bearer, Kind, Reason, Signature, State
from fcb_pipelines.domain.audit import Act, AuditEntry
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.rows import Row, Status, Verdict
from fcb_pipelines.services import Service
from fcb_pipelines.store import acceptances as store
from fcb_pipelines.store import audit
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.signed import MATCHED, NOW, RULES, a_row, an_instance
from fcb_pipelines_tests.signed_store import a_service, reconcile

S1, S2, S3 = (a_row(subscription=f"s{n}") for n in (1, 2, 3))
LARGE = a_row(an_instance("200.00", "40.00"), subscription="s9", external_user_id="u9")
LINE = a_row(an_instance(None, "7.00", charge="one_off"), row_id="shop/2026-04/line/i7/1", line_key="i7/1", subscription=None)
MADE = (Act.ACCEPTANCE_MADE, Act.ACCEPTANCE_APPROVED, Act.ACCEPTANCE_WITHDRAWN, Act.ACCEPTANCE_APPLIED)


@pytest.fixture
def db(store_database: str) -> Database:
    """April of the shop, reconciled once."""
    db = Database(store_database)
    matched = a_row(MATCHED, subscription="s4")
    reconcile(db, S1, S2, S3, LARGE, LINE, matched, a_row(an_instance(), an_instance(), subscription="s5"))
    return db


@pytest.fixture
def shop(tmp_path: Path) -> Service:
    return a_service(tmp_path)


def wanted(*rows: Row | str, **changes: Any) -> Wanted:
    values: dict[str, Any] = {
        "row_ids": tuple(row if isinstance(row, str) else row.row_id for row in rows),
        "kind": Kind.ROW,
        "reason": Reason.GOODWILL,
        "text": "agreed by phone",
        "bearer": Bearer.US,
        "expires_on": date(2026, 9, 1),
        "author": "ada",
    }
    return Wanted(**values | changes)


def accept(db: Database, shop: Service, *rows: Row | str, **changes: Any) -> Accepted:
    now = changes.pop("now", NOW)
    with db.transaction() as conn:
        return acts.accept(conn, shop, wanted(*rows, **changes), now)


def approve(db: Database, shop: Service, named: str, by: str = "grace") -> None:
    with db.transaction() as conn:
        acts.approve(conn, shop, named, by, NOW)


def withdraw(db: Database, shop: Service, named: str, text: str = "not agreed after all") -> None:
    with db.transaction() as conn:
        acts.withdraw(conn, shop, named, Signature(person="ada", at=NOW, text=text))


def states(db: Database, shop: Service, period: str | None = None, days: int = 0) -> dict[str, State]:
    with db.transaction() as conn:
        found = acts.listed(conn, shop, NOW + timedelta(days=days), period)
    return {one.acceptance.acceptance_id: one.state for one in found}


def run_again(db: Database, shop: Service, *rows: Row, rules: str = RULES) -> tuple[Row, ...]:
    """As whoever reconciles a period does: apply, store, note."""
    period = rows[0].row_id.split("/")[1]
    with db.transaction() as conn:
        done, found = acts.apply(conn, shop, period, rows, rule_version=rules, as_of=NOW)
    reconcile(db, *done, rules=rules)
    with db.transaction() as conn:
        acts.note_applied(conn, shop, period, found, NOW)
    return done


def noted(db: Database) -> list[AuditEntry]:
    assert [each.broken for each in verify_logs(db)] == [None, None]
    with db.transaction() as conn:
        return list(audit.noted(conn, "shop", MADE))


def test_what_is_signed_is_kept_whole_and_decides_when_the_period_is_run_again(db: Database, shop: Service) -> None:
    done = accept(db, shop, S1)
    with db.transaction() as conn:
        assert store.acceptances(conn, "shop") == done.acceptances
        assert store.acceptances(conn, "other") == ()
    (one,) = done.acceptances
    assert (one.acceptance_id, one.decision.decision_id, one.amount, one.exposure) == (
        ("A-1", "D-1", money("9.14 CAD"), money("9.14 CAD"))
    )
    assert states(db, shop) == {"A-1": State.IN_FORCE}
    assert [row.verdict for row in run_again(db, shop, S1, S2)] == [Verdict.ACCEPTED, Verdict.UNEXPLAINED]
    assert states(db, shop) == {"A-1": State.IN_FORCE}
    (entry,) = noted(db)
    assert (entry.act, entry.actor, entry.subject, entry.data["text"]) == (Act.ACCEPTANCE_MADE, "ada", "D-1", "agreed by phone")
    assert entry.data["acceptances"][0]["binding"] == one.binding


def test_several_rows_are_one_decision(db: Database, shop: Service) -> None:
    done = accept(db, shop, S1, S2, S1, S3)
    assert [one.acceptance_id for one in done.acceptances] == ["A-1", "A-2", "A-3"]
    assert {one.decision.decision_id for one in done.acceptances} == {"D-1"}
    assert len(noted(db)) == 1


def test_where_one_row_cannot_be_accepted_none_is(db: Database, shop: Service) -> None:
    with pytest.raises(InvalidInput, match="s4 is match: there is nothing to accept"):
        accept(db, shop, S1, "shop/2026-04/subscription/s4", S2)
    assert (states(db, shop), noted(db)) == ({}, [])
    assert accept(db, shop, S1).decision.decision_id == "D-1"


WRONG: tuple[tuple[Row | str, dict[str, Any], str], ...] = (
    ("shop/2026-04/subscription/s", {}, "is not in revision 1 of 2026-04"),
    ("shop/2026-04/subscription/s11", {}, "is not in revision 1 of 2026-04"),
    ("shop/2026-05/subscription/s1", {}, "no row of a period of shop that was reconciled"),
    ("other/2026-04/subscription/s1", {}, "no row of a period of shop"),
    ("s1", {}, "a row_id is like"),
    ("", {}, "a row_id is like"),
    ("shop/2026-04/", {}, "is not in revision 1"),
    ("shop/2026-04/\udcff", {}, "a row_id is like"),
    ("shop/2026-04/subscription/s1\ue000", {}, "is not in revision 1"),
    (S1, {"revision": 2}, "you looked at revision 2 of 2026-04, and the newest is 1"),
    (S1, {"text": " "}, "say why"),
    (S1, {"expires_on": date(2026, 6, 2)}, "at once"),
    (S1, {"expires_on": date(2027, 6, 4)}, "more than 366 days"),
    (S1, {"author": " "}, "name of who makes it"),
    (LINE, {"kind": Kind.STANDING}, "a line of no subscription"),
    ("shop/2026-04/subscription/s5", {"kind": Kind.STANDING}, "a charge more than once"),
)


def test_wrong_use_says_what_to_do(db: Database, shop: Service) -> None:
    for row, changes, said in WRONG:
        with pytest.raises(InvalidInput, match=said):
            accept(db, shop, row, **changes)
    assert states(db, shop) == {}


def test_no_row_is_no_decision(db: Database, shop: Service) -> None:
    with pytest.raises(InvalidInput, match="name the rows"):
        accept(db, shop)


def test_the_newest_revision_is_what_is_signed(db: Database, shop: Service) -> None:
    other = a_row(an_instance("50.00", "40.00"))
    assert reconcile(db, other) == 2
    with pytest.raises(InvalidInput, match="newest is 2"):
        accept(db, shop, S1, revision=1)
    assert accept(db, shop, S1, revision=2).acceptances[0].amount == money("10.00 CAD")


def test_nothing_is_accepted_twice(db: Database, shop: Service) -> None:
    accept(db, shop, S1)
    accept(db, shop, LARGE)
    with pytest.raises(InvalidInput, match="was accepted already by A-1"):
        accept(db, shop, S1)
    with pytest.raises(InvalidInput, match="waits for a second person to approve A-2"):
        accept(db, shop, LARGE, author="grace")
    run_again(db, shop, S1, LARGE)
    with pytest.raises(InvalidInput, match="was accepted already by A-1"):
        accept(db, shop, S1, kind=Kind.STANDING)


def test_what_was_withdrawn_or_is_void_is_decided_anew(db: Database, shop: Service) -> None:
    accept(db, shop, S1, S2)
    run_again(db, shop, S1, S2)
    withdraw(db, shop, "A-1")
    assert [one.acceptance_id for one in accept(db, shop, S1).acceptances] == ["A-3"]
    run_again(db, shop, a_row(an_instance("50.00", "40.87"), subscription="s2"))
    assert states(db, shop)["A-2"] is State.VOID_CHANGED
    assert [one.acceptance_id for one in accept(db, shop, S2).acceptances] == ["A-4"]
    # The old one would hold again if the row were as it was: the older of two decides.
    assert run_again(db, shop, S2)[0].instances[0].notes == ("accepted: A-2",)


@pytest.mark.parametrize("change", ["a cent", "rules", "gone"])
def test_it_is_void_once_the_period_was_run_otherwise(db: Database, shop: Service, change: str) -> None:
    accept(db, shop, S1)
    row = {"a cent": a_row(an_instance("50.01", "40.86")), "rules": S1, "gone": S2}[change]
    reconcile(db, row, rules="2" if change == "rules" else RULES)
    assert states(db, shop) == {"A-1": State.VOID_CHANGED}


def test_it_expires(db: Database, shop: Service) -> None:
    accept(db, shop, S1, expires_on=date(2026, 6, 12))
    assert (states(db, shop, days=9), states(db, shop, days=10)) == ({"A-1": State.IN_FORCE}, {"A-1": State.EXPIRED})


def test_above_the_limit_it_decides_nothing_until_a_second_person_approves(db: Database, shop: Service) -> None:
    done = accept(db, shop, LARGE)
    assert (done.decision.needs_approval, [str(one.total) for one in done.over]) == (True, ["160.00 CAD"])
    assert run_again(db, shop, LARGE)[0].verdict is Verdict.UNEXPLAINED
    for name in ("ada", " ADA", "a\u200bda", " "):
        with pytest.raises(RuleViolation, match="ada wrote D-1, so somebody else must approve it"):
            approve(db, shop, "D-1", name)
    assert states(db, shop) == {"A-1": State.AWAITING_APPROVAL}
    approve(db, shop, "A-1")
    assert run_again(db, shop, LARGE)[0].verdict is Verdict.ACCEPTED
    assert [(entry.act, entry.actor) for entry in noted(db)] == [
        (Act.ACCEPTANCE_MADE, "ada"),
        (Act.ACCEPTANCE_APPROVED, "grace"),
    ]
    with pytest.raises(InvalidInput, match="waits for nobody's approval"):
        approve(db, shop, "D-1")


def test_a_decision_is_approved_whole_or_not_at_all(db: Database, shop: Service) -> None:
    accept(db, shop, S1, LARGE)
    assert states(db, shop) == {"A-1": State.AWAITING_APPROVAL, "A-2": State.AWAITING_APPROVAL}
    with pytest.raises(InvalidInput, match="name the whole decision, D-1"):
        approve(db, shop, "A-2")
    reconcile(db, S1, replace(LARGE, external_user_id="u8"))
    with pytest.raises(RuleViolation, match="A-2 is void_changed"):
        approve(db, shop, "D-1")
    withdraw(db, shop, "A-2")
    approve(db, shop, "D-1")
    assert states(db, shop) == {"A-1": State.IN_FORCE, "A-2": State.WITHDRAWN}


def test_what_needs_nobody_or_is_not_there_is_not_approved_or_withdrawn(db: Database, shop: Service) -> None:
    accept(db, shop, S1)
    with pytest.raises(InvalidInput, match="waits for nobody's approval"):
        approve(db, shop, "D-1")
    withdraw(db, shop, "D-1")
    for act in (approve, withdraw):
        with pytest.raises(InvalidInput, match="no acceptance or decision 'D-9'"):
            act(db, shop, "D-9")
    with pytest.raises(InvalidInput, match="withdrawn already"):
        withdraw(db, shop, "D-1")
    with pytest.raises(InvalidInput, match="waits for nobody"):
        approve(db, shop, "D-1")
    with pytest.raises(InvalidInput, match="say why"):
        withdraw(db, shop, "D-1", " ")


def test_small_decisions_add_up_to_a_large_one_for_thirty_days(db: Database, tmp_path: Path) -> None:
    shop = a_service(tmp_path, CAD="20.00")
    assert not accept(db, shop, S1).over
    assert not accept(db, shop, S2).over
    assert accept(db, shop, S3).decision.needs_approval
    withdraw(db, shop, "D-3")
    assert not accept(db, shop, S3, author="grace").over
    withdraw(db, shop, "D-4")
    assert not accept(db, shop, S3, now=NOW + timedelta(days=30)).over


def test_a_standing_one_counts_all_its_months_and_is_noted_once_a_period(db: Database, shop: Service) -> None:
    done = accept(db, shop, S1, kind=Kind.STANDING, reason=Reason.PRICE_AGREED_BY_WORD, expires_on=date(2026, 8, 1))
    assert (done.acceptances[0].exposure, done.over) == (money("36.56 CAD"), ())
    may, june = (a_row(an_instance(period=period), period=period) for period in ("2026-05", "2026-06"))
    for row in (S1, may, may):
        assert run_again(db, shop, row)[0].verdict is Verdict.ACCEPTED
    other = a_row(an_instance("50.00", "40.87", period="2026-06"), period="2026-06")
    assert run_again(db, shop, other)[0].verdict is Verdict.UNEXPLAINED
    assert (states(db, shop), states(db, shop, "2026-05")) == ({"A-1": State.VOID_CHANGED}, {"A-1": State.IN_FORCE})
    run_again(db, shop, june)
    assert states(db, shop) == {"A-1": State.IN_FORCE}
    assert states(db, shop, "2026-03") == {}
    found = [(entry.act, entry.actor, entry.data.get("period")) for entry in noted(db)]
    assert found == [
        (Act.ACCEPTANCE_MADE, "ada", None),
        *((Act.ACCEPTANCE_APPLIED, "reconciliation", period) for period in ("2026-04", "2026-05", "2026-06")),
    ]


def test_a_standing_one_is_approved_by_what_is_left_in_its_own_month(db: Database, shop: Service) -> None:
    accept(db, shop, LARGE, kind=Kind.STANDING)
    reconcile(db, a_row(an_instance("200.00", "41.00", period="2026-05"), period="2026-05", subscription="s9"))
    assert states(db, shop) == {"A-1": State.VOID_CHANGED}
    approve(db, shop, "D-1")
    assert states(db, shop, "2026-04") == {"A-1": State.IN_FORCE}


def test_a_standing_decision_on_a_row_stands_for_each_charge(db: Database, shop: Service) -> None:
    row = a_row(an_instance(), an_instance("3.00", "1.00", charge="cpu_seconds", status=Status.DELTA), subscription="s6")
    reconcile(db, row)
    done = accept(db, shop, row, kind=Kind.STANDING)
    assert [(one.charge, one.residual) for one in done.acceptances] == [
        ("flat", money("9.14 CAD")),
        ("cpu_seconds", money("2 CAD")),
    ]
    assert len({one.decision.decision_id for one in done.acceptances}) == 1
