"""`fcb guard`, `alarms`, `payments`, `balances` and `live` as people type them, where Odoo need not be asked."""

import json
import os
import pwd
from typing import Any

import psycopg
import pytest

from fcb_pipelines.domain.delivery import Notice, NoticeKind
from fcb_pipelines.domain.guards import WHAT_TO_DO, Finding, Kind
from fcb_pipelines.domain.money import money
from fcb_pipelines.domain.payments import Fact, PaymentFact
from fcb_pipelines.store import alarms, notices, payments
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts import planted_source
from fcb_pipelines_tests.cli.conftest import Done, Fcb
from fcb_pipelines_tests.cli.webhooks import local
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.webhooks.listening import receiving

TWICE = Finding(kind=Kind.BILLED_TWICE, subject="s1/flat/2026-07-01", words="both bill it", evidence={"odoo": ["INV/1"]})
ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def db(store_database: str) -> Database:
    return Database(store_database)


@pytest.fixture
def alarm(db: Database) -> int:
    """An alarm that is open."""
    with db.transaction() as conn:
        (one,) = alarms.raise_alarms(conn, "shop", [TWICE], NOW)
    return one.alarm_id


def told(done: Done) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_while_an_alarm_is_open_guard_and_alarms_say_what_to_do_and_exit_with_1(fcb: Fcb, alarm: int) -> None:
    for command in ("guard", "alarms"):
        done = fcb(command)
        assert (done.returncode, "billed twice: s1/flat/2026-07-01: both bill it" in done.stdout) == (1, True)
        assert f"to do: {WHAT_TO_DO[Kind.BILLED_TWICE]}" in done.stdout
        (one,) = next(each for each in told(fcb(command, "--json")).values() if isinstance(each, list) and each)
        assert (one["id"], one["evidence"], one["cleared_by"]) == (alarm, {"odoo": ["INV/1"]}, None)


@pytest.mark.parametrize("status", [200, 503])
def test_what_is_untold_is_told_at_once_whether_messages_are_switched_on_or_not(
    fcb: Fcb, db: Database, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    with db.transaction() as conn:
        notices.add(conn, "shop", [Notice(kind=NoticeKind.ALARM, subject="s1", words="both bill s1")], NOW)
    with receiving() as receivers:
        receivers.statuses["/chat"] = status
        local(monkeypatch, is_on=False, FCB_OPERATOR_WEBHOOK_URL=f"{receivers.url}/chat")
        done = fcb("guard")
        again = fcb("guard")
    assert (done.returncode, done.stdout) == (0, "shop: 0 live subscriptions watched; 0 alarms are open\n")
    assert [json.loads(one.body)["notices"][0]["words"] for one in receivers.heard] == ["both bill s1"]
    failed = "an operator could not be told: what is at FCB_OPERATOR_WEBHOOK_URL did not take it: it answered 503"
    assert (failed in done.stderr, again.stderr) == (status == 503, "")


def test_a_person_clears_an_alarm_by_name_and_says_why(fcb: Fcb, db: Database, alarm: int) -> None:
    refused = fcb("alarms", "--clear", str(alarm))
    assert (refused.returncode, "--text" in refused.stderr) == (2, True)
    assert "no open alarm 77" in fcb("alarms", "--clear", "77", "--text", "x").stderr
    done = fcb("alarms", "--clear", str(alarm), "--text", "credited in the source")
    assert (done.returncode, done.stdout) == (0, "shop: no alarm is open\n")
    assert f"cleared alarm {alarm}" in done.stderr
    assert f": {ME})" in fcb("alarms", "--all").stdout
    assert fcb("guard").returncode == 0
    with db.transaction() as conn:
        (row,) = conn.execute("SELECT actor, data->>'text' FROM audit_log WHERE act = 'alarm_cleared'").fetchall()
    assert row == (ME, "credited in the source")


def test_where_nobody_is_live_there_is_nothing_to_guard_and_no_payment(fcb: Fcb) -> None:
    assert fcb("guard").stdout == "shop: 0 live subscriptions watched; 0 alarms are open\n"
    assert told(fcb("payments", "--json")) == {"service": "shop", "cursor": None, "new": 0, "ended": [], "facts": []}


def test_every_payment_fact_can_be_shown(fcb: Fcb, db: Database) -> None:
    paid = PaymentFact(
        fact=Fact.INVOICE_PAID,
        move_id=7,
        move_xid="fcb.shop_live_invoice_s1=2f2026-07",
        transaction_id=None,
        happened="4",
        external_user_id="u1",
        external_subscription_id="s1",
        amount=money("11.18 CAD"),
        data={"invoice": "INV/7"},
    )
    with db.transaction() as conn:
        assert len(payments.add(conn, "shop", [paid, paid], NOW)) == 1, "each once"
    assert "invoice paid: INV/7, 11.18 CAD, s1" in fcb("payments", "--all").stdout
    (one,) = told(fcb("payments", "--all", "--json"))["facts"]
    assert (one["amount"], one["currency"], one["subscription"]) == ("11.18", "CAD", "s1")
    assert fcb("payments", "--since", "yesterday").returncode == 2
    with db.transaction() as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("UPDATE payment_fact SET amount = 0")


def test_balances_that_nobody_told_are_not_known(fcb: Fcb, db: Database) -> None:
    assert "fcb import" in fcb("balances").stderr
    with db.transaction() as conn:
        planted_source.keep(conn, "shop")
    done = fcb("balances", "--json")
    assert (done.returncode, {one["comparison"] for one in told(done)["balances"]}) == (1, {"not_known"})
    assert "Odoo not known" in fcb("balances").stdout


def test_billing_for_real_is_off_until_it_is_switched_on(fcb: Fcb) -> None:
    done = fcb("live", "--period", "2026-04")
    assert (done.returncode, "FCB_ODOO_DRAFT_INVOICES=true" in done.stderr) == (1, True)
    done = fcb("live", "--period", "2026-04", "--dry-run")
    assert (done.returncode, "fcb run" in done.stderr) == (1, True)
