"""A flip where Odoo itself invoices: the plan and its days come before the confirmation, the token by an act of its own."""

import secrets
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from fcb_pipelines.domain.flip import Part, Phase, State, Step, course, faults
from fcb_pipelines.odoo.edition import subscription_plans
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts.chain import Chain
from fcb_pipelines_tests.acts.flipping import Cohort, a_token
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.faults.flips import SNAPSHOT, Bench, bench
from fcb_pipelines_tests.flips import NOW

JULY = date(2026, 7, 1)


@pytest.fixture(scope="module")
def table(postgres_url: str, store_template: str) -> Iterator[Bench]:
    with bench(postgres_url, store_template, "enterprise-19") as found:
        yield found


@pytest.fixture
def cohort(table: Bench, store_database: str) -> Iterator[Cohort]:
    chain = Chain(db=Database(store_database), odoo=table.odoo, service=a_service(f"t{secrets.token_hex(5)}"))
    with chain.db.transaction() as conn:
        conn.execute(SNAPSHOT, [NOW])
    cohort = Cohort.made(chain)
    yield cohort
    cohort.remove()
    chain.remove()


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
