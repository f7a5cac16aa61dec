"""Plans against each Odoo: two products each, prices exact, a missing price never 0.00."""

from decimal import Decimal

import pytest

from fcb_pipelines.domain.external_ids import Entity
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.store.imports import issues, latest_runs
from fcb_pipelines.store.imports import records as odoo_records
from fcb_pipelines_tests.acts.chain import Chain, counts, reasons
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription, records

FIELDS = ("name", "list_price", "default_code", "type", "sale_ok", "purchase_ok", "taxes_id")


def test_a_plan_is_two_products(chain: Chain) -> None:
    assert counts(chain.plans(records(plans=(a_plan(name="Pro × 2"),)))) == (1, 0, 0, 0, 0)
    flat, usage = (chain.one("product.template", f"{name}_p1", *FIELDS) for name in ("plan", "plan_usage"))
    assert (flat["name"], flat["list_price"], flat["default_code"]) == ("Pro × 2", 19.99, "p1")
    assert (usage["name"], usage["list_price"], usage["default_code"]) == (
        "Pro × 2 – cpu_seconds overage",
        0.0075,
        "p1/cpu_seconds",
    )
    assert [(each["type"], each["sale_ok"], each["purchase_ok"]) for each in (flat, usage)] == [("service", True, False)] * 2


@pytest.mark.parametrize(
    ("prices", "shown"),
    [
        ({Interval.MONTHLY: Decimal("1.5"), Interval.YEARLY: Decimal(15)}, 1.5),
        ({Interval.YEARLY: Decimal(15)}, 15.0),
        ({Interval.MONTHLY: Decimal(0)}, 0.0),
    ],
)
def test_the_price_is_that_of_a_month_else_of_a_year(chain: Chain, prices: dict[Interval, Decimal], shown: float) -> None:
    chain.plans(records(plans=(a_plan(prices=prices),)))
    assert chain.one("product.template", "plan_p1", "list_price")["list_price"] == shown


def test_a_plan_without_any_price_fails_and_is_not_made(chain: Chain) -> None:
    done = chain.plans(records(plans=(a_plan("p1", {}), a_plan("p2"))))
    assert counts(done) == (1, 0, 0, 0, 1)
    assert reasons(done)["p1"] == ("plan p1 (Plan p1) has no price, and a missing price is not 0.00")
    assert sorted(chain.ids("product.template")) == [chain.xid("plan_p2"), chain.xid("plan_usage_p2")]


def test_only_active_or_referenced_plans_are_taken_unless_all_are_asked_for(chain: Chain) -> None:
    plans = (a_plan("on"), a_plan("used", is_active=False), a_plan("old", is_active=False))
    source = records(plans=plans, subscriptions=(a_subscription(plan_id="used"),))
    done = chain.plans(source)
    assert (counts(done), sorted(reasons(done))) == ((2, 0, 0, 1, 0), ["old"])
    assert counts(chain.plans(source, take_all=True)) == (1, 0, 2, 0, 0)


def test_a_plan_on_request_is_left_out_until_somebody_is_on_it(chain: Chain) -> None:
    done = chain.plans(records(plans=(a_plan("p1"), a_plan("asked", {}))), take_all=True)
    assert (counts(done), list(reasons(done))) == ((1, 0, 0, 1, 0), ["asked"])


def test_a_changed_price_is_one_change_of_one_product(chain: Chain) -> None:
    chain.plans(records(plans=(a_plan("p1"), a_plan("p2"))))
    done = chain.plans(records(plans=(a_plan("p1"), a_plan("p2", unit_price=Decimal("0.000123")))))
    assert counts(done) == (0, 1, 1, 0, 0)
    (row,) = done.diff
    (change,) = row.fields
    assert (row.external_id, change.field) == (chain.xid("plan_usage_p2"), "price")
    assert (change.before, change.after) == (Decimal("0.0075"), Decimal("0.000123"))


def test_a_product_deleted_in_odoo_comes_back(chain: Chain) -> None:
    chain.plans(records())
    chain.odoo.unlink("product.template", [chain.ids("product.template")[chain.xid("plan_usage_p1")]])
    assert counts(chain.plans(records())) == (0, 1, 0, 0, 0)
    assert len(chain.ids("product.template")) == 2


def test_what_a_run_did_is_kept_with_its_reasons(chain: Chain) -> None:
    plans = (a_plan("p1"), a_plan("p2", {}), a_plan("p3", is_active=False))
    chain.plans(records(plans=plans, subscriptions=(a_subscription(plan_id="p2"),)))
    with chain.db.transaction() as conn:
        run = latest_runs(conn, chain.service.code)[Entity.PLAN]
        kept = issues(conn, run.import_run_id)
        seen = odoo_records(conn, chain.service.code, Entity.PLAN_USAGE)
    assert (run.created, run.changed, run.unchanged, run.skipped, run.failed) == (1, 0, 0, 1, 1)
    assert [(each.external_id, each.outcome.value) for each in kept] == [("p2", "failed"), ("p3", "skipped")]
    assert [(each.external_id, each.source_id, each.odoo_id) for each in seen] == [
        (chain.xid("plan_usage_p1"), "p1", chain.ids("product.template")[chain.xid("plan_usage_p1")])
    ]
