"""Pruning against each Odoo: what nobody used goes, what is used or needed stays, and nothing that is not ours is listed."""

from fcb_pipelines.acts.prune import Pruned, prunable, prune
from fcb_pipelines.acts.source import SourceRecords
from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.odoo.removal import CHANGED_BY_OTHERS, FIRST_THAT_LEAVES_ORDERS, TAKES_ORDERS
from fcb_pipelines.store.imports import records as odoo_records
from fcb_pipelines.store.partners import links
from fcb_pipelines_tests.acts.chain import MODELS, Chain, counts, silent
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, a_user, records

NOTHING_LEFT = records(users=(), plans=(), subscriptions=())
ALL_OF_IT = ("subscription_s1", "plan_p1", "plan_usage_p1", "user_u1")


def listed(chain: Chain, source: SourceRecords) -> list[str]:
    found = prunable(chain.reading(source), take_all=False)
    return [one.external_id for one in found]


def pruned(chain: Chain, source: SourceRecords, ids: list[str]) -> Pruned:
    return prune(chain.reading(source), ids=ids, take_all=False, report=silent)


def test_nothing_that_is_wanted_is_listed(chain: Chain) -> None:
    chain.all(records())
    assert listed(chain, records()) == []


def test_what_the_source_no_longer_has_goes_in_the_order_in_which_it_can(chain: Chain) -> None:
    chain.all(records())
    ids = listed(chain, NOTHING_LEFT)
    assert ids == [chain.xid(name) for name in ALL_OF_IT]
    assert pruned(chain, NOTHING_LEFT, ids) == Pruned(removed=tuple(ids), refused={})
    assert [chain.ids(model) for model in MODELS] == [{}, {}, {}]
    with chain.db.transaction() as conn:
        assert [odoo_records(conn, chain.service.code, entity) for entity in Entity] == [()] * len(Entity)
        assert links(conn, chain.service.code) == {}


def test_what_was_pruned_can_be_imported_again(chain: Chain) -> None:
    chain.all(records())
    pruned(chain, NOTHING_LEFT, listed(chain, NOTHING_LEFT))
    assert [counts(done) for done in chain.all(records())] == [(1, 0, 0, 0, 0)] * 3


def test_a_prune_forgets_what_one_that_ended_in_the_middle_removed(chain: Chain) -> None:
    chain.all(records())
    for model, name in (("sale.order", "subscription_s1"), ("product.template", "plan_p1"), ("res.partner", "user_u1")):
        chain.odoo.unlink(model, [chain.ids(model)[chain.xid(name)]])
    assert pruned(chain, NOTHING_LEFT, []) == Pruned(removed=(), refused={})
    with chain.db.transaction() as conn:
        left = [one.external_id for entity in Entity for one in odoo_records(conn, chain.service.code, entity)]
        assert left == [chain.xid("plan_usage_p1")]
        assert links(conn, chain.service.code) == {}


def test_plans_taken_by_an_import_of_all_go_once_only_some_are_wanted(chain: Chain) -> None:
    source = records(plans=(a_plan("p1"), a_plan("old", is_active=False)))
    chain.plans(source, take_all=True)
    assert listed(chain, source) == [chain.xid("plan_old"), chain.xid("plan_usage_old")]
    assert prunable(chain.reading(source), take_all=True) == ()


def test_what_somebody_uses_is_not_listed(chain: Chain) -> None:
    chain.all(records())
    product = chain.line()["product_id"][0]
    partner = chain.ids("res.partner")[chain.xid("user_u1")]
    mine = chain.odoo.call("sale.order", "create", {"partner_id": partner, "order_line": [(0, 0, {"product_id": product})]})
    assert listed(chain, NOTHING_LEFT) == [chain.xid("subscription_s1"), chain.xid("plan_usage_p1")]
    chain.odoo.unlink("sale.order", [mine])


def test_a_confirmed_order_and_all_it_needs_stay(chain: Chain) -> None:
    chain.all(records())
    chain.odoo.call("sale.order", "action_confirm", list(chain.ids("sale.order").values()))
    assert listed(chain, NOTHING_LEFT) == [chain.xid("plan_usage_p1")]


def test_a_failed_record_is_kept(chain: Chain) -> None:
    chain.all(records())
    broken = records(users=(a_user(country="ZZ"),), plans=(a_plan("p1", {}),))
    assert listed(chain, broken) == []


def test_only_what_was_chosen_goes_and_what_is_in_use_by_then_is_refused(chain: Chain) -> None:
    chain.all(records())
    chosen = [chain.xid("plan_usage_p1"), chain.xid("user_u1"), "fcb.other_user_1"]
    done = pruned(chain, NOTHING_LEFT, chosen)
    assert done.removed == (chain.xid("plan_usage_p1"),)
    assert sorted(done.refused) == ["fcb.other_user_1", chain.xid("user_u1")]
    assert listed(chain, records(subscriptions=(a_subscription(),))) == []


def test_a_partner_that_somebody_else_changed_is_archived_and_not_listed_again(chain: Chain, least: Chain) -> None:
    least.partners(records(users=(a_user("u1"), a_user("u2"))))
    ids = chain.ids("res.partner")
    chain.odoo.write("res.partner", [ids[chain.xid("user_u1")]], {"phone": "555 0100"})
    one, two = chain.xid("user_u1"), chain.xid("user_u2")
    found = prunable(least.reading(NOTHING_LEFT), take_all=False)
    if is_old(least):
        assert [each.archived_because for each in found] == [CHANGED_BY_OTHERS, TAKES_ORDERS]
        return
    assert {each.external_id: each.archived_because for each in found} == {one: CHANGED_BY_OTHERS, two: None}
    assert pruned(least, NOTHING_LEFT, [one, two]) == Pruned(removed=(two,), archived=(one,), refused={})
    assert (chain.one("res.partner", "user_u1", "active", "phone")["active"], list(chain.ids("res.partner"))) == (False, [one])
    assert listed(least, NOTHING_LEFT) == []
    assert counts(least.partners(records(users=(a_user("u1"),)))) == (0, 0, 1, 0, 0)


def is_old(chain: Chain) -> bool:
    return chain.odoo.version().major < FIRST_THAT_LEAVES_ORDERS


def test_a_partner_of_ours_that_is_declared_stays_ours(chain: Chain) -> None:
    chain.partners(records())
    made = chain.ids("res.partner")
    declaring = chain.configured(account_links={"u1": made[chain.xid("user_u1")]})
    assert listed(declaring, records()) == []
    assert counts(declaring.partners(records(users=(a_user(name="Changed"),)))) == (0, 1, 0, 0, 0)
    assert (chain.ids("res.partner"), listed(declaring, records())) == (made, [])
    assert listed(declaring, NOTHING_LEFT) == []
    assert listed(chain, NOTHING_LEFT) == [chain.xid("user_u1")]


def test_a_partner_that_another_user_is_linked_to_is_not_listed(chain: Chain, least: Chain) -> None:
    chain.partners(records(users=(a_user("u1"), a_user("u9"))))
    ids = chain.ids("res.partner")
    came = records(users=(a_user("u9"),))
    for by in (least, chain):
        by.configured(account_links={"u9": ids[chain.xid("user_u1")]}).partners(came)
        assert listed(by.configured(account_links={}), NOTHING_LEFT) == [chain.xid("user_u9")]
    with chain.db.transaction() as conn:
        conn.execute("DELETE FROM account_link")
    assert listed(chain, NOTHING_LEFT) == [chain.xid("user_u9")]


def test_a_user_with_the_e_mail_of_one_who_left_gets_a_partner_of_its_own(chain: Chain) -> None:
    email = chain.email("ann")
    chain.partners(records(users=(a_user("u1", email=email),)))
    came = records(users=(a_user("u9", email=email),), subscriptions=())
    assert counts(chain.partners(came)) == (1, 0, 0, 0, 0)
    assert listed(chain, came) == [chain.xid("user_u1")]
    assert pruned(chain, came, listed(chain, came)).refused == {}
    assert list(chain.ids("res.partner")) == [chain.xid("user_u9")]


def test_the_user_with_least_rights_is_told_what_odoo_refuses(chain: Chain, least: Chain) -> None:
    least.all(records())
    done = pruned(least, NOTHING_LEFT, listed(least, NOTHING_LEFT))
    assert done.refused[chain.xid("subscription_s1")] == "our user may not unlink: give it the group 'Sales / Administrator'"
    assert chain.xid("plan_usage_p1") in done.removed
