"""The import chain on the other editions of the sandbox: Enterprise with subscriptions, and 18 with its own names."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.acts.prune import STILL_NAMED, prunable, prune
from fcb_pipelines.local.postgres import in_database
from fcb_pipelines.odoo.removal import TAKES_ORDERS
from fcb_pipelines_tests.acts.chain import Chain, counts, reasons, silent
from fcb_pipelines_tests.acts.source_records import a_plan, a_service, a_subscription, a_user, records
from fcb_pipelines_tests.conftest import NOW
from fcb_pipelines_tests.kept import KeptStore
from fcb_pipelines_tests.odoo.editions import as_user, sandbox_of

COMMUNITY_18, ENTERPRISE_19 = "community-18", "enterprise-19"
BOTH = (COMMUNITY_18, ENTERPRISE_19)
SOURCE = records(users=(a_user(),), plans=(a_plan(unit_price=Decimal("0.01")),), subscriptions=(a_subscription(),))


@pytest.fixture(scope="module")
def urls(postgres_url: str) -> Iterator[dict[str, str]]:
    """The address of a sandbox of each edition, by edition."""
    with sandbox_of(postgres_url, COMMUNITY_18, "imports_18") as old, sandbox_of(postgres_url, ENTERPRISE_19, "imports_e") as e:
        yield {COMMUNITY_18: old, ENTERPRISE_19: e}


DATABASES = {COMMUNITY_18: "imports_18", ENTERPRISE_19: "imports_e"}


@pytest.fixture(params=[(edition, user) for edition in BOTH for user in ("admin", "importer")], ids="-".join)
def any_chain(request: pytest.FixtureRequest, urls: dict[str, str], store_database: str) -> Iterator[Chain]:
    """The imports on each of them, as the administrator and as the user with the least rights."""
    edition, user = request.param
    yield from _chain(urls[edition], edition, store_database, user)


@pytest.fixture
def enterprise(urls: dict[str, str], store_database: str) -> Iterator[Chain]:
    """The imports on Enterprise, as the administrator."""
    yield from _chain(urls[ENTERPRISE_19], ENTERPRISE_19, store_database, "admin")


@pytest.fixture
def old(urls: dict[str, str], store_database: str) -> Iterator[Chain]:
    """The imports on 18, as the administrator."""
    yield from _chain(urls[COMMUNITY_18], COMMUNITY_18, store_database, "admin")


def _chain(url: str, edition: str, store_database: str, user: str) -> Iterator[Chain]:
    db = KeptStore(store_database)
    with db.transaction() as conn:
        conn.execute(
            "INSERT INTO source_snapshot (service, taken_at, is_demo, content_hash) VALUES ('any', %s, false, '')", [NOW]
        )
    service = a_service(f"t{secrets.token_hex(5)}")
    yield Chain(db=db, odoo=as_user(url, DATABASES[edition], user), service=service)
    Chain(db=db, odoo=as_user(url, DATABASES[edition]), service=service).remove()


def test_what_is_imported_twice_changes_nothing_and_is_inert(any_chain: Chain) -> None:
    assert [counts(done) for done in any_chain.all(SOURCE)] == [(1, 0, 0, 0, 0)] * 3
    assert [counts(done) for done in any_chain.all(SOURCE)] == [(0, 0, 1, 0, 0)] * 3
    assert shadow_inert(any_chain.odoo, any_chain.db, any_chain.service) == ()


def test_what_nothing_needs_any_more_can_be_pruned(enterprise: Chain) -> None:
    enterprise.all(SOURCE)
    reading = enterprise.reading(records(plans=(), subscriptions=()))
    there = [one.external_id for one in prunable(reading, take_all=False)]
    done = prune(reading, ids=there, take_all=False, report=silent)
    assert (done.removed, done.refused, len(there)) == (tuple(there), {}, 3)
    assert enterprise.ids("sale.order") == enterprise.ids("product.template") == {}


def test_only_the_flat_price_is_sold_by_the_period(enterprise: Chain) -> None:
    enterprise.plans(SOURCE)
    sold = [enterprise.one("product.template", name, "recurring_invoice") for name in ("plan_p1", "plan_usage_p1")]
    assert [row["recurring_invoice"] for row in sold] == [True, False]


def test_a_product_that_somebody_no_longer_sells_by_the_period_is_put_right(enterprise: Chain) -> None:
    enterprise.plans(SOURCE)
    product = enterprise.ids("product.template")[enterprise.xid("plan_p1")]
    enterprise.odoo.write("product.template", [product], {"recurring_invoice": False})
    assert counts(enterprise.plans(SOURCE)) == (0, 1, 0, 0, 0)
    assert enterprise.one("product.template", "plan_p1", "recurring_invoice")["recurring_invoice"] is True


def _live(chain: Chain, **values: Any) -> list[str]:
    """What the proof says after somebody has set values on the order."""
    chain.all(SOURCE)
    order = chain.ids("sale.order")[chain.xid("subscription_s1")]
    chain.odoo.write("sale.order", [order], values)
    found = shadow_inert(chain.odoo, chain.db, chain.service)
    assert {one.record for one in found} == {chain.xid("subscription_s1")}
    return [one.reason.partition(" has ")[2].partition(":")[0] for one in found]


def test_an_order_that_somebody_gave_a_plan_is_not_inert_and_stays_so(enterprise: Chain) -> None:
    (plan,) = enterprise.odoo.search_read("sale.subscription.plan", [("name", "=", "Monthly")], ["id"])
    assert _live(enterprise, plan_id=plan["id"]) == ["plan_id 'Monthly'", "subscription_state '1_draft'"]
    assert counts(enterprise.subscriptions(SOURCE)) == (0, 0, 1, 0, 0)
    assert len(shadow_inert(enterprise.odoo, enterprise.db, enterprise.service)) == 2
    order = enterprise.ids("sale.order")[enterprise.xid("subscription_s1")]
    enterprise.odoo.write("sale.order", [order], {"plan_id": False})


def test_an_order_that_somebody_gave_a_payment_token_is_not_inert(enterprise: Chain, postgres_url: str) -> None:
    with psycopg.connect(in_database(postgres_url, DATABASES[ENTERPRISE_19])) as conn:
        row = conn.execute(
            "INSERT INTO payment_token (provider_ref, payment_details, partner_id, active)"
            " VALUES ('tok_1', '4242', 3, true) RETURNING id"
        ).fetchone()
    assert row
    assert _live(enterprise, payment_token_id=row[0]) == ["payment_token_id '•••• 4242'"]


def test_a_price_that_18_would_cut_is_refused_until_its_accuracy_is_raised(old: Chain) -> None:
    fine = replace(SOURCE, plans=(a_plan(),))
    done = old.plans(fine)
    assert counts(done) == (0, 0, 0, 0, 1)
    assert "Odoo keeps 2 decimals of a price and 0.0075 has more" in reasons(done)["p1"]
    (precision,) = old.odoo.search_read("decimal.precision", [("name", "=", "Product Price")], ["id"])
    old.odoo.write("decimal.precision", [precision["id"]], {"digits": 6})
    try:
        assert counts(old.plans(fine)) == (1, 0, 0, 0, 0)
        assert old.one("product.template", "plan_usage_p1", "list_price")["list_price"] == 0.0075
    finally:
        old.odoo.write("decimal.precision", [precision["id"]], {"digits": 2})


def test_a_partner_that_18_would_delete_with_the_order_of_somebody_else_is_not_prunable(old: Chain) -> None:
    old.all(SOURCE)
    ours = old.ids("res.partner")[old.xid("user_u1")]
    other = old.odoo.call("res.partner", "create", {"name": "other", "email": old.email("other")})
    order = old.odoo.call("sale.order", "create", {"partner_id": other, "partner_invoice_id": ours})
    listed = [one.external_id for one in prunable(old.reading(records(users=(), plans=(), subscriptions=())), take_all=False)]
    assert listed == [old.xid(name) for name in ("subscription_s1", "plan_p1", "plan_usage_p1")]
    old.odoo.unlink("sale.order", [order])


def test_on_18_a_partner_is_archived_for_orders_that_our_user_cannot_see_would_go_with_it(old: Chain) -> None:
    old.partners(SOURCE)
    reading = old.reading(records(users=(), plans=(), subscriptions=()))
    (found,) = prunable(reading, take_all=False)
    assert found.archived_because == TAKES_ORDERS
    done = prune(reading, ids=[found.external_id], take_all=False, report=silent)
    assert (done.removed, done.archived, done.refused) == ((), (found.external_id,), {})
    assert old.one("res.partner", "user_u1", "active")["active"] is False
    assert prunable(reading, take_all=False) == ()


def test_a_partner_is_not_pruned_before_its_order_or_18_would_delete_both(old: Chain) -> None:
    old.all(SOURCE)
    reading = old.reading(records(users=(), plans=(), subscriptions=()))
    done = prune(reading, ids=[old.xid("user_u1")], take_all=False, report=silent)
    assert (done.removed, done.refused) == ((), {old.xid("user_u1"): STILL_NAMED})
    assert list(old.ids("sale.order")) == [old.xid("subscription_s1")]
