"""After a flip, on each Odoo: what is billed twice or by nobody raises an alarm, and payments become facts, each once."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.acts import alarms
from fcb_pipelines.acts.balances import opening_balances
from fcb_pipelines.acts.digest import digest
from fcb_pipelines.acts.guards import Guarded, guard
from fcb_pipelines.acts.payments import Followed, follow
from fcb_pipelines.acts.unflip_plan import used_of
from fcb_pipelines.domain.alarms import NO_LONGER_SO
from fcb_pipelines.domain.audit import Act
from fcb_pipelines.domain.balances import Comparison
from fcb_pipelines.domain.digest import Topic
from fcb_pipelines.domain.errors import InvalidInput, RuleViolation
from fcb_pipelines.domain.flip import STEPS, Part, Step
from fcb_pipelines.domain.guards import Kind
from fcb_pipelines.domain.live_months import Side, side
from fcb_pipelines.domain.payments import Fact
from fcb_pipelines.store import audit, flips, rating
from fcb_pipelines.store import payments as stored
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.gone_live import go_back, go_live, note
from fcb_pipelines_tests.acts.live_month import APRIL, JUNE, LIVE, MAY, LiveMonth, a_live_month, imported_and_rated
from fcb_pipelines_tests.acts.month import USED, Month
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.source.small_host import FIRST
from fcb_pipelines_tests.webhooks.told import told

DEPLOYMENT = "5d5bd7e2-6b3f-4d50-8b3a-0a1d6f6f2c11"


@pytest.fixture
def live(month: Month) -> Iterator[LiveMonth]:
    """April closed, May drafted for real and not posted; payments are taken back afterwards."""
    found = a_live_month(month)
    found.close()
    found.live(may_post=False)
    yield found
    theirs, odoo = [("partner_id.email", "=", found.april.chain.email("1"))], month.chain.odoo
    odoo.unlink("payment.transaction", [row["id"] for row in odoo.search_read("payment.transaction", theirs, ["id"])])
    if payments := [row["id"] for row in odoo.search_read("account.payment", theirs, ["id"])]:
        running = odoo.search_read("account.payment", [("id", "in", payments), ("state", "!=", "canceled")], ["id"])
        odoo.call("account.payment", "action_cancel", [row["id"] for row in running])
        odoo.call("account.payment", "action_draft", payments)
        odoo.unlink("account.payment", payments)


def guarded(live: LiveMonth) -> Guarded:
    chain = live.april.chain
    return guard(chain.db, chain.odoo, chain.service, NOW)


def found(done: Guarded) -> list[tuple[Kind, str]]:
    return [(one.kind, one.subject.removeprefix(f"{FIRST}/")) for one in done.alarms.open]


def acts(live: LiveMonth) -> list[tuple[Act, str]]:
    """What the audit log says of alarms: which act, by whom."""
    with live.april.chain.db.transaction() as conn:
        return [(one.act, one.actor) for one in audit.noted(conn, live.code, [Act.ALARM_RAISED, Act.ALARM_CLEARED])]


FLAT, USAGE = (Kind.NEVER_BILLED, "flat/2026-05-01"), (Kind.NEVER_BILLED, "cpu_seconds/2026-04-01")


def test_what_stays_a_draft_is_billed_by_nobody_until_it_is_posted(live: LiveMonth) -> None:
    first, again = guarded(live), guarded(live)
    assert (found(first), len(first.alarms.raised), first.is_quiet) == ([USAGE, FLAT], 2, False)
    assert (again.alarms.raised, again.alarms.open) == ((), first.alarms.open), "an alarm is raised once"
    assert "still a draft" in first.alarms.open[0].words
    with live.april.chain.db.transaction() as conn:
        told = [one for one in digest(conn, live.april.chain.service, NOW) if one.topic is Topic.LIVE_UNBILLED]
    assert len(told) == 2
    live.live()
    done = guarded(live)
    assert (found(done), {one.cleared_by for one in done.alarms.cleared}, done.is_quiet) == ([], {NO_LONGER_SO}, True)
    assert acts(live) == [(Act.ALARM_RAISED, "guard")] * 2 + [(Act.ALARM_CLEARED, "guard")] * 2
    go_back(live.april.chain.db, live.code, FIRST)
    assert guarded(live).watched == 0


def test_what_the_source_bills_too_stops_posting_until_it_gives_it_back(live: LiveMonth) -> None:
    live.live()
    live.bill_by_both()
    done = guarded(live)
    (alarm,) = done.alarms.open
    assert (alarm.kind, alarm.subject) == (Kind.BILLED_TWICE, f"{FIRST}/flat/2026-05-01")
    assert "in_5/1" in alarm.words
    assert "claim F-1" in alarm.words
    assert [one.id for one in live.live().objections] == ["read_back", "open_alarm"]
    db, code = live.april.chain.db, live.code
    for text, person, error in (("", "ada", InvalidInput), ("credited", "", InvalidInput), ("credited", "guard", InvalidInput)):
        with db.transaction() as conn, pytest.raises(error):
            alarms.clear(conn, code, alarm.alarm_id, person=person, text=text, now=NOW)
    with db.transaction() as conn:
        alarms.clear(conn, code, alarm.alarm_id, person="ada", text="credited by hand", now=NOW)
    assert guarded(live).alarms.open == (), "what a person cleared is not raised again while the same is so"
    assert live.live().is_clean
    with db.transaction() as conn, pytest.raises(RuleViolation, match="no open alarm"):
        alarms.clear(conn, code, alarm.alarm_id, person="ada", text="again", now=NOW)
    assert acts(live)[-1] == (Act.ALARM_CLEARED, "ada")
    live.april.host.run("UPDATE invoices SET provider_id = 'in_6', external_invoice_id = 'in_6' WHERE provider_id = 'in_5'")
    live.april.snapshot()
    assert len(guarded(live).alarms.raised) == 1, "another bill is another thing"


@pytest.mark.parametrize("until", [Step.PLAN_SET, Step.CONFIRMED])
def test_who_stopped_half_way_is_watched(month: Month, until: Step) -> None:
    """Their order may be confirmed: Odoo, or somebody in it, invoices it, and the source was stopped."""
    half = imported_and_rated(month)
    go_live(month.chain.db, half.code, FIRST, {"flat": MAY, "cpu_seconds": APRIL}, until=until)
    half.claim("flat", MAY, JUNE)
    half.claim("cpu_seconds", APRIL, MAY)
    first = guarded(half)
    assert (found(first), first.watched) == ([USAGE, FLAT], 1), "nobody bills them"
    assert all("fcb flip --go" in one.what_to_do for one in first.alarms.open)
    half.bill_by_both()
    assert found(guarded(half)) == [USAGE, (Kind.BILLED_TWICE, "flat/2026-05-01")]


def test_who_goes_back_is_watched_until_it_is_undone(live: LiveMonth) -> None:
    """What Odoo invoiced and the source bills again is billed twice until it is credited; what nobody billed is no alarm."""
    db, code, steps = live.april.chain.db, live.code, STEPS[Part.UNFLIP]
    live.live()
    note(db, code, FIRST, *steps[:2])
    assert (guarded(live).is_quiet, guarded(live).watched) == (True, 1)
    live.bill_by_both()
    assert found(guarded(live)) == [(Kind.BILLED_TWICE, "flat/2026-05-01")]
    live.take_back()
    note(db, code, FIRST, *steps[2:4])
    assert (found(guarded(live)), guarded(live).watched) == ([], 1), "nor that the source has not billed the usage yet"
    note(db, code, FIRST, *steps[4:])
    assert guarded(live).watched == 0


def test_a_charge_that_its_plan_got_after_the_flip_is_watched_and_handed_back(month: Month) -> None:
    """Odoo bills it from the boundary that its invoices follow; after an unflip the source does, and is told how much."""
    later, chain = imported_and_rated(month), month.chain
    go_live(chain.db, later.code, FIRST, {"flat": APRIL})
    later.claim("flat", APRIL, JUNE)
    alarms_ = [(one.kind, one.subject.removeprefix(f"{FIRST}/")) for one in guarded(later).findings]
    assert (Kind.CLAIM_MISSING, "cpu_seconds/2026-04-01") in alarms_
    with chain.db.transaction() as conn:
        (one,) = flips.live_subscriptions(conn, later.code).values()
        due = [line for _, line in rating.expected_due(conn, later.code, later.may.work.period, [FIRST]) if line.is_due]
        usage = {line.charge for line in due if side(line, {FIRST: one.boundaries}) is Side.LIVE} - {"flat"}
        back = used_of(conn, chain.service, one.plan, NOW)
    assert usage == {"cpu_seconds"}, "what is Odoo's to bill"
    assert [(each.charge, each.service_from, each.service_to, each.quantity) for each in back] == [
        ("cpu_seconds", APRIL, MAY, Decimal(USED))
    ]


def test_an_order_that_somebody_invoices_by_hand_is_invoiced_twice(live: LiveMonth) -> None:
    live.live()
    chain = live.april.chain
    order, line = chain.ids("sale.order")[chain.xid(f"subscription_{FIRST}")], chain.line(f"subscription_{FIRST}_line")
    partner = chain.ids("res.partner")[chain.xid("user_1")]
    billed = {"name": "x", "quantity": 1, "price_unit": 9.14, "sale_line_ids": [[6, 0, [line["id"]]]]}
    values = {"move_type": "out_invoice", "partner_id": partner, "invoice_date": "2026-05-20"}
    move = chain.odoo.call("account.move", "create", {**values, "invoice_line_ids": [[0, 0, billed]]})
    done = guarded(live)
    assert (found(done), order > 0) == ([(Kind.INVOICED_TWICE, "flat/2026-05-01")], True)
    chain.odoo.unlink("account.move", [move])
    assert guarded(live).is_quiet


def followed(live: LiveMonth, done: Followed | None = None) -> Followed:
    chain = live.april.chain
    return follow(chain.db, chain.odoo, chain.service, done.cursor if done else None, NOW)


def paid(live: LiveMonth, move: dict[str, Any]) -> int:
    """Pay an invoice in full; the payment."""
    odoo = live.april.chain.odoo
    values = {"partner_id": move["partner_id"][0], "amount": move["amount_total"], "payment_type": "inbound"}
    payment = odoo.call("account.payment", "create", {**values, "partner_type": "customer"})
    odoo.call("account.payment", "action_post", [payment])
    (entry,) = odoo.search_read("account.payment", [("id", "=", payment)], ["move_id"])
    domain = [("move_id", "=", entry["move_id"][0]), ("account_type", "=", "asset_receivable")]
    (line,) = odoo.search_read("account.move.line", domain, ["id"])
    odoo.call("account.move", "js_assign_outstanding_line", [move["id"]], line["id"])
    return int(payment)


def charge_failed(live: LiveMonth, move: dict[str, Any], **changes: Any) -> None:
    odoo = live.april.chain.odoo
    models = {"provider_id": "payment.provider", "payment_method_id": "payment.method"}
    provided = {name: odoo.search_read(model, [], ["id"], limit=1)[0]["id"] for name, model in models.items()}
    values = {"reference": f"{live.code} 1", "partner_id": move["partner_id"][0], "amount": move["amount_total"]}
    attempt = {**provided, **values, "currency_id": move["currency_id"][0], "invoice_ids": [[6, 0, [move["id"]]]]} | changes
    made = odoo.call("payment.transaction", "create", attempt)
    odoo.write("payment.transaction", [made], {"state": "error", "state_message": "card declined"})


def test_what_becomes_of_an_invoice_is_a_fact_once_however_often_it_is_read(live: LiveMonth) -> None:
    live.april.host.run(f"UPDATE subscriptions SET external_deployment_id = '{DEPLOYMENT}'")
    live.april.snapshot()
    live.live()
    shadow = live.april.drafted()
    move = live.april.moves()[LIVE]
    before = followed(live)
    assert (before.new, shadow.created) == ((), 1)
    charge_failed(live, move)
    payment = paid(live, move)
    first = followed(live, before)
    assert sorted(one.fact for one in first.new) == [Fact.INVOICE_PAID, Fact.PAYMENT_FAILED]
    assert {one.external_subscription_id for one in first.new} == {FIRST}
    assert {str(one.amount) for one in first.new if one.fact is Fact.INVOICE_PAID} == {"11.18 CAD"}
    assert [one.data["message"] for one in first.new if one.fact is Fact.PAYMENT_FAILED] == ["card declined"]
    assert (followed(live, first).new, followed(live).new) == ((), ()), "nor with a cursor that was lost"
    live.april.chain.odoo.call("account.payment", "action_cancel", [payment])
    (open_again,) = followed(live, first).new
    assert (open_again.fact, open_again.move_id) == (Fact.PAYMENT_TAKEN_BACK, move["id"])
    paid(live, move)
    (again,) = followed(live, first).new
    assert (again.fact, again.move_id) == (Fact.INVOICE_PAID, move["id"])
    with live.april.chain.db.transaction() as conn:
        assert len(stored.facts(conn, live.code)) == 4
    assert messages(live) == [
        ("invoice.payment_failed", 1, "charge_failed"),
        ("invoice.payment_succeeded", 2, "payment"),
        ("invoice.payment_failed", 3, "payment_taken_back"),
        ("invoice.payment_succeeded", 4, "payment"),
    ]


def messages(live: LiveMonth) -> list[tuple[str, int, str]]:
    """What a host is told of the first subscription, in order: type, sequence, and why or how."""
    bodies = told(live.april.chain.db, live.code)
    assert {one["data"]["deployment_id"] for one in bodies} == {DEPLOYMENT}
    return [(one["type"], one["sequence"], one["data"].get("reason") or one["data"]["settled_by"]) for one in bodies]


def test_what_is_open_for_too_long_is_told_once_and_what_is_paid_by_then_is_not(live: LiveMonth) -> None:
    live.live()
    move = live.april.moves()[LIVE]
    chain = live.april.chain
    grace = timedelta(days=chain.service.dunning.grace_days)
    (row,) = chain.odoo.search_read("account.move", [("id", "=", move["id"])], ["invoice_date_due"])
    due = datetime.combine(date.fromisoformat(row["invoice_date_due"]), time(12), chain.service.zone)
    after = followed(live)
    assert follow(chain.db, chain.odoo, chain.service, after.cursor, due + grace).new == (), "the last day of grace"
    (late,) = follow(chain.db, chain.odoo, chain.service, NOW + grace * 9, due + grace + timedelta(days=1)).new
    assert (late.fact, late.move_id, str(late.amount)) == (Fact.INVOICE_OVERDUE, move["id"], "11.18 CAD")
    assert follow(chain.db, chain.odoo, chain.service, None, due + grace * 9).new == (), "told once"
    payment = paid(live, move)
    assert [one.fact for one in followed(live).new] == [Fact.INVOICE_PAID]
    chain.odoo.call("account.payment", "action_cancel", [payment])
    again = follow(chain.db, chain.odoo, chain.service, None, due + grace * 9).new
    assert [one.fact for one in again] == [Fact.PAYMENT_TAKEN_BACK, Fact.INVOICE_OVERDUE]
    data = [one["data"] for one in told(chain.db, live.code)]
    assert [one.get("reason") for one in data] == ["overdue", None, "payment_taken_back", "overdue"]
    assert [one.get("final") for one in data] == [True, None, True, True]


def test_a_charge_that_failed_before_there_was_an_invoice_is_of_its_order(live: LiveMonth) -> None:
    """Odoo deletes a draft that it could not charge: the transaction is all that is left."""
    live.live()
    move, chain = live.april.moves()[LIVE], live.april.chain
    before = followed(live)
    order = chain.ids("sale.order")[chain.xid(f"subscription_{FIRST}")]
    charge_failed(live, move, invoice_ids=[[6, 0, []]], sale_order_ids=[[6, 0, [order]]])
    (one,) = followed(live, before).new
    assert (one.fact, one.move_id, one.order_id, one.external_subscription_id) == (Fact.PAYMENT_FAILED, 0, order, FIRST)
    assert followed(live).new == ()
    (message,) = told(chain.db, live.code)
    data = message["data"]
    assert (data["invoice"], data["attempt"], data["final"], data["amount"]) == (None, 1, False, "11.18")


def test_a_subscription_that_was_taken_back_is_followed_on(live: LiveMonth) -> None:
    """What it was billed is paid or given back after that too."""
    live.live()
    move = live.april.moves()[LIVE]
    before = followed(live)
    go_back(live.april.chain.db, live.code, FIRST)
    paid(live, move)
    assert [one.fact for one in followed(live, before).new] == [Fact.INVOICE_PAID]


def test_an_invoice_from_before_the_boundary_drives_nothing(live: LiveMonth) -> None:
    """April's price was the source's: its draft, posted by somebody and paid, is no fact and no second bill of May."""
    live.live()
    live.april.drafted()
    shadow = live.april.moves()[f"invoice_{FIRST}=2f2026-04"]
    live.april.chain.odoo.call("account.move", "action_post", [shadow["id"]])
    paid(live, shadow)
    charge_failed(live, shadow)
    assert followed(live).new == ()


def test_opening_balances_of_both_sides(live: LiveMonth) -> None:
    chain = live.april.chain
    before = opening_balances(chain.db, chain.odoo, chain.service, NOW, ["1"])
    assert [one.comparison for one in before] == [Comparison.NOT_KNOWN], "no record of the source tells a balance"
    live.april.host.run("""INSERT INTO evidence VALUES ('deposit', 'user', '1', NULL, NULL, '{"amount": "25"}', 'deposit 1')""")
    live.april.snapshot()
    assert [one.comparison for one in opening_balances(chain.db, chain.odoo, chain.service, NOW, ["1"])] == [
        Comparison.DIFFERENT
    ]
    partner = chain.ids("res.partner")[chain.xid("user_1")]
    values = {"partner_id": partner, "amount": 25.0, "payment_type": "inbound", "partner_type": "customer"}
    payment = chain.odoo.call("account.payment", "create", values)
    chain.odoo.call("account.payment", "action_post", [payment])
    (one,) = opening_balances(chain.db, chain.odoo, chain.service, NOW, ["1"])
    assert (one.comparison, str(one.source), str(one.odoo)) == (Comparison.EQUAL, "25.00 CAD", "25.00 CAD")
    assert one.references == ("deposit 1",)


def test_the_user_with_the_least_rights_can_do_it_all(live: LiveMonth, least: Chain) -> None:
    service = live.april.chain.service
    assert len(live.live(odoo=least.odoo).posted) == 1
    assert guard(least.db, least.odoo, service, NOW).is_quiet
    paid(live, live.april.moves()[LIVE])
    assert [one.fact for one in follow(least.db, least.odoo, service, None, NOW).new] == [Fact.INVOICE_PAID]
    assert len(opening_balances(least.db, least.odoo, service, NOW, ["1"])) == 1
