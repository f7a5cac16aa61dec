"""A flip where Odoo itself invoices: the plan and its days come before the confirmation, the token by an act of its own."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.attestations import Attestation, Statement
from fcb_pipelines.domain.flip import Part, Phase, State, Step, course, faults
from fcb_pipelines.odoo.edition import subscription_plans
from fcb_pipelines.store import journal
from fcb_pipelines_tests.acts.flipping import Cohort, a_token
from fcb_pipelines_tests.faults.flips import Bench, bench
from fcb_pipelines_tests.flips import NOW

JULY = date(2026, 7, 1)


@pytest.fixture(scope="module")
def table(postgres_url: str, store_template: str) -> Iterator[Bench]:
    with bench(postgres_url, store_template, "enterprise-19") as found:
        yield found


@pytest.fixture
def cohort(table: Bench, store_database: str) -> Iterator[Cohort]:
    with table.cohort(store_database) as found:
        yield found


def test_the_order_runs_as_a_subscription_from_its_boundary_and_is_charged_by_an_act_of_its_own(cohort: Cohort) -> None:
    cohort.live()
    (plan,) = [each for interval, each in subscription_plans(cohort.odoo).items() if interval.months == 1]
    order = cohort.order("s3")
    assert (order.state, order.plan_id, order.start_on, order.next_invoice_on) == ("sale", plan, JULY, JULY)
    assert (order.subscription_state, order.token_id) == ("3_progress", None)
    cohort.arm(Part.CHARGE)
    cohort.charge()
    assert cohort.order("s3").token_id == cohort.flip.plan.subscriptions[2].token_id
    assert cohort.order("s1").token_id is None
    assert course(cohort.journal("s1")).done[Step.TOKEN_ATTACHED].data["token"] is None


def test_a_token_that_came_after_the_flip_is_attached(cohort: Cohort) -> None:
    cohort.live()
    partner = cohort.order("s1").partner_id
    token = a_token(cohort.odoo, partner)
    cohort.arm(Part.CHARGE)
    cohort.charge()
    assert {cohort.order(one).token_id for one in ("s1", "s2")} == {token}


def test_a_card_and_what_was_charged_by_it_keep_nobody_on_the_way_back(cohort: Cohort) -> None:
    """The card is the customer's, and Odoo lets the order keep what it tried to charge."""
    cohort.live()
    order = cohort.order("s1")
    token = a_token(cohort.odoo, order.partner_id)
    cohort.arm(Part.CHARGE)
    cohort.charge()
    assert order.partner_id is not None
    tried = charged(cohort, order.odoo_id, order.partner_id, token)
    stands = cohort.back().stands
    assert set(stands.states.values()) == {State.SHADOW}, stands.open()
    assert cohort.order("s1").token_id is None
    found = course(cohort.journal("s1")).done[Step.UNDONE].data["differences"]
    shown = {each["field"]: each["after"] for each in found if (each["kind"], each["field"]) == ("orders", "transaction_ids")}
    assert shown == {"transaction_ids": [tried]}
    assert [each["record"] for each in found if each["kind"] == "tokens"] == [str(token)]
    cohort.odoo.unlink("payment.transaction", [tried])


def charged(cohort: Cohort, order: int, partner: int, token: int) -> int:
    """An attempt to charge an order, as Odoo notes it."""
    models = {"provider_id": "payment.provider", "payment_method_id": "payment.method", "currency_id": "res.currency"}
    provided = {name: cohort.odoo.search_read(model, [], ["id"], limit=1)[0]["id"] for name, model in models.items()}
    values = {"reference": f"{cohort.chain.service.code} 1", "partner_id": partner, "amount": 22.59, "token_id": token}
    links = {"sale_order_ids": [(6, 0, [order])]}
    return int(cohort.odoo.call("payment.transaction", "create", {**provided, **values, **links}))


def test_of_several_tokens_none_is_chosen_until_one_is_left(cohort: Cohort) -> None:
    cohort.live()
    tokens = [a_token(cohort.odoo, cohort.order("s1").partner_id) for _ in range(2)]
    cohort.arm(Part.CHARGE)
    stands = cohort.charge()
    assert "has 2 payment tokens in Odoo, and nobody says which" in stands.open()["s1"]
    assert cohort.order("s1").token_id is None
    cohort.odoo.write("payment.token", tokens[:1], {"active": False})
    cohort.charge()
    assert cohort.order("s1").token_id == tokens[1]
    assert faults(cohort.journal()) == ()


def test_who_is_said_to_pay_without_a_token_is_charged_by_none(cohort: Cohort) -> None:
    """Neither by the one that the plan knew of, nor by one of several: what was signed says more than what is there."""
    cohort.live()
    for _ in range(2):
        a_token(cohort.odoo, cohort.order("s1").partner_id)
    cohort.attested = {(Statement.NO_TOKEN, user): without_token(user) for user in ("u1", "u2")}
    cohort.arm(Part.CHARGE)
    stands = cohort.charge()
    assert {one: cohort.order(one).token_id for one in ("s1", "s2", "s3")} == dict.fromkeys(("s1", "s2", "s3"))
    assert stands.open().keys() == {"s1", "s2", "s3"}, "they wait for the last bill of the source"
    before, after = (entry.data for entry in cohort.journal("s3") if entry.step is Step.TOKEN_ATTACHED)
    assert before == {"tokens": [], "attestation": "T-u2", "author": "grace"}
    assert (after["token"], after["is_charged"], after["attestation"], after["author"]) == (None, False, "T-u2", "grace")


def test_a_token_that_an_interrupted_run_attached_goes_once_they_are_said_to_pay_without(cohort: Cohort) -> None:
    token = cohort.live().flip.plan.subscriptions[2].token_id
    begun(cohort, {"tokens": [token]})
    cohort.odoo.write("sale.order", [cohort.order("s3").odoo_id], {"payment_token_id": token})
    cohort.attested = {(Statement.NO_TOKEN, "u2"): without_token("u2")}
    cohort.charge()
    assert (cohort.order("s3").token_id, faults(cohort.journal("s3"))) == (None, ())


def test_what_was_begun_on_a_signature_that_is_gone_is_begun_anew(cohort: Cohort) -> None:
    cohort.live()
    begun(cohort, {"tokens": [], "attestation": "T-u2", "author": "grace"})
    assert "T-u2, which said that they pay without a token, holds no longer" in cohort.charge().open()["s3"]
    cohort.charge()
    assert cohort.order("s3").token_id == cohort.flip.plan.subscriptions[2].token_id
    assert faults(cohort.journal("s3")) == ()


def begun(cohort: Cohort, data: Mapping[str, Any]) -> None:
    """Armed to be charged, and of s3 begun by a run that was interrupted."""
    cohort.arm(Part.CHARGE)
    entry = replace(cohort.journal("s3")[-1], step=Step.TOKEN_ATTACHED, phase=Phase.BEFORE, data=data)
    with cohort.chain.db.transaction() as conn:
        journal.append(conn, cohort.chain.service.code, entry)


def without_token(user: str) -> Attestation:
    return Attestation(
        attestation_id=f"T-{user}",
        statement=Statement.NO_TOKEN,
        subject=user,
        value=None,
        text="pays by bank transfer",
        author="grace",
        made_at=NOW,
        expires_at=NOW + timedelta(days=9),
    )


def test_another_next_invoice_than_planned_is_not_called_live(cohort: Cohort) -> None:
    cohort.arm()
    cohort.said = Changing(cohort)
    stands = cohort.go()
    assert "its next invoice is on 2026-08-01, not 2026-07-01" in stands.open()["s1"]
    assert cohort.words("s1")[-1] == (Step.PREVIEWED, Phase.REFUSED)
    cohort.odoo.write("sale.order", [cohort.order().odoo_id], {"next_invoice_date": "2026-07-01"})
    assert set(cohort.go().states.values()) == {State.LIVE}
    assert faults(cohort.journal()) == ()


class Changing(list[str]):
    """Somebody sets another day in Odoo as soon as the first order is confirmed."""

    def __init__(self, cohort: Cohort) -> None:
        super().__init__()
        self._cohort = cohort

    def append(self, line: str) -> None:
        super().append(line)
        if line == "s1: confirmed done":
            order = self._cohort.order("s1").odoo_id
            self._cohort.odoo.write("sale.order", [order], {"next_invoice_date": "2026-08-01"})


@pytest.mark.parametrize("nights", [1, 2])
def test_a_run_that_died_before_the_preview_is_resumed_whatever_odoo_invoiced_meanwhile(cohort: Cohort, nights: int) -> None:
    """Each invoice that it posts of a confirmed order moves the day of the next one by a month; a draft moves nothing."""
    one = confirmed(cohort)
    cohort.invoice(one, is_posted=False)
    for _ in range(nights):
        cohort.invoice(one)
    cohort.odoo.write("sale.order", [cohort.order(one).odoo_id], {"next_invoice_date": "2026-08-01"})
    states = cohort.go().states
    if nights > 1:
        last = cohort.journal(one)[-1]
        assert (states[one], last.phase) == (State.FLIPPING, Phase.REFUSED)
        assert "its next invoice is on 2026-08-01, not 2026-09-01 after INV/" in str(last.data["why"])
        cohort.odoo.write("sale.order", [cohort.order(one).odoo_id], {"next_invoice_date": "2026-09-01"})
    assert set(cohort.go().states.values()) == {State.LIVE}
    assert faults(cohort.journal(one)) == ()
    assert set(cohort.back().stands.states.values()) == {State.SHADOW}, "what Odoo posted is credited like any other"


def confirmed(cohort: Cohort) -> str:
    """The first subscription whose order is confirmed, by a run that died right after."""
    cohort.arm()
    cohort.said = Dying()
    with pytest.raises(KeyboardInterrupt):
        cohort.go()
    cohort.said = []
    (name,) = [one for one in ("s1", "s2", "s3") if cohort.order(one).state == "sale"]
    return name


class Dying(list[str]):
    """Somebody ends the run as soon as the first order is confirmed."""

    def append(self, line: str) -> None:
        super().append(line)
        if line.endswith("confirmed done"):
            raise KeyboardInterrupt


def test_usage_that_we_put_on_the_order_goes_with_the_flip(cohort: Cohort) -> None:
    cohort.live()
    order = cohort.order("s1").odoo_id
    line = cohort.chain.ids("sale.order.line")[cohort.chain.xid("subscription_s1_line")]
    (own,) = cohort.odoo.search_read("sale.order.line", [("id", "=", line)], ["product_id"])
    values = {"order_id": order, "product_id": own["product_id"][0], "product_uom_qty": 3, "price_unit": 1.0}
    added = cohort.odoo.call("sale.order.line", "create", values)
    name = f"{cohort.chain.service.code}_usage_line_s1=2f2026-07_cpu"
    xid = {"module": "fcb", "name": name, "model": "sale.order.line", "res_id": added}
    cohort.odoo.call("ir.model.data", "create", xid)
    undone = cohort.back()
    assert set(undone.stands.states.values()) == {State.SHADOW}, undone.stands.open()
    assert cohort.odoo.search_read("sale.order.line", [("id", "=", added)], ["id"]) == []
    order_now = cohort.order("s1")
    assert (order_now.state, order_now.plan_id, order_now.net.amount) == ("draft", None, Decimal("19.99"))
