"""What an Odoo is found to be, on each edition of the sandbox and on versions that nobody has here; Enterprise's own rules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.domain.plans import Interval
from fcb_pipelines.odoo.client import Odoo, ServerVersion
from fcb_pipelines.odoo.edition import PLAN_MODEL, OdooEdition, detect, missing_plan, subscription_plans
from fcb_pipelines.odoo.plans import catalogue
from fcb_pipelines.odoo.sandbox.edition import COMMUNITY_19, EDITIONS
from fcb_pipelines.odoo.sandbox.fields import char
from fcb_pipelines.odoo.sandbox.variation import Variation, varied
from fcb_pipelines.odoo.subscriptions import Currencies, kept_empty, kind, loading
from fcb_pipelines.odoo.subscriptions import line as a_line
from fcb_pipelines.odoo.subscriptions import order as an_order
from fcb_pipelines_tests.acts.source_records import a_plan, a_subscription
from fcb_pipelines_tests.odoo.editions import as_user, sandbox_of

OLD, NEW, ENTERPRISE = "community-18", "community-19", "enterprise-19"


@pytest.fixture(scope="module")
def urls(postgres_url: str) -> Iterator[Mapping[str, str]]:
    """The address of a sandbox of each edition."""
    with (
        sandbox_of(postgres_url, OLD, _database(OLD)) as old,
        sandbox_of(postgres_url, NEW, _database(NEW)) as new,
        sandbox_of(postgres_url, ENTERPRISE, _database(ENTERPRISE)) as enterprise,
    ):
        yield {OLD: old, NEW: new, ENTERPRISE: enterprise}


def _database(edition: str) -> str:
    return f"edition_{edition.replace('-', '_')}"


@pytest.fixture
def each(urls: Mapping[str, str], request: pytest.FixtureRequest) -> Odoo:
    """The port to the edition that the test names, as the user with the least rights."""
    return as_user(urls[request.param], _database(request.param), "importer")


@pytest.fixture
def enterprise(urls: Mapping[str, str]) -> Odoo:
    """The port to Enterprise, as the administrator."""
    return as_user(urls[ENTERPRISE], _database(ENTERPRISE))


@pytest.mark.parametrize(
    ("each", "name", "names"),
    [
        (OLD, "18.0 Community", ("tax_id", "product_uom", "groups_id", "Product Unit of Measure")),
        (NEW, "19.0 Community", ("tax_ids", "product_uom_id", "group_ids", "Product Unit")),
        (ENTERPRISE, "19.0+e Enterprise with subscriptions", ("tax_ids", "product_uom_id", "group_ids", "Product Unit")),
    ],
    indirect=["each"],
)
def test_an_odoo_says_what_it_is(each: Odoo, name: str, names: tuple[str, ...]) -> None:
    found = detect(each)
    assert (found.name, (found.line_taxes, found.line_unit, found.user_groups, found.quantity_precision)) == (name, names)


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """An Odoo of a version that there is no sandbox of: what it says of itself, and nothing else."""

    major: int
    described: Mapping[str, tuple[str, ...]]
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def version(self) -> ServerVersion:
        return ServerVersion(text=f"{self.major}.0", major=self.major, is_enterprise=False)

    def fields(self, model: str) -> Mapping[str, Mapping[str, Any]]:
        return {name: {} for name in self.described.get(model, ())}

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> bool:
        self.asked.append((model, method, *args, kwargs))
        return True


NAMED_AS_IN_19 = {"sale.order.line": ("tax_ids", "product_uom_id"), "res.users": ("group_ids",)}
NAMED_AS_IN_18 = {"sale.order.line": ("tax_id", "product_uom"), "res.users": ("groups_id",)}


def _found(there: Elsewhere) -> OdooEdition:
    return detect(there)  # type: ignore[arg-type]  # it answers what is asked here, and no more


def test_names_are_found_by_looking_and_not_by_the_version() -> None:
    later, earlier = (_found(Elsewhere(major=major, described=NAMED_AS_IN_19)) for major in (20, 18))
    assert (later.line_taxes, later.quantity_precision) == (earlier.line_taxes, earlier.quantity_precision)
    assert _found(Elsewhere(major=19, described=NAMED_AS_IN_18)).line_taxes == "tax_id"


def test_a_version_with_other_names_is_refused_and_not_guessed() -> None:
    unknown = Elsewhere(major=21, described={**NAMED_AS_IN_19, "sale.order.line": ("taxes", "product_uom_id")})
    with pytest.raises(Refused, match=r"sale.order.line has none of the fields tax_ids, tax_id"):
        _found(unknown)


@pytest.mark.parametrize(
    ("major", "asked"),
    [
        (17, ("res.partner", "check_access_rights", "write", {"raise_exception": False})),
        (18, ("res.partner", "has_access", [], "write", {})),
        (20, ("res.partner", "has_access", [], "write", {})),
    ],
)
def test_rights_are_asked_for_by_the_method_of_the_version(major: int, asked: tuple[Any, ...]) -> None:
    there = Elsewhere(major=major, described=NAMED_AS_IN_18)
    assert _found(there).may(there, "res.partner", "write")  # type: ignore[arg-type]  # as above
    assert there.asked == [asked]


@pytest.mark.parametrize("each", [OLD, NEW, ENTERPRISE], indirect=True)
def test_what_we_may_is_told(each: Odoo) -> None:
    found = detect(each)
    assert [found.may(each, "sale.order", operation) for operation in ("write", "unlink")] == [True, False]


@pytest.mark.parametrize("each", [OLD, NEW], indirect=True)
def test_there_is_no_recurring_plan_without_subscriptions(each: Odoo) -> None:
    assert subscription_plans(each) == {}
    assert kept_empty(each) == ()
    assert "is_recurring" not in catalogue(each).products(a_plan())[0]
    for model in (PLAN_MODEL, "sale.subscription.pricing"):
        with pytest.raises(Refused, match=f"Object {model} doesn't exist"):
            each.search_read(model, [], ["id"])
    with pytest.raises(Refused, match="Invalid field"):
        each.search_read("sale.order", [("plan_id", "=", False)], ["id"])


def _plans(odoo: Odoo) -> dict[str, int]:
    return {row["name"]: row["id"] for row in odoo.search_read(PLAN_MODEL, [], ["name"])}


def test_each_interval_has_its_recurring_plan(enterprise: Odoo) -> None:
    plans = _plans(enterprise)
    assert sorted(plans) == ["Monthly", "Quarterly", "Yearly"]
    assert subscription_plans(enterprise) == {interval: plans[interval.capitalize()] for interval in Interval}


def test_a_year_may_be_twelve_months_and_the_oldest_of_several_is_taken(enterprise: Odoo) -> None:
    yearly = _plans(enterprise)["Yearly"]
    given = {"name": "12 months", "billing_period_unit": "month", "billing_period_value": 12}
    other = enterprise.call(PLAN_MODEL, "create", given)
    try:
        assert subscription_plans(enterprise)[Interval.YEARLY] == yearly
        enterprise.write(PLAN_MODEL, [yearly], {"active": False})
        assert subscription_plans(enterprise)[Interval.YEARLY] == other
        enterprise.write(PLAN_MODEL, [other], {"active": False})
        assert Interval.YEARLY not in subscription_plans(enterprise)
    finally:
        enterprise.write(PLAN_MODEL, [yearly], {"active": True})
        enterprise.unlink(PLAN_MODEL, [other])


def test_a_plan_of_another_company_is_not_ours(enterprise: Odoo) -> None:
    monthly = _plans(enterprise)["Monthly"]
    enterprise.write(PLAN_MODEL, [monthly], {"company_id": 1})
    try:
        assert subscription_plans(enterprise)[Interval.MONTHLY] == monthly
        other = enterprise.call("res.company", "create", {"name": "Other", "partner_id": 1, "currency_id": 3})
        enterprise.write(PLAN_MODEL, [monthly], {"company_id": other})
        assert Interval.MONTHLY not in subscription_plans(enterprise)
    finally:
        enterprise.write(PLAN_MODEL, [monthly], {"company_id": False})


def test_weeks_are_no_number_of_months(enterprise: Odoo) -> None:
    plan = enterprise.call(PLAN_MODEL, "create", {"name": "4 weeks", "billing_period_unit": "week", "billing_period_value": 4})
    assert plan not in subscription_plans(enterprise).values()
    enterprise.unlink(PLAN_MODEL, [plan])


@pytest.mark.parametrize(("interval", "period"), [(Interval.MONTHLY, "every 1 month"), (Interval.YEARLY, "every 1 year")])
def test_a_missing_plan_is_said_with_what_to_do(interval: Interval, period: str) -> None:
    assert period in missing_plan(interval)
    assert "Configuration > Recurring Plans" in missing_plan(interval)


def _order(odoo: Odoo, **values: Any) -> dict[str, Any]:
    partner = odoo.call("res.partner", "create", {"name": "x"})
    order = odoo.call("sale.order", "create", {"partner_id": partner, **values})
    return _read(odoo, order)


def _read(odoo: Odoo, order: int) -> dict[str, Any]:
    names = ["plan_id", "is_subscription", "subscription_state", "start_date", "next_invoice_date", "recurring_monthly"]
    return odoo.search_read("sale.order", [("id", "=", order)], names)[0]


def test_a_plan_makes_an_order_a_subscription_and_taking_it_away_unmakes_it(enterprise: Odoo) -> None:
    order = _order(enterprise)
    assert (order["is_subscription"], order["subscription_state"]) == (False, False)
    enterprise.write("sale.order", [order["id"]], {"plan_id": _plans(enterprise)["Monthly"]})
    order = _read(enterprise, order["id"])
    assert (order["is_subscription"], order["subscription_state"], order["start_date"]) == (True, "1_draft", False)
    enterprise.write("sale.order", [order["id"]], {"plan_id": False})
    assert _read(enterprise, order["id"])["subscription_state"] is False


@pytest.mark.parametrize(
    ("given", "start", "following"),
    [
        ({}, "2026-06-02", "2026-06-02"),
        ({"start_date": "2026-07-01"}, "2026-07-01", "2026-07-01"),
        ({"start_date": "2026-07-01", "next_invoice_date": "2026-08-01"}, "2026-07-01", "2026-08-01"),
    ],
)
def test_confirming_starts_a_subscription(enterprise: Odoo, given: dict[str, str], start: str, following: str) -> None:
    order = _order(enterprise, plan_id=_plans(enterprise)["Yearly"], **given)
    assert order["subscription_state"] == "1_draft"
    enterprise.call("sale.order", "action_confirm", [order["id"]])
    order = _read(enterprise, order["id"])
    assert (order["subscription_state"], order["start_date"], order["next_invoice_date"]) == ("3_progress", start, following)


def test_confirming_an_order_without_a_plan_starts_nothing(enterprise: Odoo) -> None:
    order = _order(enterprise)
    enterprise.call("sale.order", "action_confirm", [order["id"]])
    order = _read(enterprise, order["id"])
    assert (order["subscription_state"], order["next_invoice_date"]) == (False, False)


@pytest.mark.parametrize(("plan", "monthly"), [("Monthly", 24.0), ("Quarterly", 8.0), ("Yearly", 2.0)])
def test_what_a_subscription_brings_a_month_is_of_its_recurring_lines(enterprise: Odoo, plan: str, monthly: float) -> None:
    given = {"name": "p", "type": "service", "list_price": 24, "recurring_invoice": True}
    recurring = enterprise.call("product.product", "create", given)
    once = enterprise.call("product.product", "create", {"name": "q", "type": "service", "list_price": 100})
    lines = [(0, 0, {"product_id": product}) for product in (recurring, once)]
    order = _order(enterprise, plan_id=_plans(enterprise)[plan], order_line=lines)
    assert order["recurring_monthly"] == monthly
    shown = enterprise.search_read("sale.order.line", [("order_id", "=", order["id"])], ["recurring_invoice"])
    assert [row["recurring_invoice"] for row in shown] == [True, False]


def test_a_plan_in_use_stays(enterprise: Odoo) -> None:
    plan = enterprise.call(PLAN_MODEL, "create", {"name": "used", "billing_period_unit": "month"})
    order = _order(enterprise, plan_id=plan)
    with pytest.raises(Refused, match="'Recurring Plan' \\(plan_id\\)"):
        enterprise.unlink(PLAN_MODEL, [plan])
    enterprise.unlink("sale.order", [order["id"]])
    enterprise.unlink(PLAN_MODEL, [plan])


@pytest.mark.parametrize("each", [ENTERPRISE], indirect=True)
def test_a_new_order_leaves_its_plan_empty_in_so_many_words(each: Odoo) -> None:
    empty = kept_empty(each)
    assert empty == ("plan_id/.id",)
    fields, line = an_order(a_subscription(), a_plan(), 1), a_line(a_subscription(), a_plan(), 1, Decimal(50))
    from_us = kind(Currencies(pricelists={"CAD": None}, codes={3: "CAD"}))
    load = loading(from_us, {"fcb.x": fields}, {"fcb.x_line": line}, empty)
    assert dict(zip(load.columns, load.rows["fcb.x"], strict=True))["plan_id/.id"] == ""
    assert "plan_id/.id" not in loading(from_us, {"fcb.x": fields}, {"fcb.x_line": line}).columns


MODELS = [(edition, model) for edition, one in EDITIONS.items() for model in sorted(one.models) if edition != NEW]


@pytest.mark.parametrize(("edition", "model"), MODELS)
def test_every_model_of_the_other_editions_can_be_read_in_full(urls: Mapping[str, str], edition: str, model: str) -> None:
    rows = as_user(urls[edition], _database(edition)).call(model, "search_read", [], [], limit=3)
    assert all(row.keys() == EDITIONS[edition].models[model].fields.keys() for row in rows)


@pytest.mark.parametrize(
    "difference",
    [
        Variation(renamed={"res.partner": {"nofield": "other"}}),
        Variation(changed={"res.partner": {"nofield": {"required": True}}}),
        Variation(hidden={"res.partner": frozenset({"nofield"})}),
        Variation(hidden={"no.model": frozenset()}),
    ],
)
def test_a_difference_from_what_is_not_declared_is_an_error(difference: Variation) -> None:
    with pytest.raises(KeyError):
        varied(COMMUNITY_19.models, difference)


def test_a_hidden_field_keeps_its_column_and_a_renamed_one_its_own() -> None:
    difference = Variation(
        renamed={"res.partner": {"email": "mail"}},
        hidden={"res.partner": frozenset({"phone"})},
        added={"res.partner": (char("fax", "Fax"),)},
    )
    before, after = COMMUNITY_19.models["res.partner"], varied(COMMUNITY_19.models, difference)["res.partner"]
    assert after.fields.keys() ^ before.fields.keys() == {"email", "mail", "phone", "fax"}
    assert {one.column for one in after.columns} == {*(one.column for one in before.columns), "fax"}
    assert (after.by_column["email"].name, after.by_column["phone"].name) == ("mail", "phone")
