"""The facts of Odoo's settings that a flip rests on, of each Odoo; what no real one may be bent for, of the sandbox alone."""

from datetime import date

import pytest

from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.edition import detect
from fcb_pipelines.odoo.flip_settings import FlipSettings, flip_settings
from fcb_pipelines.odoo.read_back import QUANTITY, tax_rounding
from fcb_pipelines.odoo.records import decimals_kept
from fcb_pipelines.odoo.rights import ALL_ORDERS, CONTACTS, EMPLOYEE, INVOICING, PRODUCTS
from fcb_pipelines_tests.odoo.bent import Server
from fcb_pipelines_tests.odoo.editions import Names

LEAST = (EMPLOYEE, CONTACTS, PRODUCTS, ALL_ORDERS)


def facts(odoo: Odoo) -> FlipSettings:
    return flip_settings(odoo, detect(odoo))


def test_the_user_of_these_tests_may_all_that_a_flip_does(importer: Odoo, names: Names) -> None:
    seen = facts(importer)
    assert (seen.lacks, seen.sees_tokens, seen.plans, seen.sends_by_itself) == ({}, True, None, None)
    assert (seen.price_decimals, seen.quantity_decimals) == (
        names.decimals,
        decimals_kept(importer, "sale.order.line", QUANTITY),
    )
    assert seen.tax_rounding is tax_rounding(importer)


def test_an_administrator_sees_whether_odoo_sends(odoo: Odoo) -> None:
    assert facts(odoo).sends_by_itself is False


@pytest.mark.parametrize(
    ("groups", "sees"),
    [([EMPLOYEE, CONTACTS], False), ([EMPLOYEE, ALL_ORDERS], True), ([EMPLOYEE, INVOICING], True)],
)
def test_tokens_are_seen_in_sales_and_in_invoicing(server: Server, groups: list[str], sees: bool) -> None:
    assert facts(server.having(groups)).sees_tokens is sees


def test_without_invoicing_models_are_named(server: Server) -> None:
    seen = facts(server.having(LEAST))
    assert seen.sees_tokens
    assert set(seen.lacks) == {
        "account.move",
        "account.move.line",
        "account.partial.reconcile",
        "account.payment",
        "payment.transaction",
    }
    assert all("Invoicing" in words for words in seen.lacks.values())
    assert facts(server.having([*LEAST, INVOICING])).lacks == {}


@pytest.mark.parametrize(("value", "sends"), [("True", True), ("False", False), ("1", True)])
def test_a_setting_that_sends_is_told(server: Server, value: str, sends: bool) -> None:
    parameter = {"key": "sale.automatic_invoice", "value": value}
    server.admin.call("ir.config_parameter", "create", parameter)
    assert facts(server.admin).sends_by_itself is sends
    assert facts(server.importer).sends_by_itself is None


def test_a_user_without_an_address_is_told(server: Server) -> None:
    assert facts(server.importer).has_email
    server.run("UPDATE res_partner SET email = NULL")
    assert not facts(server.importer).has_email


def test_books_are_closed_up_to_and_with_the_day(server: Server) -> None:
    first = date(2026, 7, 1)
    assert (facts(server.importer).locks, facts(server.importer).closed(first)) == ({}, {})
    server.run("UPDATE res_company SET tax_lock_date = '2026-06-30', sale_lock_date = '2026-07-01'")
    seen = facts(server.importer)
    assert seen.locks == {"tax_lock_date": date(2026, 6, 30), "sale_lock_date": date(2026, 7, 1)}
    assert seen.closed(first) == {"sale_lock_date": date(2026, 7, 1)}
