"""What the doctor says about an Odoo, each fault planted in a sandbox of its own, and what `--fix` makes of it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from fcb_pipelines.domain.errors import InvalidInput, Refused
from fcb_pipelines.domain.findings import Finding, Level, Remedy, Write
from fcb_pipelines.domain.tax import TaxRate, TaxRounding
from fcb_pipelines.odoo.check import check
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.remedies import apply, require_company
from fcb_pipelines.odoo.sandbox.edition import COMMUNITY_18, ENTERPRISE_19
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.bent import NEEDS, NOW, Server, bad, findings, served

PRECISION, ROUNDING = "Odoo precision 'Product Unit'", "Odoo tax rounding"
NEW = {PRECISION: Level.WARNING, ROUNDING: Level.WARNING}
"""What a new installation of 19 needs."""

ANOTHER_COMPANY = (
    'INSERT INTO res_company SELECT (jsonb_populate_record(c, \'{"id": 77, "name": "Another"}\')).* FROM res_company c'
)

TABLES = ("res_partner", "product_template", "product_pricelist", "sale_order", "ir_model_data", "decimal_precision",
          "res_users", "res_company", "res_currency")  # fmt: skip


@pytest.fixture
def server_18(fresh_database: str) -> Iterator[Server]:
    with served(fresh_database, COMMUNITY_18) as started:
        yield started


@pytest.fixture
def enterprise(fresh_database: str) -> Iterator[Server]:
    with served(fresh_database, ENTERPRISE_19) as started:
        yield started


def remedies(found: dict[str, Finding]) -> dict[str, Remedy]:
    return {about: one.remedy for about, one in found.items() if one.remedy is not None}


def fixed(odoo: Odoo, found: dict[str, Finding]) -> dict[str, bool]:
    return {about: apply(odoo, about, remedy).is_applied for about, remedy in remedies(found).items()}


def rows(server: Server) -> list[object]:
    with psycopg.connect(server.database_url) as conn:
        return [conn.execute(f"TABLE {name} ORDER BY id".encode()).fetchall() for name in TABLES]


def test_a_new_server_needs_digits_and_our_rounding(server: Server) -> None:
    found = findings(server.importer)
    assert bad(found) == NEW
    assert found["Odoo version"].message == "19.0 Community"
    assert found["Odoo login"].message.startswith("user id 5, over ")
    assert found["Odoo precision 'Product Price'"].message == "numbers are kept in full"
    assert "2 digits: quantities of usage would be rounded; raise it to 6" in found[PRECISION].message
    assert "Odoo rounds taxes by total and tax_rounding in our settings is line" in found[ROUNDING].message
    assert set(found) >= {"Odoo currency CAD", "Odoo tax HST 13 %", "Odoo lock dates", "Odoo API keys"}


def test_looking_writes_nothing_whatever_could_be_fixed(server: Server) -> None:
    before = rows(server)
    assert remedies(findings(server.admin, currencies=("CAD", "EUR", "USD")))
    assert rows(server) == before


class TestFix:
    """What `--fix` writes."""

    def test_an_administrator_applies_everything_and_then_nothing_is_left(self, server: Server) -> None:
        found = findings(server.admin, currencies=("CAD", "USD"))
        assert set(fixed(server.admin, found)) == {PRECISION, ROUNDING, "Odoo currency USD"}
        assert all(fixed(server.admin, found).values()), "twice is as once"
        after = findings(server.importer, currencies=("CAD", "USD"))
        assert bad(after) == {}
        assert remedies(after) == {}
        assert after[PRECISION].message == "6 digits"
        made = server.admin.search_read("product.pricelist", [("currency_id.name", "=", "USD")], ["name", "company_id"])
        assert [(one["name"], one["company_id"][0]) for one in made] == [("Shadow subscriptions in USD", 1)]

    def test_a_currency_that_is_not_active_is_activated(self, server: Server) -> None:
        server.run("UPDATE res_currency SET active = false WHERE name = 'USD'")
        remedy = findings(server.admin, currencies=("USD",))["Odoo currency USD"].remedy
        assert remedy is not None
        assert remedy.words.startswith("activate the currency USD and make a price list in USD for company '")
        assert "switches multi-currency and price lists on for every user of this database" in remedy.influence
        assert apply(server.admin, "Odoo currency USD", remedy).is_applied
        assert server.admin.search_read("res.currency", [("name", "=", "USD")], ["active"])[0]["active"] is True

    def test_a_currency_that_odoo_does_not_know_has_no_remedy(self, server: Server) -> None:
        one = findings(server.admin, currencies=("XTS",))["Odoo currency XTS"]
        assert (one.level, one.remedy) == (Level.ERROR, None)
        assert "no price list of it is in XTS" in one.message

    def test_what_our_user_may_not_is_refused_with_the_group_that_may(self, server: Server) -> None:
        found = findings(server.importer)
        before = rows(server)
        done = {about: apply(server.importer, about, remedy) for about, remedy in remedies(found).items()}
        assert {about: one.is_applied for about, one in done.items()} == {PRECISION: False, ROUNDING: False}
        assert "- Role / Administrator" in done[PRECISION].message
        assert "- Access Rights" in done[ROUNDING].message
        assert all("with FCB_ODOO_USER and FCB_ODOO_KEY of a user who may" in one.message for one in done.values())
        assert rows(server) == before

    def test_a_remedy_says_what_else_it_changes(self, server: Server) -> None:
        found = remedies(findings(server.importer))
        assert "every draft order and invoice of the company, other people's too" in found[ROUNDING].influence
        assert "every product, order and invoice of this database" in found[PRECISION].influence

    def test_the_company_that_was_said_is_fixed_and_no_other(self, server: Server) -> None:
        server.run(ANOTHER_COMPANY)
        (other,) = server.admin.search_read("res.company", [("name", "=", "Another")], ["id"])
        found = findings(server.admin, currencies=("USD",), company=other["id"])
        assert "for company 'Another'" in found["Odoo currency USD"].remedy.words  # type: ignore[union-attr]
        assert "let company 'Another' round taxes" in found[ROUNDING].remedy.words  # type: ignore[union-attr]
        assert all(fixed(server.admin, found).values())
        lists = server.admin.search_read("product.pricelist", [("currency_id.name", "=", "USD")], ["company_id"])
        assert [each["company_id"][0] for each in lists] == [other["id"]]
        assert findings(server.admin)[ROUNDING].level is Level.WARNING, "the first company is as it was"
        assert remedies(findings(server.admin, currencies=("USD",), company=other["id"])) == {}
        assert findings(server.admin, company=99)["Odoo settings"].message.endswith("sees no company with id 99")

    def test_several_companies_are_told_apart_before_anything_is_written(self, server: Server) -> None:
        require_company(server.admin, None)
        server.run(ANOTHER_COMPANY)
        with pytest.raises(InvalidInput, match=r"sees several companies \(1 '.*', \d+ 'Another'\); say with --company ID"):
            require_company(server.admin, None)
        with pytest.raises(InvalidInput, match="sees no company 99"):
            require_company(server.admin, 99)
        require_company(server.admin, 1)

    def test_a_value_that_does_not_stay_is_not_called_applied(self, server: Server) -> None:
        where = (("login", "=", "admin"),)
        remedy = Remedy(words="", influence="", writes=(Write(model="res.users", where=where, values={"share": True}),))
        assert not apply(server.importer, "x", remedy).is_applied

    def test_a_setting_that_is_not_there_is_refused(self, server: Server) -> None:
        where = (("name", "=", "Nothing"),)
        write = Write(model="decimal.precision", where=where, values={"digits": 6})
        done = apply(server.admin, "x", Remedy(words="", influence="", writes=(write,)))
        assert "there is no decimal.precision with name 'Nothing'" in done.message

    def test_a_server_that_went_away_is_no_refusal(self) -> None:
        write = Write(model="decimal.precision", where=(("name", "=", "x"),), values={"digits": 6})
        gone = connect("http://127.0.0.1:1", "d", "u", "secret-key", pauses_seconds=())
        done = apply(gone, "x", Remedy(words="", influence="", writes=(write,)))
        assert not done.is_applied
        assert done.message.startswith("not known to be written: ")


def test_18_cuts_prices_too(server_18: Server) -> None:
    found = findings(server_18.admin, acts=NEEDS.acts)
    about = {"Odoo precision 'Product Unit of Measure'", "Odoo precision 'Product Price'"}
    assert set(remedies(found)) == about, "its rounding is ours as installed"
    assert fixed(server_18.admin, found) == dict.fromkeys(about, True)
    assert remedies(findings(server_18.importer)) == {}


def test_enterprise_lacks_recurring_plans_until_somebody_makes_them(enterprise: Server) -> None:
    assert findings(enterprise.importer)["Odoo recurring plans"].level is Level.OK
    enterprise.run("DELETE FROM sale_subscription_plan WHERE billing_period_unit = 'year'")
    one = findings(enterprise.importer)["Odoo recurring plans"]
    assert one.level is Level.WARNING
    assert "there is none that is yearly: make it" in one.message


def test_services_that_round_differently_cannot_share_a_company(server: Server) -> None:
    one = findings(server.admin, roundings=(TaxRounding.LINE, TaxRounding.TOTAL))[ROUNDING]
    assert (one.level, one.remedy) == (Level.ERROR, None)
    assert findings(server.admin, roundings=(TaxRounding.TOTAL,))[ROUNDING].level is Level.OK


def test_a_tax_that_odoo_does_not_have_is_an_error(server: Server) -> None:
    rare = TaxRate(place="CA-QC", component="QST", percent=Decimal("9.976"), valid_from=date(2013, 1, 1))
    one = findings(server.importer, rates=(*NEEDS.rates, rare))["Odoo tax QST 9.976 %"]
    assert one.level is Level.ERROR
    assert "choose the localization of CA" in one.message


def test_an_archived_tax_is_no_tax(server: Server) -> None:
    server.run("UPDATE account_tax SET active = false")
    assert findings(server.importer)["Odoo tax HST 13 %"].level is Level.ERROR


def test_an_app_that_is_missing_is_the_last_thing_said(server: Server) -> None:
    server.run("UPDATE ir_module_module SET state = 'uninstalled' WHERE name = 'sale_management'")
    found = check(server.importer, NEEDS)
    assert (found[-1].level, found[-1].about) == (Level.ERROR, "Odoo apps")
    assert "Sales are not installed" in found[-1].message


class TestBooks:
    """What stands in the books."""

    def test_customers_without_a_province_are_named(self, server: Server) -> None:
        (canada,) = server.admin.search_read("res.country", [("code", "=", "CA")], ["id"])
        names = ["Nowhere", *(f"Customer {number}" for number in range(6))]
        made = server.admin.call("res.partner", "create", [{"name": name, "country_id": canada["id"]} for name in names])
        one = findings(server.importer, partners=tuple(made))["Odoo customers' provinces"]
        assert one.level is Level.WARNING
        assert one.message.startswith("7 customers have no country or no province")
        assert "Nowhere, Customer 0, Customer 1, Customer 2, Customer 3 and 2 more" in one.message
        assert findings(server.importer, partners=(1,))["Odoo customers' provinces"].level is Level.OK

    @pytest.mark.parametrize(("day", "level"), [("2026-04-30", Level.OK), ("2026-05-01", Level.WARNING)])
    def test_books_that_are_closed_on_days_to_be_invoiced_are_named(self, server: Server, day: str, level: Level) -> None:
        server.run(f"UPDATE res_company SET sale_lock_date = '{day}'")
        one = findings(server.importer)["Odoo lock dates"]
        assert one.level is level
        assert (f"sale_lock_date {day}" in one.message) == (level is Level.WARNING)

    def test_a_draft_of_ours_that_would_post_itself_is_an_error(self, server: Server) -> None:
        admin, values = server.admin, {"move_type": "out_invoice", "partner_id": 1}
        ours, theirs = (admin.call("account.move", "create", dict(values)) for _ in range(2))
        server.run(f"UPDATE account_move SET auto_post = 'at_date' WHERE id = {theirs}")
        about = "Odoo drafts that post themselves"
        assert findings(server.importer)[about].level is Level.OK
        server.run(f"UPDATE account_move SET auto_post = 'at_date' WHERE id = {ours}")
        named = {"module": "fcb", "name": "small_invoice_1", "model": "account.move", "res_id": ours}
        admin.call("ir.model.data", "create", named)
        one = findings(server.importer)[about]
        assert one.level is Level.ERROR
        assert one.message.startswith("1 of our drafts are set to be posted by Odoo")

    @pytest.mark.parametrize(
        ("end", "level"),
        [("2026-07-03 00:00:00", Level.OK), ("2026-07-02 15:00:00", Level.WARNING), ("2026-06-01 00:00:00", Level.WARNING)],
    )
    def test_a_key_that_ends_soon_is_warned_about(self, server: Server, end: str, level: Level) -> None:
        server.run(
            "INSERT INTO res_users_apikeys (name, user_id, expiration_date) "
            f"VALUES ('nightly import', 5, '{end}'), ('of somebody else', 2, '2026-06-03 00:00:00')"
        )
        found = findings(server.importer, now=NOW)
        about = "Odoo API keys" if level is Level.OK else "Odoo API key 'nightly import'"
        assert found[about].level is level
        assert "Odoo API key 'of somebody else'" not in found


class Without:
    """An Odoo that refuses one model."""

    def __init__(self, odoo: Odoo, model: str) -> None:
        self._odoo, self._model = odoo, model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._odoo, name)

    def search_read(self, model: str, *args: Any) -> Any:
        if model == self._model:
            raise Refused("our user may not")
        return self._odoo.search_read(model, *args)


@pytest.mark.parametrize(
    ("model", "about"),
    [("account.tax", "Odoo taxes"), ("product.pricelist", "Odoo settings"), ("account.move", "Odoo books")],
)
def test_what_cannot_be_looked_at_is_named_and_hides_no_other(server: Server, model: str, about: str) -> None:
    partly: Any = Without(server.importer, model)
    found = findings(partly)
    assert {each for each, one in found.items() if one.level is Level.ERROR} == {about}
    assert found[about].message == "not looked at to the end: our user may not"
    assert {"Odoo login", "Odoo tax HST 13 %", "Odoo precision 'Product Unit'", "Odoo lock dates"} - found.keys() <= {
        "Odoo tax HST 13 %" if about == "Odoo taxes" else ""
    }


def test_a_server_that_does_not_answer_is_one_finding() -> None:
    found = check(connect("http://127.0.0.1:1", "d", "u", "secret-key", pauses_seconds=()), NEEDS)
    assert [(one.level, one.about) for one in found] == [(Level.ERROR, "FCB_ODOO_URL")]
    assert "secret-key" not in found[0].message


def test_a_wrong_key_is_said_after_the_version(server: Server) -> None:
    found = check(connect(server.url, server.database, "importer", "wrong"), NEEDS)
    assert [(one.level, one.about) for one in found][:1] == [(Level.OK, "Odoo version")]
    assert found[-1].level is Level.ERROR
    assert "FCB_ODOO_KEY" in found[-1].message
