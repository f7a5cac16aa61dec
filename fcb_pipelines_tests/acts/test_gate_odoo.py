"""What the gate reads from an Odoo, and that whatever it cannot read is not known."""

from dataclasses import fields, replace

from fcb_pipelines.acts.gate import FlipGate, look, this_version
from fcb_pipelines.acts.gate_asking import Rules
from fcb_pipelines.acts.gate_odoo import ask_odoo
from fcb_pipelines.acts.stop import stop
from fcb_pipelines.domain.acceptances import Signature
from fcb_pipelines.domain.attestations import Statement
from fcb_pipelines.domain.flip import Part
from fcb_pipelines.domain.flip_plans import FlipPlan
from fcb_pipelines.domain.gate_facts import NotKnown, OdooFacts, OdooSetting
from fcb_pipelines.domain.money import money
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines.store.database import Database
from fcb_pipelines_tests.acts.chain import TAXES, Chain
from fcb_pipelines_tests.acts.flipping import NOW, Cohort
from fcb_pipelines_tests.acts.source_records import a_service
from fcb_pipelines_tests.flips import a_plan


def asked(chain: Chain, plan: FlipPlan | None) -> OdooFacts:
    return ask_odoo(chain.db, chain.odoo, chain.service, plan, NOW)


def settings(found: OdooFacts) -> dict[str, OdooSetting]:
    assert not isinstance(found.settings, NotKnown)
    return {one.name: one for one in found.settings}


def test_everything_that_is_asked_is_read_as_it_is_now(chain: Chain) -> None:
    cohort = Cohort.made(chain)
    plan = cohort.flip.plan
    found = asked(chain, plan)
    assert not isinstance(found.orders, NotKnown)
    assert {key: (one.state, one.net) for key, one in found.orders.items() if one is not None} == {
        key: ("draft", money("19.99 CAD")) for key in ("s1", "s2", "s3")
    }
    assert {one.external_subscription_id: one.partner_id for one in plan.subscriptions} == {
        key: one.partner_id for key, one in found.orders.items() if one is not None
    }
    assert (found.others_live, found.balances, found.not_inert) == ({}, {}, ())
    unfit = {name for name, one in settings(found).items() if one.is_fit is not True}
    assert unfit <= {"tax rounding", "sending invoices by itself", "quantity decimals", "e-mail of our user"}
    assert settings(found)["sending invoices by itself"].statement is Statement.AUTO_SEND
    _confirmed_by_hand(chain, cohort)


def _confirmed_by_hand(chain: Chain, cohort: Cohort) -> None:
    """What somebody does there is seen at once, and an order that was never made is none."""
    chain.odoo.call("sale.order", "action_confirm", [cohort.order("s1").odoo_id])
    one, other, *others = cohort.flip.plan.subscriptions
    found = asked(chain, replace(cohort.flip.plan, subscriptions=(one, replace(other, order_id=None), *others)))
    assert not isinstance(found.orders, NotKnown)
    assert not isinstance(found.not_inert, NotKnown)
    s1 = found.orders["s1"]
    assert (s1 is not None and s1.state, found.orders["s2"]) == ("sale", None)
    assert [each.record for each in found.not_inert] == [chain.xid("subscription_s1")]


def test_an_odoo_that_does_not_answer_tells_nothing_and_everything_is_asked_for(store_database: str) -> None:
    nobody = connect("http://127.0.0.1:1", "d", "u", "k", transport="jsonrpc", timeout_seconds=1)
    rules = Rules(taxes=TAXES, settings_hash="settings", version=this_version(), now=NOW)
    outside = look(Database(store_database), nobody, a_service("shop"), a_plan(), rules)
    unknown = [one for one in fields(outside.odoo) if isinstance(getattr(outside.odoo, one.name), NotKnown)]
    assert {one.name for one in unknown} == {"orders", "others_live", "settings", "balances", "not_inert"}
    assert isinstance(outside.replanned, NotKnown)


def test_the_gate_of_the_acts_reads_first_and_is_asked_in_their_transaction(chain: Chain) -> None:
    cohort = Cohort.made(chain)
    rules = Rules(taxes=TAXES, settings_hash="settings", version=this_version(), now=NOW)
    ask = FlipGate(db=chain.db, odoo=chain.odoo, service=chain.service, rules=rules)(cohort.flip, Part.FLIP)
    chain.odoo.call("sale.order", "action_confirm", [cohort.order("s1").odoo_id])
    with chain.db.transaction() as conn:
        stop(conn, chain.service, Signature(person="ada", at=NOW, text="wait"))
        said = {one.id for one in ask(conn, frozenset())}
    assert "stopped" in said
    assert not {"order_missing", "not_inert"} & said
    again = FlipGate(db=chain.db, odoo=chain.odoo, service=chain.service, rules=rules)(cohort.flip, Part.FLIP)
    with chain.db.transaction() as conn:
        assert {"order_missing", "not_inert"} <= {one.id for one in again(conn, frozenset())}
