"""Who may do what: the administrator, and the user with the least rights that an import needs."""

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import Made

NEEDED = {
    "res.partner": ("read", "create", "write", "unlink"),
    "product.template": ("read", "create", "write", "unlink"),
    "product.product": ("read", "create", "write", "unlink"),
    "sale.order": ("read", "create", "write"),
    "sale.order.line": ("read", "create", "write", "unlink"),
    "account.move": ("read", "create", "write", "unlink"),
    "account.tax": ("read",),
    "payment.token": ("read",),
    "payment.transaction": ("read", "create", "write"),
    "product.pricelist": ("read", "create", "write", "unlink"),
    "res.company": ("read",),
    "uom.uom": ("read", "create", "write", "unlink"),
}

REFUSED = [
    ("ir.model.data", "read", "access", "Model Data", "\t- Access Rights"),
    ("ir.model.data", "create", "create", "Model Data", "\t- Access Rights"),
    ("decimal.precision", "read", "access", "Decimal Precision", "\t- Role / Administrator"),
    ("decimal.precision", "write", "modify", "Decimal Precision", "\t- Role / Administrator"),
    ("sale.order", "unlink", "delete", "Sales Order", "\t- Sales/Administrator"),
    ("res.company", "write", "modify", "Companies", "\t- Access Rights"),
    ("account.tax", "write", "modify", "Tax", "\t- Accounting/Administrator"),
]


IN_18 = {
    "\t- Access Rights": "\t- Administration/Access Rights",
    "\t- Role / Administrator": "\t- Administration/Settings",
    "\t- Accounting/Administrator": "\t- Invoicing/Administrator",
}
"""Groups by the names that 18 has for them."""


@pytest.mark.parametrize("model", NEEDED)
def test_the_importer_may_do_what_it_needs(importer: Odoo, names: Names, model: str) -> None:
    operations = ("read", "create", "write", "unlink")
    allowed = tuple(operation for operation in operations if importer.call(model, "has_access", [], operation))
    assert allowed == names.either(NEEDED, {**NEEDED, "uom.uom": ("read",)})[model]


@pytest.mark.parametrize(("model", "operation", "verb", "label", "groups"), REFUSED)
def test_the_importer_is_refused_in_these_words(
    importer: Odoo, names: Names, *, model: str, operation: str, verb: str, label: str, groups: str
) -> None:
    with pytest.raises(Refused) as refusal:
        importer.call(model, "check_access_rights", operation)
    assert str(refusal.value) == (
        f"You are not allowed to {verb} '{label}' ({model}) records.\n\n"
        f"This operation is allowed for the following groups:\n{names.either(groups, IN_18.get(groups, groups))}\n\n"
        "Contact your administrator to request access if necessary."
    )
    assert importer.call(model, "check_access_rights", operation, raise_exception=False) is False


@pytest.mark.parametrize("model", NEEDED)
def test_the_administrator_may_read_everything(odoo: Odoo, model: str) -> None:
    assert odoo.call(model, "check_access_rights", "read") is None
    assert odoo.call(model, "has_access", [], "read") is True


def test_the_importer_loads_by_external_id_without_reading_them(odoo: Odoo, importer: Odoo, made: Made) -> None:
    (partner,) = importer.load("res.partner", ["id", "name"], [[made.xid("1"), made.name("a")]]).ids
    assert importer.load("res.partner", ["id", "name"], [[made.xid("1"), made.name("b")]]).ids == (partner,)
    assert importer.call("res.partner", "get_external_id", [partner]) == {str(partner): made.xid("1")}
    module, _, name = made.xid("1").partition(".")
    assert importer.call("ir.model.data", "check_object_reference", module, name) == ["res.partner", partner]
    assert odoo.search_read("ir.model.data", [("name", "=", name)], ["res_id"])[0]["res_id"] == partner
    with pytest.raises(Refused, match="You are not allowed to access 'Model Data'"):
        importer.search_read("ir.model.data", [], ["name"], limit=1)


def test_a_lack_of_rights_in_load_is_a_message(importer: Odoo, run: str) -> None:
    (message,) = importer.load("res.company", ["id", "name"], [[f"fcb.{run}", run]]).messages
    assert message.message.startswith("You are not allowed to create 'Companies' (res.company) records.")


def test_the_importer_cannot_delete_orders(importer: Odoo, made: Made) -> None:
    order = made.order(made.partner())
    with pytest.raises(Refused, match="You are not allowed to delete 'Sales Order'"):
        importer.unlink("sale.order", [order])
    assert importer.call("sale.order", "action_cancel", [order]) is True


@pytest.mark.parametrize(
    ("group", "of_admin", "of_importer"),
    [
        ("base.group_system", True, False),
        ("base.group_erp_manager", True, False),
        ("base.group_user", True, True),
        ("sales_team.group_sale_salesman", True, True),
        ("sales_team.group_sale_manager", True, False),
        ("account.group_account_invoice", True, True),
        ("product.group_product_manager", True, True),
        ("fcb.group_nobody_made", False, False),
    ],
)
def test_groups(odoo: Odoo, importer: Odoo, group: str, of_admin: bool, of_importer: bool) -> None:
    assert odoo.call("res.users", "has_group", [odoo.user_id()], group) is of_admin
    assert importer.call("res.users", "has_group", [importer.user_id()], group) is of_importer
    assert odoo.call("res.users", "has_group", [importer.user_id()], group) is of_importer


def test_users_are_who_they_are(odoo: Odoo, importer: Odoo) -> None:
    assert odoo.user_id() == 2
    (row,) = importer.search_read("res.users", [("id", "=", importer.user_id())], ["login", "company_id"])
    assert (row["login"], row["company_id"][0]) == ("importer", 1)


def test_the_modules_are_installed(odoo: Odoo, names: Names) -> None:
    rows = odoo.search_read("ir.module.module", [("name", "in", ["rpc", "sale_management", "l10n_ca"])], ["name", "state"])
    own = names.either({"rpc": "installed"}, {})
    assert {row["name"]: row["state"] for row in rows} == {**own, "sale_management": "installed", "l10n_ca": "installed"}


def test_a_group_tax_says_100(odoo: Odoo) -> None:
    domain = [("type_tax_use", "=", "sale"), ("name", "=", "14.975% GST+QST")]
    (tax,) = odoo.search_read("account.tax", domain, ["amount", "amount_type", "children_tax_ids", "company_id"])
    assert (tax["amount"], tax["amount_type"]) == (100.0, "group")
    children = odoo.search_read("account.tax", [("id", "in", tax["children_tax_ids"])], ["amount"])
    assert sorted(child["amount"] for child in children) == [5.0, 9.975]


def test_taxes_have_external_ids_of_the_company(odoo: Odoo) -> None:
    model, tax = odoo.call("ir.model.data", "check_object_reference", "account", "1_hst_sale_tax_13")
    assert model == "account.tax"
    assert odoo.search_read("account.tax", [("id", "=", tax)], ["name", "amount"])[0]["amount"] == 13.0


def test_the_company_is_canadian(odoo: Odoo) -> None:
    fields = ["currency_id", "country_id", "state_id", "chart_template", "account_sale_tax_id"]
    (company,) = odoo.search_read("res.company", [("id", "=", 1)], fields)
    shown = [company[name][1] for name in ("currency_id", "country_id", "state_id", "account_sale_tax_id")]
    assert shown == ["CAD", "Canada", "Ontario (CA)", "13% HST"]
    assert company["chart_template"] == "ca_2023"
    (pricelist,) = odoo.search_read("product.pricelist", [("currency_id", "=", "CAD")], ["display_name", "active"], limit=1)
    assert (pricelist["display_name"], pricelist["active"]) == ("Default (CAD)", True)


def test_precisions_are_as_installed(odoo: Odoo, names: Names) -> None:
    known = [names.edition.quantity_precision, "Product Price", "Discount"]
    rows = odoo.search_read("decimal.precision", [("name", "in", known)], ["name"])
    assert len(rows) == 3
