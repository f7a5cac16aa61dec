"""The facts of Odoo's settings that a flip rests on, of each Odoo; what no real one may be bent for, of the sandbox alone."""

from datetime import date

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


def test_tokens_are_seen_in_sales_and_in_invoicing_and_lacking_rights_are_named(server: Server) -> None:
    seen = facts(server.having([EMPLOYEE, CONTACTS]))
    assert not seen.sees_tokens
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
    assert facts(server.having([EMPLOYEE, INVOICING])).sees_tokens


def test_a_setting_that_sends_is_told(server: Server) -> None:
    parameter = server.admin.call("ir.config_parameter", "create", {"key": "sale.automatic_invoice", "value": "0"})
    for value, sends in (("True", True), ("False", False), ("1", True)):
        server.admin.write("ir.config_parameter", [parameter], {"value": value})
        assert facts(server.admin).sends_by_itself is sends
    assert facts(server.importer).sends_by_itself is None


def test_a_user_without_an_address_and_books_that_are_closed_are_told(server: Server) -> None:
    first, before = date(2026, 7, 1), facts(server.importer)
    assert (before.has_email, before.locks, before.closed(first)) == (True, {}, {})
    server.run("UPDATE res_partner SET email = NULL")
    server.run("UPDATE res_company SET tax_lock_date = '2026-06-30', sale_lock_date = '2026-07-01'")
    seen = facts(server.importer)
    assert not seen.has_email
    assert seen.locks == {"tax_lock_date": date(2026, 6, 30), "sale_lock_date": date(2026, 7, 1)}
    assert seen.closed(first) == {"sale_lock_date": date(2026, 7, 1)}
