"""Creating, reading, changing and deleting records."""

from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import Odoo
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import Made

PARTNER = "res.partner"
NOWHERE = 99_999_999


def _read(odoo: Odoo, record: int, *fields: str, model: str = PARTNER) -> dict[str, Any]:
    return dict(odoo.call(model, "read", [record], list(fields))[0])


def test_one_record_answers_an_id_and_a_list_answers_a_list(odoo: Odoo, made: Made) -> None:
    assert isinstance(odoo.call(PARTNER, "create", {"name": made.name("a")}), int)
    two = odoo.call(PARTNER, "create", [{"name": made.name("b")}, {"name": made.name("c")}])
    assert [row["name"] for row in odoo.call(PARTNER, "read", two, ["name"])] == [made.name("b"), made.name("c")]
    assert odoo.call(PARTNER, "create", []) == []


def test_one_bad_record_refuses_all(odoo: Odoo, made: Made) -> None:
    with pytest.raises(Refused, match="Contacts require a name"):
        odoo.call(PARTNER, "create", [{"name": made.name("good")}, {"email": "a@b.example"}])
    assert odoo.search_read(PARTNER, [("name", "=", made.name("good"))], ["id"]) == []


def test_a_new_partner_has_these_values(odoo: Odoo, made: Made) -> None:
    fields = (
        "active",
        "type",
        "is_company",
        "lang",
        "autopost_bills",
        "color",
        "email",
        "parent_id",
        "country_id",
        "child_ids",
    )
    assert _read(odoo, partner := made.partner(), *fields) == {
        "id": partner,
        "active": True,
        "type": "contact",
        "is_company": False,
        "lang": "en_US",
        "autopost_bills": "ask",
        "color": 0,
        "email": False,
        "parent_id": False,
        "country_id": False,
        "child_ids": [],
    }


@pytest.mark.parametrize(
    ("email", "normalized"),
    [
        ('"A B" <Foo@Example.COM>, other@x.example', "foo@example.com"),
        ("not an email", False),
        ("UPPER@EXAMPLE.COM", "upper@example.com"),
        ("", False),
    ],
)
def test_emails_are_normalized_not_validated(odoo: Odoo, made: Made, email: str, normalized: object) -> None:
    partner = made.partner(email=email)
    assert _read(odoo, partner, "email_normalized")["email_normalized"] == normalized
    odoo.write(PARTNER, [partner], {"email": "changed@example.com"})
    assert _read(odoo, partner, "email_normalized")["email_normalized"] == "changed@example.com"


def test_links_are_shown_with_a_name_or_as_an_id(odoo: Odoo, made: Made) -> None:
    parent = made.partner("company", is_company=True)
    child = made.partner("child", parent_id=parent)
    assert _read(odoo, child, "parent_id", "commercial_partner_id", "display_name") == {
        "id": child,
        "parent_id": [parent, made.name("company")],
        "commercial_partner_id": [parent, made.name("company")],
        "display_name": f"{made.name('company')}, {made.name('child')}",
    }
    assert odoo.call(PARTNER, "read", [child], ["parent_id"], load="")[0]["parent_id"] == parent
    assert _read(odoo, parent, "child_ids")["child_ids"] == [child]


def test_records_are_read_in_the_order_asked_and_missing_ones_left_out(odoo: Odoo, made: Made) -> None:
    one, two = made.partner("1"), made.partner("2")
    assert [row["id"] for row in odoo.call(PARTNER, "read", [two, NOWHERE, one], ["name"])] == [two, one]
    assert odoo.call(PARTNER, "read", [NOWHERE], ["name"]) == []


def test_a_change_reaches_all_ids(odoo: Odoo, made: Made) -> None:
    ids = [made.partner("1"), made.partner("2")]
    odoo.write(PARTNER, ids, {"ref": 5, "color": "7"})
    assert [(row["ref"], row["color"]) for row in odoo.call(PARTNER, "read", ids, ["ref", "color"])] == [("5", 7), ("5", 7)]


def test_a_change_of_a_missing_record_changes_none(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    with pytest.raises(Refused, match="Record does not exist or has been deleted"):
        odoo.write(PARTNER, [partner, NOWHERE], {"ref": "x"})
    assert _read(odoo, partner, "ref")["ref"] is False


def test_a_contact_cannot_lose_its_name(odoo: Odoo, made: Made) -> None:
    with pytest.raises(Refused, match="Contacts require a name"):
        odoo.write(PARTNER, [made.partner()], {"name": False})


@pytest.mark.parametrize(("model", "field"), [(PARTNER, "country_id"), (PARTNER, "parent_id")])
def test_a_link_to_nothing_is_refused(odoo: Odoo, made: Made, names: Names, model: str, field: str) -> None:
    # 18 leaves some links to its database, whose refusal reads as if something was to be deleted.
    told_by_database = names.is_18 and field == "parent_id"
    with pytest.raises(
        Refused, match="another model requires" if told_by_database else "Record does not exist or has been deleted"
    ):
        odoo.write(model, [made.partner()], {field: NOWHERE})


def test_no_ids_are_nothing_to_do(odoo: Odoo) -> None:
    odoo.write(PARTNER, [], {"name": "x"})
    odoo.unlink(PARTNER, [])
    assert odoo.call("sale.order", "action_confirm", []) is True


@pytest.mark.parametrize("text", ["", "emoji 😀", "   ", "quote ' \" \\", "ligne\nsuivante"])
def test_text_is_kept_as_it_is(odoo: Odoo, made: Made, text: str) -> None:
    assert _read(odoo, made.partner(ref=text), "ref")["ref"] == text


def test_duplicates_are_accepted(odoo: Odoo, made: Made) -> None:
    one, two = (made.partner("same", email="same@example.com", ref="same") for _ in range(2))
    assert one != two


@pytest.mark.parametrize("moment", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01 00:00:00.123456", "yesterday"])
def test_datetimes_have_one_form(odoo: Odoo, made: Made, moment: str) -> None:
    with pytest.raises(Refused, match=r"builtins.ValueError"):
        made.order(made.partner(), date_order=moment)


def test_a_datetime_is_shown_to_the_second(odoo: Odoo, made: Made) -> None:
    order = made.order(made.partner(), date_order="2026-01-01 23:59:59")
    assert _read(odoo, order, "date_order", model="sale.order")["date_order"] == "2026-01-01 23:59:59"


def test_a_template_brings_its_variant(odoo: Odoo, made: Made) -> None:
    variant = made.product("plan", default_code="QX", description_sale="more")
    shown = _read(
        odoo, variant, "display_name", "lst_price", "default_code", "type", "product_tmpl_id", model="product.product"
    )
    name = f"[QX] {made.name('plan')}"
    assert shown.pop("product_tmpl_id")[1] == name
    assert shown == {"id": variant, "display_name": name, "lst_price": 1.5, "default_code": "QX", "type": "service"}


def test_a_template_takes_the_companys_defaults(odoo: Odoo, made: Made) -> None:
    fields = ["type", "list_price", "uom_id", "taxes_id", "sale_ok", "purchase_ok", "invoice_policy", "product_variant_count"]
    template = odoo.call("product.template", "create", {"name": made.name("plan")})
    (shown,) = odoo.call("product.template", "read", [template], fields)
    taxes = odoo.search_read("account.tax", [("id", "in", shown.pop("taxes_id"))], ["name"])
    assert [tax["name"] for tax in taxes] == ["13% HST"]
    assert shown.pop("uom_id")[1] == "Units"
    assert shown == {
        "id": template,
        "type": "consu",
        "list_price": 1.0,
        "sale_ok": True,
        "purchase_ok": True,
        "invoice_policy": "order",
        "product_variant_count": 1,
    }


def test_a_variant_made_alone_brings_its_template(odoo: Odoo, made: Made) -> None:
    variant = odoo.call("product.product", "create", {"name": made.name("plan"), "list_price": 3, "default_code": "X"})
    template = _read(odoo, variant, "product_tmpl_id", model="product.product")["product_tmpl_id"][0]
    fields = ("list_price", "default_code", "product_variant_id", "product_variant_ids")
    shown = _read(odoo, template, *fields, model="product.template")
    assert (shown["list_price"], shown["default_code"], shown["product_variant_ids"]) == (3.0, "X", [variant])
    odoo.write("product.product", [variant], {"list_price": 4, "default_code": "Y"})
    assert _read(odoo, template, "list_price", "default_code", model="product.template") == {
        "id": template,
        "list_price": 4.0,
        "default_code": "Y",
    }


def test_archiving_a_template_archives_its_variant(odoo: Odoo, made: Made) -> None:
    variant = made.product()
    template = _read(odoo, variant, "product_tmpl_id", model="product.product")["product_tmpl_id"][0]
    odoo.write("product.template", [template], {"active": False})
    assert _read(odoo, variant, "active", model="product.product")["active"] is False
    odoo.call("product.product", "action_unarchive", [variant])
    assert _read(odoo, variant, "active", model="product.product")["active"] is True


def test_many_links_take_commands(odoo: Odoo, made: Made) -> None:
    taxes = [tax["id"] for tax in odoo.search_read("account.tax", [("type_tax_use", "=", "sale")], ["id"], limit=3)]
    template = odoo.call("product.template", "create", {"name": made.name("p"), "taxes_id": [(6, 0, taxes)]})

    def after(command: tuple[Any, ...]) -> set[int]:
        odoo.write("product.template", [template], {"taxes_id": [command]})
        return set(_read(odoo, template, "taxes_id", model="product.template")["taxes_id"])

    assert after((3, taxes[0])) == set(taxes[1:])
    assert after((4, taxes[0])) == set(taxes)
    assert after((5,)) == set()
    assert after((6, 0, taxes[:1])) == {taxes[0]}


@pytest.mark.parametrize(
    ("model", "field", "kind", "relation", "required"),
    [
        (PARTNER, "name", "char", None, False),
        (PARTNER, "email_normalized", "char", None, False),
        (PARTNER, "state_id", "many2one", "res.country.state", False),
        (PARTNER, "autopost_bills", "selection", None, True),
        ("product.template", "list_price", "float", None, False),
        ("product.template", "taxes_id", "many2many", "account.tax", False),
        ("product.template", "uom_id", "many2one", "uom.uom", True),
        ("product.product", "product_tmpl_id", "many2one", "product.template", True),
        ("sale.order", "partner_id", "many2one", "res.partner", True),
        ("sale.order", "amount_total", "monetary", None, False),
        ("sale.order", "order_line", "one2many", "sale.order.line", False),
        ("sale.order", "date_order", "datetime", None, True),
        ("sale.order", "validity_date", "date", None, False),
        ("sale.order.line", "name", "text", None, True),
        ("sale.order.line", "tax_ids", "many2many", "account.tax", False),
        ("sale.order.line", "product_uom_qty", "float", None, True),
        ("sale.order.line", "product_uom_id", "many2one", "uom.uom", False),
        ("account.move", "state", "selection", None, True),
        ("account.move", "payment_state", "selection", None, False),
        ("decimal.precision", "digits", "integer", None, True),
        ("payment.token", "partner_id", "many2one", "res.partner", True),
        ("res.company", "tax_calculation_rounding_method", "selection", None, False),
    ],
)
def test_fields_have_their_types(
    odoo: Odoo, names: Names, *, model: str, field: str, kind: str, relation: str | None, required: bool
) -> None:
    described = odoo.fields(model)[names.line.get(field, field) if model == "sale.order.line" else field]
    assert (described["type"], described.get("relation"), described["required"]) == (kind, relation, required)


@pytest.mark.parametrize(
    ("model", "absent"),
    [
        (PARTNER, {"mobile", "title"}),
        ("product.template", {"uom_po_id"}),
        ("sale.order.line", {"tax_id", "product_uom"}),
        ("res.users", {"groups_id"}),
    ],
)
def test_fields_that_18_has_are_absent_from_19_on(odoo: Odoo, names: Names, model: str, absent: set[str]) -> None:
    assert absent & odoo.fields(model).keys() == names.either(set(), absent)


@pytest.mark.parametrize(
    ("model", "absent"),
    [
        ("product.template", {"recurring_invoice"}),
        ("sale.order", {"plan_id", "subscription_state", "is_subscription", "next_invoice_date", "start_date", "end_date"}),
    ],
)
def test_fields_of_subscriptions_are_there_with_them(odoo: Odoo, names: Names, model: str, absent: set[str]) -> None:
    assert absent & odoo.fields(model).keys() == (absent if names.edition.has_subscriptions else set())


def test_fields_of_earlier_versions_are_absent(odoo: Odoo) -> None:
    assert not {"detailed_type", "is_storable"} & odoo.fields("product.template").keys()


@pytest.mark.parametrize("model", ["sale.subscription", "sale.subscription.plan", "uom.category"])
def test_models_of_other_versions_and_editions_are_absent(odoo: Odoo, names: Names, model: str) -> None:
    if {"uom.category": names.is_18, "sale.subscription.plan": names.edition.has_subscriptions}.get(model):
        assert odoo.search_read(model, [], ["id"])
        return
    with pytest.raises(Refused, match=f"Object {model} doesn't exist"):
        odoo.search_read(model, [], ["id"])


def test_choices_are_described_with_labels(odoo: Odoo) -> None:
    assert odoo.fields("sale.order")["state"]["selection"] == [
        ["draft", "Quotation"],
        ["sent", "Quotation Sent"],
        ["sale", "Sales Order"],
        ["cancel", "Cancelled"],
    ]


def test_numbers_are_described_with_their_digits(odoo: Odoo, names: Names) -> None:
    lines, taxes = odoo.fields("sale.order.line"), odoo.fields("account.tax")
    assert lines["price_unit"]["digits"] == ([16, names.decimals] if names.decimals else False)
    assert lines["product_uom_qty"]["digits"][0] == 16
    assert taxes["amount"]["digits"] == [16, 4]


def test_defaults_can_be_asked_for(odoo: Odoo) -> None:
    assert odoo.call("sale.order", "default_get", ["state", "name", "locked", "partner_id"]) == {
        "state": "draft",
        "name": "New",
        "locked": False,
    }
    assert odoo.call(PARTNER, "default_get", ["type", "autopost_bills"]) == {"type": "contact", "autopost_bills": "ask"}
