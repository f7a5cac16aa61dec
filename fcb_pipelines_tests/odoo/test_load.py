"""`load`, the upsert by external id, as every import of ours uses it."""

from decimal import Decimal
from typing import Any

import pytest

from fcb_pipelines.domain.errors import Refused
from fcb_pipelines.odoo.client import LoadMessage, Odoo
from fcb_pipelines_tests.odoo.editions import Names
from fcb_pipelines_tests.odoo.made import Made

PARTNER = "res.partner"
NAMELESS = "Contacts require a name"


def _load(odoo: Odoo, made: Made, *rows: tuple[str, str, str]) -> tuple[int, ...]:
    loaded = odoo.load(
        PARTNER, ["id", "name", "email"], [[made.xid(key), made.name(name) if name else "", email] for key, name, email in rows]
    )
    assert not loaded.messages
    return loaded.ids


def _partner(odoo: Odoo, partner: int, *fields: str) -> dict[str, Any]:
    return odoo.search_read(PARTNER, [("id", "=", partner)], list(fields))[0]


def test_new_ids_make_records_in_row_order(odoo: Odoo, made: Made) -> None:
    one, two = _load(odoo, made, ("1", "b", ""), ("2", "a", "a@example.com"))
    assert _partner(odoo, one, "name")["name"] == made.name("b")
    assert _partner(odoo, two, "email")["email"] == "a@example.com"


def test_the_same_rows_again_change_the_same_records(odoo: Odoo, made: Made) -> None:
    first = _load(odoo, made, ("1", "a", "a@example.com"), ("2", "b", ""))
    assert _load(odoo, made, ("1", "new", ""), ("2", "b", "")) == first
    assert _partner(odoo, first[0], "name", "email") == {"id": first[0], "name": made.name("new"), "email": False}


@pytest.mark.parametrize("empty", ["", None, False])
def test_an_empty_cell_clears_the_field(odoo: Odoo, made: Made, empty: Any) -> None:
    (partner,) = _load(odoo, made, ("1", "a", "a@example.com"))
    odoo.load(PARTNER, ["id", "email", "color"], [[made.xid("1"), empty, empty]])
    assert _partner(odoo, partner, "email", "color", "name") == {
        "id": partner,
        "email": False,
        "color": 0,
        "name": made.name("a"),
    }


def test_of_rows_with_one_id_the_last_wins(odoo: Odoo, made: Made) -> None:
    ids = _load(odoo, made, ("1", "first", ""), ("1", "last", ""))
    assert ids[0] == ids[1]
    assert _partner(odoo, ids[0], "name")["name"] == made.name("last")


def test_external_ids_are_kept_under_the_part_before_the_first_dot(odoo: Odoo, made: Made) -> None:
    (partner,) = _load(odoo, made, ("user.53", "a", ""))
    domain = [("model", "=", PARTNER), ("res_id", "=", partner)]
    (row,) = odoo.search_read("ir.model.data", domain, ["module", "name", "noupdate", "complete_name"])
    name = made.xid("user.53").partition(".")[2]
    assert (row["module"], row["name"], row["noupdate"]) == ("fcb", name, False)
    assert row["complete_name"] == made.xid("user.53")
    assert odoo.call(PARTNER, "get_external_id", [partner]) == {str(partner): made.xid("user.53")}
    assert odoo.call("ir.model.data", "check_object_reference", "fcb", name) == [PARTNER, partner]


def test_an_id_without_a_dot_belongs_to_the_import(odoo: Odoo, made: Made, run: str) -> None:
    (partner,) = odoo.load(PARTNER, ["id", "name"], [[f"plain_{run}", made.name("a")]]).ids
    assert odoo.call(PARTNER, "get_external_id", [partner]) == {str(partner): f"__import__.plain_{run}"}


def test_a_record_without_an_external_id_has_an_empty_one(odoo: Odoo, made: Made) -> None:
    partner = made.partner()
    assert odoo.call(PARTNER, "get_external_id", [partner]) == {str(partner): ""}


def test_deleting_a_record_frees_its_external_id(odoo: Odoo, made: Made) -> None:
    (gone,) = _load(odoo, made, ("1", "a", ""))
    odoo.unlink(PARTNER, [gone])
    assert odoo.search_read("ir.model.data", [("name", "=", made.xid("1").partition(".")[2])], ["id"]) == []
    (new,) = _load(odoo, made, ("1", "a", ""))
    assert new != gone


def test_an_archived_record_is_found_and_stays_archived(odoo: Odoo, made: Made) -> None:
    (partner,) = _load(odoo, made, ("1", "a", ""))
    odoo.write(PARTNER, [partner], {"active": False})
    assert _load(odoo, made, ("1", "new", "")) == (partner,)
    assert _partner(odoo, partner, "active", "name") == {"id": partner, "active": False, "name": made.name("new")}


def test_noupdate_does_not_protect_from_load(odoo: Odoo, made: Made) -> None:
    (partner,) = _load(odoo, made, ("1", "a", ""))
    (row,) = odoo.search_read("ir.model.data", [("model", "=", PARTNER), ("res_id", "=", partner)], ["id"])
    odoo.write("ir.model.data", [row["id"]], {"noupdate": True})
    _load(odoo, made, ("1", "new", ""))
    assert _partner(odoo, partner, "name")["name"] == made.name("new")


def test_a_database_id_finds_the_record_where_no_external_id_is_given(odoo: Odoo, made: Made) -> None:
    partner = made.partner("before")
    assert odoo.load(PARTNER, [".id", "name"], [[str(partner), made.name("after")]]).ids == (partner,)
    assert _partner(odoo, partner, "name")["name"] == made.name("after")
    other = odoo.load(PARTNER, ["id", ".id", "name"], [[made.xid("1"), str(partner), made.name("new")]]).ids
    assert other != (partner,)


def test_rows_without_any_id_are_always_new(odoo: Odoo, made: Made) -> None:
    first = odoo.load(PARTNER, ["name"], [[made.name("a")]]).ids
    assert odoo.load(PARTNER, ["name"], [[made.name("a")]]).ids != first


def test_no_rows_are_nothing(odoo: Odoo) -> None:
    loaded = odoo.load(PARTNER, ["id", "name"], [])
    assert (loaded.ids, loaded.messages, loaded.is_rolled_back) == ((), (), False)


def test_one_bad_row_takes_all_back(odoo: Odoo, made: Made, names: Names) -> None:
    loaded = odoo.load(PARTNER, ["id", "name"], [[made.xid("1"), made.name("good")], [made.xid("2"), ""]])
    assert loaded.is_rolled_back
    assert loaded.messages == (LoadMessage(record=1, field="", message=names.either(NAMELESS, f"'{NAMELESS}'")),)
    assert odoo.search_read(PARTNER, [("name", "=", made.name("good"))], ["id"]) == []


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_row_is_a_record_without_a_name(odoo: Odoo, names: Names, blank: str | None) -> None:
    loaded = odoo.load(PARTNER, ["id", "name"], [[blank, blank]])
    assert [message.message for message in loaded.messages] == [names.either(NAMELESS, f"'{NAMELESS}'")]


def test_every_bad_row_is_told(odoo: Odoo, made: Made) -> None:
    rows = [[made.xid("1"), "", "1"], [made.xid("2"), "B", "abc"], [made.xid("3"), "C", ""]]
    loaded = odoo.load(PARTNER, ["id", "name", "color"], rows)
    assert {(message.record, message.field) for message in loaded.messages} == {(0, ""), (1, "color")}


@pytest.mark.parametrize(
    ("model", "column", "cell", "field", "message"),
    [
        (PARTNER, "color", "abc", "color", "'abc' does not seem to be an integer for field 'Color Index'"),
        (PARTNER, "color", "1.5", "color", "'1.5' does not seem to be an integer for field 'Color Index'"),
        (PARTNER, "active", "maybe", "active", "Unknown value 'maybe' for boolean field 'Active'"),
        (PARTNER, "type", "Bogus", "type", "Value 'Bogus' not found in selection field 'Address Type'"),
        (PARTNER, "country_id", "Nowhere", "country_id", "No matching record found for name 'Nowhere' in field 'Country'"),
        (
            PARTNER,
            "parent_id/id",
            "fcb.nope",
            "parent_id",
            "No matching record found for external id 'fcb.nope' in field 'Related Company'",
        ),
        (
            PARTNER,
            "state_id/.id",
            "999999",
            "state_id",
            "No matching record found for database id '999999' in field 'State'",
        ),
        (PARTNER, "state_id/.id", "abc", "state_id", "Invalid database id 'abc' for the field 'State'"),
        ("product.template", "list_price", "abc", "list_price", "'abc' does not seem to be a number for field 'Sales Price'"),
        (
            "product.template",
            "taxes_id/id",
            "account.1_hst_sale_tax_13,fcb.nope",
            "taxes_id",
            "No matching record found for external id 'fcb.nope' in field 'Sales Taxes'",
        ),
    ],
)
def test_an_unreadable_cell_is_told_with_its_field(
    odoo: Odoo, made: Made, *, model: str, column: str, cell: str, field: str, message: str
) -> None:
    loaded = odoo.load(model, ["id", "name", column], [[made.xid("1"), made.name("a"), cell]])
    assert loaded.messages == (LoadMessage(record=0, field=field, message=message),)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (
            "date_order",
            "2026-01-02T03:04:05",
            "'2026-01-02T03:04:05' does not seem to be a valid datetime for field 'Order Date'",
        ),
        ("validity_date", "2026-13-02", "'2026-13-02' does not seem to be a valid date for field 'Expiration'"),
    ],
)
def test_an_unreadable_date_is_told(odoo: Odoo, made: Made, column: str, cell: str, message: str) -> None:
    loaded = odoo.load("sale.order", ["id", "partner_id/.id", column], [[made.xid("so"), "1", cell]])
    assert loaded.messages == (LoadMessage(record=0, field=column, message=message),)


def test_an_unknown_database_id_is_told(odoo: Odoo) -> None:
    loaded = odoo.load(PARTNER, [".id", "name"], [["99999999", "x"]])
    assert loaded.messages == (LoadMessage(record=0, field=".id", message="Unknown database identifier '99999999'"),)


def test_an_external_id_of_another_model_is_refused(odoo: Odoo, made: Made) -> None:
    _load(odoo, made, ("1", "a", ""))
    (message,) = odoo.load("product.template", ["id", "name"], [[made.xid("1"), made.name("p")]]).messages
    text = (
        f"For external id {made.xid('1')} when trying to create/update a record of model product.template "
        "found record of different model res.partner"
    )
    assert message.message.startswith(text)


def test_a_link_to_a_record_of_another_model_is_refused(odoo: Odoo, made: Made) -> None:
    (template,) = odoo.load("product.template", ["id", "name"], [[made.xid("p"), made.name("p")]]).ids
    assert template
    (message,) = odoo.load(PARTNER, ["id", "name", "parent_id/id"], [[made.xid("1"), made.name("a"), made.xid("p")]]).messages
    assert (message.field, made.xid("p") in message.message) == ("parent_id", True)


@pytest.mark.parametrize(
    ("column", "cell", "shown"),
    [
        ("country_id", "Canada", "Canada"),
        ("country_id", "CA", "Canada"),
        ("state_id", "Ontario (CA)", "Ontario (CA)"),
        ("state_id/id", "base.state_ca_on", "Ontario (CA)"),
    ],
)
def test_links_are_found_by_name_code_and_id(odoo: Odoo, made: Made, column: str, cell: str, shown: str) -> None:
    (partner,) = odoo.load(PARTNER, ["id", "name", column], [[made.xid("1"), made.name("a"), cell]]).ids
    field = column.partition("/")[0]
    assert _partner(odoo, partner, field)[field][1] == shown


@pytest.mark.parametrize(
    ("cell", "kept"), [("1", True), ("true", True), ("Yes", True), ("0", False), ("false", False), ("", False)]
)
def test_booleans_are_text(odoo: Odoo, made: Made, cell: str, kept: bool) -> None:
    (partner,) = odoo.load(PARTNER, ["id", "name", "is_company"], [[made.xid("1"), made.name("a"), cell]]).ids
    assert _partner(odoo, partner, "is_company")["is_company"] is kept


@pytest.mark.parametrize(("cell", "kept"), [("Invoice", "invoice"), ("invoice", "invoice"), ("Other", "other")])
def test_choices_are_keys_or_labels(odoo: Odoo, made: Made, cell: str, kept: str) -> None:
    (partner,) = odoo.load(PARTNER, ["id", "name", "type"], [[made.xid("1"), made.name("a"), cell]]).ids
    assert _partner(odoo, partner, "type")["type"] == kept


@pytest.mark.parametrize(("cell", "kept"), [("1.5", 1.5), (2, 2.0), ("0.000123", 0.000123), (Decimal("12.345678"), 12.345678)])
def test_numbers_are_numbers_or_text(odoo: Odoo, made: Made, names: Names, cell: object, kept: float) -> None:
    (template,) = odoo.load("product.template", ["id", "name", "list_price"], [[made.xid("p"), made.name("p"), cell]]).ids
    assert odoo.search_read("product.template", [("id", "=", template)], ["list_price"])[0]["list_price"] == names.price(kept)


def test_several_links_stand_in_one_cell(odoo: Odoo, made: Made) -> None:
    def taxes(cell: str, how: str = "id") -> list[int]:
        rows = [[made.xid("p"), made.name("p"), cell]]
        (template,) = odoo.load("product.template", ["id", "name", f"taxes_id/{how}"], rows).ids
        found = odoo.search_read("product.template", [("id", "=", template)], ["taxes_id"])[0]["taxes_id"]
        return sorted(found)

    both = taxes("account.1_hst_sale_tax_13,account.1_gst_sale_tax_5")
    assert len(both) == 2
    assert taxes(str(both[0]), ".id") == both[:1]
    assert taxes("") == []


def test_an_unknown_column_raises(odoo: Odoo) -> None:
    with pytest.raises(Refused, match="Invalid field name 'nofield'"):
        odoo.load(PARTNER, ["id", "nofield"], [["fcb.x", "y"]])
