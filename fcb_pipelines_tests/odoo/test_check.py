"""What the doctor says about an Odoo, each fault planted in a sandbox of its own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fcb_pipelines.domain.findings import Finding, Level
from fcb_pipelines.domain.tax import TaxRate
from fcb_pipelines.odoo.check import QUANTITY_DIGITS, RIGHTS, check
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines.odoo.sandbox.access import CONTACTS, PRODUCTS, SALESMAN
from fcb_pipelines.odoo.sandbox.app import create_app
from fcb_pipelines.odoo.transport import connect
from fcb_pipelines_tests.odoo.server import ADMIN_KEY, IMPORTER_KEY, serving

HST = TaxRate(place="CA-ON", component="HST", percent=Decimal(13), valid_from=date(2010, 7, 1))
PRECISION = "Odoo precision 'Product Unit'"


class Server:
    """A sandbox that a test may bend."""

    def __init__(self, url: str, database_url: str) -> None:
        self.url, self.database_url = url, database_url
        self.database = str(conninfo_to_dict(database_url)["dbname"])

    @property
    def admin(self) -> Odoo:
        """The port, as the administrator."""
        return connect(self.url, self.database, "admin", ADMIN_KEY)

    @property
    def importer(self) -> Odoo:
        """The port, as the user with the least rights."""
        return connect(self.url, self.database, "importer", IMPORTER_KEY)

    def run(self, statement: str) -> None:
        """Change what no client may."""
        with psycopg.connect(self.database_url) as conn:
            conn.execute(statement.encode())

    def without(self, group: str) -> Odoo:
        """The port, as an importer who lacks a group."""
        admin = self.admin
        module, _, name = group.partition(".")
        (found,) = admin.search_read("ir.model.data", [("module", "=", module), ("name", "=", name)], ["res_id"])
        (user,) = admin.search_read("res.users", [("login", "=", "importer")], ["group_ids"])
        kept = [each for each in user["group_ids"] if each != found["res_id"]]
        self.run(f"UPDATE res_users SET group_ids = ARRAY{kept}, all_group_ids = ARRAY{kept} WHERE id = {user['id']}")
        return self.importer


@pytest.fixture
def server(fresh_database: str) -> Iterator[Server]:
    """As a new installation for Canada is."""
    keys = {"admin": ADMIN_KEY, "importer": IMPORTER_KEY}
    with serving(create_app(fresh_database, keys, clock=lambda: datetime(2026, 6, 2, tzinfo=UTC))) as url:
        yield Server(url, fresh_database)


def findings(odoo: Odoo, *rates: TaxRate, currency: str = "CAD") -> dict[str, Finding]:
    return {one.about: one for one in check(odoo, [currency], rates or (HST,))}


def bad(found: dict[str, Finding]) -> dict[str, Level]:
    return {about: one.level for about, one in found.items() if one.level is not Level.OK}


def test_a_server_with_enough_digits_is_in_order(server: Server) -> None:
    (precision,) = server.admin.search_read("decimal.precision", [("name", "=", "Product Unit")], ["digits"])
    server.admin.write("decimal.precision", [precision["id"]], {"digits": QUANTITY_DIGITS})
    found = findings(server.admin)
    assert bad(found) == {}
    assert found["Odoo version"].message == "19.0 Community"
    assert set(found) >= {"Odoo login", "Odoo currency CAD", PRECISION, "Odoo tax HST 13 %"}
    assert set(found) >= {f"Odoo rights on {model}" for model in RIGHTS}


def test_two_digits_of_quantity_are_warned_about(server: Server) -> None:
    found = findings(server.admin)
    assert bad(found) == {PRECISION: Level.WARNING}
    assert "2 digits: quantities of usage would be rounded; raise it to 6" in found[PRECISION].message


def test_a_precision_that_our_user_may_not_read_is_left_to_the_administrator(server: Server) -> None:
    found = findings(server.importer)
    assert bad(found) == {PRECISION: Level.WARNING}
    assert "let an administrator see that it is at least 6" in found[PRECISION].message


@pytest.mark.parametrize(
    ("group", "model", "missing"),
    [
        (CONTACTS, "res.partner", "create, write"),
        (PRODUCTS, "product.template", "create, write"),
    ],
)
def test_a_right_that_is_missing_is_named(server: Server, group: str, model: str, missing: str) -> None:
    found = findings(server.without(group))
    one = found[f"Odoo rights on {model}"]
    assert (one.level, one.message) == (Level.ERROR, f"our user may not {missing}: give it the group that may")
    assert set(bad(found)) == {PRECISION, one.about}


def test_a_right_on_orders_that_is_missing_is_named_for_lines_too(server: Server) -> None:
    found = findings(server.without(SALESMAN))
    for model in ("sale.order", "sale.order.line"):
        assert found[f"Odoo rights on {model}"].message == "our user may not create: give it the group that may"


def test_a_currency_without_a_price_list_is_an_error(server: Server) -> None:
    one = findings(server.importer, currency="EUR")["Odoo currency EUR"]
    assert one.level is Level.ERROR
    assert "no price list is in EUR" in one.message
    assert "Make a price list in EUR" in one.message


def test_a_tax_that_odoo_does_not_have_is_an_error(server: Server) -> None:
    rare = TaxRate(place="CA-QC", component="QST", percent=Decimal("9.976"), valid_from=date(2013, 1, 1))
    found = findings(server.importer, HST, rare)
    assert found["Odoo tax HST 13 %"].level is Level.OK
    assert (found["Odoo tax QST 9.976 %"].level, "chart of accounts of CA" in found["Odoo tax QST 9.976 %"].message) == (
        Level.ERROR,
        True,
    )


def test_an_archived_tax_is_no_tax(server: Server) -> None:
    server.run("UPDATE account_tax SET active = false")
    assert findings(server.importer)["Odoo tax HST 13 %"].level is Level.ERROR


def test_a_server_that_does_not_answer_is_one_finding() -> None:
    found = check(connect("http://127.0.0.1:1", "d", "u", "secret-key"), ["CAD"], [HST])
    assert [(one.level, one.about) for one in found] == [(Level.ERROR, "FCB_ODOO_URL")]
    assert "secret-key" not in found[0].message


def test_a_wrong_key_is_said_after_the_version(server: Server) -> None:
    found = check(connect(server.url, server.database, "importer", "wrong"), ["CAD"], [HST])
    assert [(one.level, one.about) for one in found][:1] == [(Level.OK, "Odoo version")]
    assert found[-1].level is Level.ERROR
    assert "FCB_ODOO_KEY" in found[-1].message


def test_looking_writes_nothing(server: Server) -> None:
    tables = ("res_partner", "product_template", "sale_order", "ir_model_data", "decimal_precision", "res_users")

    def rows() -> list[object]:
        with psycopg.connect(server.database_url) as conn:
            return [conn.execute(f"TABLE {name}".encode()).fetchall() for name in tables]

    before = rows()
    findings(server.admin)
    assert rows() == before
