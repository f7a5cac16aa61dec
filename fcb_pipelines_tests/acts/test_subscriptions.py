"""Shadow subscriptions against each Odoo: draft orders, made once, changed by difference, left alone once confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.acts.completeness import import_complete
from fcb_pipelines.acts.inert import shadow_inert
from fcb_pipelines.domain.canonical import BadRow
from fcb_pipelines.domain.errors import RuleViolation
from fcb_pipelines.domain.imports import Action
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.odoo.client import Loaded, Odoo
from fcb_pipelines.store.imports import exclusive_import
from fcb_pipelines_tests.acts.chain import Chain, counts, reasons
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, a_user, an_invoice, records

BOTH = {Interval.MONTHLY: Decimal("19.99"), Interval.YEARLY: Decimal("199.90")}


def test_the_chain_makes_a_partner_two_products_and_a_draft_order(chain: Chain) -> None:
    assert [counts(done) for done in chain.all(records())] == [(1, 0, 0, 0, 0)] * 3
    order = chain.one("sale.order", "subscription_s1", "state", "currency_id", "partner_id", "client_order_ref")
    assert (order["state"], order["currency_id"][1], order["client_order_ref"]) == ("draft", "CAD", "s1")
    assert order["partner_id"][0] == chain.ids("res.partner")[chain.xid("user_u1")]
    line = chain.line()
    assert (line["price_unit"], line["product_uom_qty"], line["price_total"]) == (19.99, 1.0, 22.59)
    assert line["name"] == "Plan p1 – monthly flat price"


def test_a_second_import_does_nothing(chain: Chain) -> None:
    chain.all(records())
    before = chain.one("sale.order", "subscription_s1", "write_date")
    second = chain.all(records())
    assert [counts(done) for done in second] == [(0, 0, 1, 0, 0)] * 3
    assert [done.diff for done in second] == [(), (), ()]
    assert chain.one("sale.order", "subscription_s1", "write_date") == before


def test_a_dry_run_shows_the_whole_chain_and_writes_nothing(chain: Chain) -> None:
    shown = chain.all(records(), dry_run=True)
    assert [counts(done) for done in shown] == [(1, 0, 0, 0, 0)] * 3
    assert [row.external_id for row in shown[2].diff] == [chain.xid("subscription_s1"), chain.xid("subscription_s1_line")]
    assert [chain.ids(model) for model in ("res.partner", "product.template", "sale.order")] == [{}, {}, {}]
    with chain.db.transaction() as conn:
        for table in ("import_run", "odoo_record", "account_link"):
            assert conn.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize(
    ("changed", "price"),
    [
        ({"contract_price": Decimal("12.3456")}, 12.3456),
        ({"discount_percent": Decimal("33.33")}, 13.327333),
        ({"interval": Interval.YEARLY}, 199.9),
    ],
)
def test_a_changed_price_is_one_change(chain: Chain, changed: dict[str, object], price: float) -> None:
    one = a_subscription()
    source = records(plans=(a_plan(prices=BOTH),), subscriptions=(one,))
    chain.all(source)
    source = records(plans=(a_plan(prices=BOTH),), subscriptions=(replace(one, **changed),))  # type: ignore[arg-type]
    done = chain.subscriptions(source)
    assert counts(done) == (0, 1, 0, 0, 0)
    assert [(row.external_id, row.action) for row in done.diff] == [(chain.xid("subscription_s1_line"), Action.CHANGE)]
    assert chain.line()["price_unit"] == price
    assert counts(chain.subscriptions(source)) == (0, 0, 1, 0, 0)


def test_another_plan_moves_the_line_to_the_other_product(chain: Chain) -> None:
    plans = (a_plan("p1"), a_plan("p2", {Interval.MONTHLY: Decimal(5)}))
    chain.all(records(plans=plans))
    moved = records(plans=plans, subscriptions=(a_subscription(plan_id="p2"),))
    assert counts(chain.subscriptions(moved)) == (0, 1, 0, 0, 0)
    assert (chain.line()["price_unit"], chain.line()["name"]) == (5.0, "Plan p2 – monthly flat price")


def test_a_quantity_changed_in_odoo_is_put_back_with_the_price(chain: Chain) -> None:
    source = records(subscriptions=(a_subscription(contract_price=Decimal("7.125")),))
    chain.all(source)
    chain.odoo.write("sale.order.line", [chain.line()["id"]], {"product_uom_qty": 3, "price_unit": 7.125})
    assert counts(chain.subscriptions(source)) == (0, 1, 0, 0, 0)
    assert (chain.line()["product_uom_qty"], chain.line()["price_unit"]) == (1.0, 7.125)


def test_an_order_deleted_in_odoo_comes_back_whole(chain: Chain) -> None:
    chain.all(records())
    old = chain.ids("sale.order")[chain.xid("subscription_s1")]
    chain.odoo.unlink("sale.order", [old])
    assert counts(chain.subscriptions(records())) == (1, 0, 0, 0, 0)
    assert chain.line()["order_id"][0] == chain.ids("sale.order")[chain.xid("subscription_s1")] != old
    assert counts(chain.subscriptions(records())) == (0, 0, 1, 0, 0)


def test_a_line_deleted_in_odoo_comes_back(chain: Chain) -> None:
    chain.all(records())
    chain.odoo.unlink("sale.order.line", [chain.line()["id"]])
    assert counts(chain.subscriptions(records())) == (0, 1, 0, 0, 0)
    assert chain.line()["price_unit"] == 19.99


def test_a_line_that_somebody_added_is_left_alone(chain: Chain) -> None:
    chain.all(records())
    order = chain.line()["order_id"][0]
    chain.odoo.write("sale.order", [order], {"order_line": [(0, 0, {"name": "a note", "display_type": "line_note"})]})
    assert counts(chain.subscriptions(records())) == (0, 0, 1, 0, 0)
    assert len(chain.one("sale.order", "subscription_s1", "order_line")["order_line"]) == 2


def test_a_confirmed_order_is_never_touched_and_not_inert(chain: Chain) -> None:
    chain.all(records())
    assert shadow_inert(chain.odoo, chain.db, chain.service) == ()
    order = chain.ids("sale.order")[chain.xid("subscription_s1")]
    chain.odoo.call("sale.order", "action_confirm", [order])
    done = chain.subscriptions(records(subscriptions=(a_subscription(contract_price=Decimal(1)),)))
    assert counts(done) == (0, 0, 0, 0, 1)
    assert "no longer a draft but 'sale'" in reasons(done)["s1"]
    assert chain.line()["price_unit"] == 19.99
    (found,) = shadow_inert(chain.odoo, chain.db, chain.service)
    assert found.record == chain.xid("subscription_s1")
    assert "is not a draft but 'sale'" in found.reason


@dataclass(frozen=True)
class ConfirmedMeanwhile:
    """An Odoo in which somebody confirms an order right before we write to it."""

    odoo: Odoo
    order: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.odoo, name)

    def load(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> Loaded:
        if rows and model.startswith("sale.order") and self._is_draft():
            self.odoo.call("sale.order", "action_confirm", [self.order])
        return self.odoo.load(model, fields, rows)

    def _is_draft(self) -> bool:
        return bool(self.odoo.search_read("sale.order", [("id", "=", self.order), ("state", "=", "draft")], ["id"]))


@pytest.mark.parametrize("changed", [{"contract_price": Decimal(1)}, {"user_id": "u2"}])
def test_an_order_confirmed_while_the_import_runs_is_not_touched(chain: Chain, changed: dict[str, Any]) -> None:
    users = (a_user("u1"), a_user("u2"))
    chain.all(records(users=users, subscriptions=(a_subscription(), a_subscription("s2"))))
    before = chain.one("sale.order", "subscription_s1", "partner_id", "amount_total")
    source = records(users=users, subscriptions=(a_subscription(**changed), a_subscription("s2", contract_price=Decimal(2))))
    busy: Any = ConfirmedMeanwhile(chain.odoo, chain.ids("sale.order")[chain.xid("subscription_s1")])
    done = replace(chain, odoo=busy).subscriptions(source)
    assert (counts(done), "was confirmed while the import ran" in reasons(done)["s1"]) == ((0, 1, 0, 0, 1), True)
    assert chain.one("sale.order", "subscription_s1", "partner_id", "amount_total") == before
    assert chain.one("sale.order", "subscription_s2", "amount_untaxed")["amount_untaxed"] == 2.0


def test_another_customer_changes_no_currency(chain: Chain) -> None:
    users = (a_user("u1"), a_user("u2"))
    (usd,) = chain.odoo.search_read("res.currency", [("name", "=", "USD")], ["active"])
    chain.odoo.write("res.currency", [usd["id"]], {"active": True})
    values = {"name": chain.service.code, "currency_id": usd["id"]}
    pricelist = chain.odoo.call("product.pricelist", "create", values)
    chain.all(records(users=users))
    theirs = chain.ids("res.partner")[chain.xid("user_u2")]
    chain.odoo.write("res.partner", [theirs], {"property_product_pricelist": pricelist})
    assert counts(chain.subscriptions(records(users=users, subscriptions=(a_subscription(user_id="u2"),)))) == (0, 1, 0, 0, 0)
    order = chain.one("sale.order", "subscription_s1", "currency_id", "partner_id")
    assert (order["currency_id"][1], order["partner_id"][0]) == ("CAD", theirs)
    chain.odoo.write("res.partner", [theirs], {"property_product_pricelist": False})
    chain.odoo.unlink("product.pricelist", [pricelist])


def test_what_failed_before_fails_the_subscription_with_that_reason(chain: Chain) -> None:
    source = records(
        users=(a_user("u1"), a_user("u2", country="ZZ", state=None)),
        plans=(a_plan("p1"), a_plan("p2", {})),
        subscriptions=(a_subscription("s1"), a_subscription("s2", user_id="u2"), a_subscription("s3", plan_id="p2")),
    )
    partners, plans, subscriptions = chain.all(source)
    assert [counts(done) for done in (partners, plans, subscriptions)] == [(1, 0, 0, 0, 1), (1, 0, 0, 0, 1), (1, 0, 0, 0, 2)]
    assert reasons(subscriptions)["s2"].startswith("its user u2: Odoo knows no country ZZ")
    assert "missing price is not 0.00" in reasons(subscriptions)["s3"]


def test_bad_rows_are_counted_with_their_reason_and_stop_no_good_one(chain: Chain) -> None:
    bad = (
        BadRow(entity="subscriptions", external_id="s9", reason="subscription s9: unknown billing cycle 'weekly'", row={}),
        BadRow(entity="subscriptions", external_id="", reason="a row has no id", row={}),
        BadRow(entity="plans", external_id="p9", reason="plan p9: unit price is negative", row={}),
    )
    source = records(subscriptions=(a_subscription("s1"), a_subscription("s2", plan_id="p9")), bad=bad)
    done = chain.all(source)[2]
    assert counts(done) == (1, 0, 0, 0, 3)
    assert reasons(done) == {
        "s9": "subscription s9: unknown billing cycle 'weekly'",
        "(no id)": "a row has no id",
        "s2": "its plan p9: plan p9: unit price is negative",
    }


def test_an_interval_without_a_price_is_never_guessed(chain: Chain) -> None:
    done = chain.all(records(subscriptions=(a_subscription(interval=Interval.YEARLY),)))[2]
    assert (counts(done), reasons(done)["s1"]) == ((0, 0, 0, 0, 1), "plan p1 (Plan p1) has no yearly price")


def test_a_partner_that_is_not_there_yet_says_what_to_import_first(chain: Chain) -> None:
    chain.plans(records())
    done = chain.subscriptions(records())
    assert reasons(done) == {
        "s1": "its user u1: it is not in Odoo: run the whole import (fcb import), and see what that says of it"
    }


def test_what_has_no_activity_in_scope_is_skipped(chain: Chain) -> None:
    ended = datetime(2026, 1, 15, tzinfo=UTC)
    early = datetime(2025, 1, 1, tzinfo=UTC)
    source = records(
        subscriptions=(
            a_subscription("over", started_at=early, ended_at=ended),
            a_subscription("billed", started_at=early, ended_at=ended),
            a_subscription("later", started_at=datetime(2026, 7, 1, 4, tzinfo=UTC)),
        ),
        invoices=(an_invoice("billed"),),
    )
    done = chain.all(source)[2]
    assert counts(done) == (1, 0, 0, 2, 0)
    assert sorted(reasons(done)) == ["later", "over"]


def test_what_disappeared_from_the_source_is_reported_and_stays(chain: Chain) -> None:
    chain.all(records())
    done = chain.all(records(users=(), plans=(), subscriptions=()))
    assert [each.missing_from_source for each in done] == [
        (chain.xid("user_u1"),),
        (chain.xid("plan_p1"), chain.xid("plan_usage_p1")),
        (chain.xid("subscription_s1"),),
    ]
    assert [counts(each) for each in done] == [(0, 0, 0, 0, 0)] * 3
    assert chain.xid("subscription_s1") in chain.ids("sale.order")


def test_an_import_ended_between_its_parts_is_finished_by_the_next(chain: Chain) -> None:
    chain.partners(records())
    with chain.db.transaction() as conn:
        conn.execute("TRUNCATE odoo_record, import_issue, import_run, account_link")
    assert [counts(done) for done in chain.all(records())] == [(0, 0, 1, 0, 0), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0)]
    with chain.db.transaction() as conn:
        conn.execute("TRUNCATE odoo_record, import_issue, import_run, account_link")
    assert [counts(done) for done in chain.all(records())] == [(0, 0, 1, 0, 0)] * 3


def test_the_user_with_least_rights_imports_the_same(chain: Chain, least: Chain) -> None:
    assert [counts(done) for done in least.all(records())] == [(1, 0, 0, 0, 0)] * 3
    assert [counts(done) for done in least.all(records())] == [(0, 0, 1, 0, 0)] * 3
    assert shadow_inert(least.odoo, least.db, least.service) == ()
    with chain.db.transaction() as conn:
        conn.execute("TRUNCATE odoo_record, import_issue, import_run, account_link")
    assert [counts(done) for done in least.all(records())] == [(0, 0, 1, 0, 0)] * 3


def test_another_currency_needs_a_pricelist(chain: Chain) -> None:
    done = chain.all(records(plans=(a_plan(currency="CHF"),)))[2]
    assert reasons(done)["s1"].startswith("Odoo has no pricelist in CHF: activate the currency and add one")


def test_one_import_of_a_service_at_a_time(chain: Chain) -> None:
    with exclusive_import(chain.db, chain.service.code):
        assert counts(chain.partners(records(), dry_run=True)) == (1, 0, 0, 0, 0)
        with pytest.raises(RuleViolation, match="another import"):
            chain.partners(records())
    assert counts(chain.partners(records())) == (1, 0, 0, 0, 0)


def test_completeness_names_what_is_missing(chain: Chain) -> None:
    chain.all(records())
    chain.odoo.unlink("sale.order.line", [chain.line()["id"]])
    done = import_complete(chain.reading(records()), take_all=False)
    assert [(each.wanted, each.present) for each in done] == [(1, 1), (2, 2), (2, 1)]
    assert done[2].missing == (chain.xid("subscription_s1_line"),)
    assert [each.is_complete for each in done] == [True, True, False]


def test_an_order_comes_out_in_the_plans_currency(chain: Chain) -> None:
    (usd,) = chain.odoo.search_read("res.currency", [("name", "=", "USD")], ["active"])
    if not usd["active"]:
        chain.odoo.write("res.currency", [usd["id"]], {"active": True})
    values = {"name": chain.service.code, "currency_id": usd["id"]}
    pricelist = chain.odoo.call("product.pricelist", "create", values)
    source = records(plans=(a_plan(currency="USD"),))
    assert counts(chain.all(source)[2]) == (1, 0, 0, 0, 0)
    assert chain.one("sale.order", "subscription_s1", "currency_id")["currency_id"][1] == "USD"
    assert counts(chain.subscriptions(records())) == (0, 1, 0, 0, 0)
    assert chain.one("sale.order", "subscription_s1", "currency_id")["currency_id"][1] == "CAD"
    assert chain.line()["price_unit"] == 19.99
    chain.odoo.unlink("product.pricelist", [pricelist])
